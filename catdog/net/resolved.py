"""A net as it runs: its spec in its state, after overrides and freezing, worked out once."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from catdog.net.freezing import freeze
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter, NetState, SolverParameter
from catdog.spec import Spec, filter_net
from catdog.spec.data_layers import cut_data_layers
from catdog.spec.overrides import changed
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

    def located(self) -> AbstractContextManager[None]:
        """Give faults that are found while the net is used their place in the text."""
        return self.spec.located()


def resolve(
    spec: Spec[NetParameter],
    state: NetState,
    *,
    frozen: Iterable[str] = (),
    iterations: int | None = None,
) -> ResolvedNet:
    """A net in a state, with the layers that `frozen` patterns name standing still.

    Raises SpecError, with places, for rules that exclude each other and blobs made twice.
    """
    patterns = tuple(frozen)
    with spec.located():
        message = filter_net(spec.message, state)
        running = freeze(message, patterns) if patterns else message
        data_layers, rest = cut_data_layers(running)
    return ResolvedNet(spec, message, running, data_layers, rest, patterns, iterations)


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
