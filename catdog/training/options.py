"""Options of a training beside its solver file, and the solver with the options applied."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from catdog.errors import CatdogError
from catdog.net.resolved import ResolvedNet, resolve_nets
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.snapshot_search import AUTO
from catdog.spec import Spec, override, read_solver
from catdog.spec.overrides import of_solver
from catdog.spec.upgrade import upgrade_solver
from catdog.tracking.listeners import TrackingOptions
from catdog.training import epochs
from catdog.training.epochs import FIELDS, in_epochs, in_iterations, stand_in
from catdog.training.kept_features import KeptFeatures
from catdog.training.start_checks import raise_any, start_faults


@dataclass(frozen=True)
class Options:
    """Options of a training beside its solver file.

    Args:
        weights: files, or names of pretrained weights, whose parameters are copied before the
            training, in place of those that the solver names; None for those or, where it names
            none, the ImageNet weights that belong to its net.
        snapshot: a snapshot to resume, either of its files, or `auto` for the newest, if any.
        device: where to train; by default what solver_mode and device_id say.
        freeze: names or patterns of layers that stand still, beside those of the solver.
        class_weights: "balanced", or a number for each class: see `with_class_weights`.
        overrides: `FIELD=VALUE` for fields of the solver, `net.LAYER.FIELD=VALUE` for its nets.
        level, stages: of the train net's state.
        provide_caffe: lets `import caffe` work in Python layers, which run code; None refuses them.
        amp: mixed precision, a name of `precision.NAMES`.
        compile: run the trained net through torch.compile.
        force: begin even where the memory that is free seems too small.
        tracking: what to show and keep beside the log.
        kept: features of frozen layers that other trainings of the process have computed.
    """

    weights: Sequence[str] | None = ()
    freeze: Sequence[str] = ()
    snapshot: str = ""
    device: torch.device | None = None
    class_weights: str | Sequence[float] | None = None
    overrides: Sequence[str] = ()
    level: int = 0
    stages: Sequence[str] = ()
    provide_caffe: Callable[[], object] | None = None
    amp: str = ""
    compile: bool = False
    force: bool = False
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    kept: KeptFeatures | None = None


def solver_spec(path: str | Path, options: Options, world: int = 1) -> Spec[SolverParameter]:
    """The solver of a file with the options in it, checked, its epochs in iterations.

    `world` processes train. Raises SpecError, and for epochs as `epoch_of`.
    """
    if options.snapshot not in ("", AUTO) and (options.weights is None or options.weights):
        raise CatdogError(
            "--snapshot and --weights exclude each other",
            remedy="a snapshot has its weights; without it training starts anew",
        )
    read = read_solver(path)
    read = with_overrides(read, options.overrides)
    message, given = read.message, {}
    if options.freeze and not (message.freeze or message.unfreeze):
        given["", "freeze"] = f"--freeze {','.join(options.freeze)}"
    # as in Caffe, those given go before those of the solver
    message.weights[:] = list(options.weights or message.weights)
    message.freeze.extend(options.freeze)
    spec = read.of(message, given)
    with spec.located():
        raise_any(start_faults(message))
    if not in_epochs(message):
        return spec
    trained = resolved_nets(spec.of(stand_in(message)), options)[0]
    return in_iterations(spec, trained, world)


def ends_by_epochs(path: str | Path, options: Options) -> bool:
    """Whether max_epoch says how long a solver of a file trains; raises SpecError."""
    return with_overrides(read_solver(path), options.overrides).message.HasField("max_epoch")


def batch_fields(path: str | Path, options: Options) -> list[str]:
    """LAYER.MESSAGE.batch_size of the data layers that a solver's train net has.

    Raises SpecError, and CatdogError where none has one.
    """
    return epochs.batch_fields(train_net(path, options))


def train_net(path: str | Path, options: Options) -> ResolvedNet:
    """The net that a solver of a file trains, before its data are looked at; raises SpecError."""
    spec = with_overrides(read_solver(path), options.overrides)
    return resolved_nets(spec.of(stand_in(spec.message)), options)[0]


def with_overrides(read: Spec[SolverParameter], overrides: Sequence[str]) -> Spec[SolverParameter]:
    """The solver with its own fields set as `FIELD=VALUE` says, and a whole snapshot_prefix.

    Epochs replace the iterations of the file, and the other way round.
    """
    own = of_solver(overrides)
    given = {("", each.partition("=")[0].strip()): f"--set {each}" for each in own}
    message = SolverParameter()
    message.CopyFrom(read.message)
    for pair in FIELDS.items():
        for one, other in (pair, pair[::-1]):
            if ("", one) in given and ("", other) not in given:
                message.ClearField(other)
    message = upgrade_solver(override(message, own))
    message.snapshot_prefix = _prefix(message, read.path)
    return read.of(message, given)


def resolved_nets(spec: Spec[SolverParameter], options: Options) -> list[ResolvedNet]:
    """The nets of a solver with the options in them, the trained one first; see `resolve_nets`."""
    return resolve_nets(spec, options.level, options.stages, options.overrides)


def _prefix(solver: SolverParameter, path: Path) -> str:
    """Where snapshots go: a folder, or nothing, is completed by the name of the solver file."""
    given = solver.snapshot_prefix
    if not given:
        return str(path.with_suffix(""))
    if given.endswith("/") or Path(given).is_dir():
        return str(Path(given) / path.stem)
    return given
