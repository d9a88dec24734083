"""A net as it runs: its spec in its state, after overrides and freezing, worked out once."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catdog.data.lmdb_store import NotBuilt
from catdog.data.transform import CropTooLarge
from catdog.errors import SpecError
from catdog.net import wiring
from catdog.net.build_command import build_command, larger_by
from catdog.net.freezing import freeze
from catdog.net.other_states import with_makers
from catdog.proto.caffe_pb2 import (
    TEST,
    TRAIN,
    LayerParameter,
    NetParameter,
    NetState,
    Phase,
    SolverParameter,
)
from catdog.spec import Spec, filter_net
from catdog.spec.data_layers import brings_data, cut_data_layers
from catdog.spec.finite import layer_faults
from catdog.spec.overrides import changed
from catdog.spec.rules import is_kept
from catdog.spec.solver_nets import solver_nets


@dataclass(frozen=True)
class ResolvedNet:
    """A net in its state; whoever opens, checks, writes or derives a net takes what it needs here.

    Args:
        spec: the net as written, with overrides in it, and the places in its text.
        message: the layers that the state keeps, unfrozen: what a snapshot carries of them.
        running: the same layers with the frozen ones marked.
        data_layers: those of `running` that become sources.
        rest: `running` without its data layers.
        freeze: patterns of the layers that stand still.
        iterations: batches of a test pass; None for one pass over the data.
    """

    spec: Spec[NetParameter]
    message: NetParameter
    running: NetParameter
    data_layers: Sequence[LayerParameter]
    rest: NetParameter
    freeze: tuple[str, ...] = ()
    iterations: int | None = None

    @property
    def state(self) -> NetState:
        """What the net is built in: phase, level and stages."""
        return self.message.state

    def locate(self, name: str) -> Path:
        """The file that the net names; see `Spec.locate`."""
        return self.spec.locate(name)

    @contextmanager
    def located(self) -> Iterator[None]:
        """Give faults that are found while the net is used their place in the text.

        Of a blob that a layer of another state makes they say so; data that are not built yet get
        the command that builds them.
        """
        with self.spec.located(self._nth):
            try:
                yield
            except SpecError as error:
                faults = with_makers(error.faults, self.spec.message, self.state)
                raise SpecError(faults) from None
            except NotBuilt as error:
                error.built_by(build_command(error, self.spec.path, self.data_layers))
                raise
            except CropTooLarge as error:
                error.remedy += larger_by(self.spec.path, self.data_layers)
                raise

    def _nth(self, name: str) -> int:
        """Which of the spec's layers of a name runs in this state: data layers often share one."""
        named = [layer for layer in self.spec.message.layer if layer.name == name]
        return next((i for i, layer in enumerate(named) if is_kept(layer, self.state)), 0)


def resolve(
    spec: Spec[NetParameter],
    state: NetState,
    *,
    frozen: Iterable[str] = (),
    iterations: int | None = None,
) -> ResolvedNet:
    """A net in a state, with the layers that `frozen` patterns name standing still.

    Raises SpecError, with places, for rules that exclude each other, blobs made twice and numbers
    that are not finite.
    """
    patterns = tuple(frozen)
    with spec.located():
        message = filter_net(spec.message, state)
        if wrong := list(layer_faults(message)):
            raise SpecError(wrong)
        running = freeze(message, patterns) if patterns else message
        data_layers, rest = cut_data_layers(running)
    return ResolvedNet(spec, message, running, data_layers, rest, patterns, iterations)


def resolve_tested(spec: Spec[NetParameter], state: NetState) -> ResolvedNet:
    """A net in a TEST state; one that has data in the TRAIN phase alone is given those."""
    net = resolve(spec, state)
    if any(map(brings_data, net.running.layer)):
        return net
    return next(on_train_data(resolve(spec, _in_phase(state, TRAIN))), net)


def on_train_data(trained: ResolvedNet) -> Iterator[ResolvedNet]:
    """What can be tested of a net without data of its own for that, on the data it is trained on.

    Its layers are those of the TEST phase where these can work on such data, then its own.
    """
    state = _in_phase(trained.state, TEST)
    data_layers, own = cut_data_layers(trained.message)
    tops = [top for layer in trained.message.layer if brings_data(layer) for top in layer.top]
    for rest in (resolve(trained.spec, state).rest, own):
        if not tops or wiring.faults(rest, tops):
            continue
        message = NetParameter(name=trained.message.name)
        message.layer.extend([*data_layers, *rest.layer])
        for layer in message.layer:
            layer.ClearField("include")
            layer.ClearField("exclude")
        yield resolve(trained.spec.of(message), state)


def _in_phase(state: NetState, phase: Phase) -> NetState:
    other = NetState()
    other.CopyFrom(state)
    other.phase = phase
    return other


def resolve_nets(
    solver: Spec[SolverParameter],
    level: int = 0,
    stages: Sequence[str] = (),
    overrides: Sequence[str] = (),
) -> list[ResolvedNet]:
    """The nets of a solver, the trained one first, then those it tests.

    `overrides` are `net.LAYER.FIELD=VALUE`, `train_net...` and `test_net...`; others are left
    out. Raises SpecError and CatdogError for nets that are not there or cannot be.
    """
    nets = changed(solver_nets(solver, level, stages), overrides)
    return [
        resolve(net.spec, net.state, frozen=net.freeze, iterations=net.iterations) for net in nets
    ]
