"""Everything a run needs to go on exactly, to and from files that Caffe reads too.

`<prefix>_iter_N.caffemodel` has the weights, `<prefix>_iter_N.solverstate` the rest; with
snapshot_format HDF5 both names end in `.h5` (caffe/solvers/sgd_solver.cpp). Of ours are
`<prefix>_iter_N_ema.caffemodel`, the moving average of the weights, and `<prefix>_best.caffemodel`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.datum import blob_to_array
from catdog.data.hdf5_file import hdf5_file, member, numbers, stored, stored_bytes
from catdog.errors import WeightsError
from catdog.net.net import Net
from catdog.proto import packed
from catdog.proto.caffe_pb2 import NetParameter, RunState, SolverState
from catdog.proto.parse import parse
from catdog.runtime.checksum import seal, seal_holds
from catdog.runtime.files import replacing
from catdog.runtime.hdf5_image import hdf5_image
from catdog.solver.loss_plateau import NO_LOSS
from catdog.weights import (
    CopyRow,
    CopyState,
    copy_weights,
    read_mark,
    read_weights,
    weights_of,
    write_weights,
)

Array = NDArray[np.float32]

MODEL, STATE, _HDF5 = ".caffemodel", ".solverstate", ".h5"
_AVERAGE, _BEST = "_ema", "_best"
ITERATION = re.compile(r"_iter_(\d+)(?:_ema)?\.(?:solverstate|caffemodel)(?:\.h5)?$")
_IS_BEST = re.compile(rf"{_BEST}{MODEL}(?:\.h5)?$")
_RUN = "catdog_run"
_LEAST_LOSS, _LAST_EVENT = "minimum_loss", "iter_last_event"
#: The field of a seal up to its bytes. HDF5 does not look at what comes after its own end.
_SEAL = packed.write_varint(SolverState.SEAL_FIELD_NUMBER << 3 | 2) + b"\x20"
#: How a file begins, and what an HDF5 file has, that ends with one.
_SEALED = _SEAL[:-1] + b"\x00"
_SEALED_HDF5 = "catdog_sealed"


@dataclass(frozen=True)
class TrainingState:
    """What a .solverstate holds: of Caffe's, and what we need beside it for an exact resume."""

    iteration: int
    current_step: int = 0
    learned_net: str = ""
    history: Sequence[Array] = ()
    run: RunState = field(default_factory=RunState)
    #: SSD's, of lr_policy plateau: the least smoothed loss, the iteration of it or of a drop.
    minimum_loss: float = NO_LOSS
    iter_last_event: int = 0

    @property
    def has_plateau(self) -> bool:
        """Whether there is something of a plateau to keep."""
        return self.minimum_loss != NO_LOSS or self.iter_last_event != 0


def model_path(prefix: str, iteration: int, *, hdf5: bool = False) -> Path:
    """Where the weights of an iteration go."""
    return Path(f"{prefix}_iter_{iteration}{MODEL}{_HDF5 if hdf5 else ''}")


def state_path(model: Path) -> Path:
    """The state that belongs to a file of weights or of their average."""
    name = model.name.replace(f"{_AVERAGE}{MODEL}", MODEL)
    return model.with_name(name.replace(MODEL, STATE))


def average_path(model: Path) -> Path:
    """Where the moving average of a file of weights goes."""
    return model.with_name(model.name.replace(MODEL, f"{_AVERAGE}{MODEL}"))


def best_path(prefix: str, *, hdf5: bool = False) -> Path:
    """Where the weights with the best score go."""
    return Path(f"{prefix}{_BEST}{MODEL}{_HDF5 if hdf5 else ''}")


def snapshot_files(prefix: str) -> Iterator[tuple[int, Path]]:
    """The files of a run's snapshots that are there, each with its iteration."""
    folder, stem = Path(prefix).parent, Path(prefix).name
    for path in folder.glob(f"{_glob_escape(stem)}_iter_*"):
        match = ITERATION.search(path.name)
        if match and path.name[: match.start()] == stem:
            yield int(match[1]), path


def _glob_escape(text: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", text)


def leftovers(prefix: str) -> tuple[Path, re.Pattern[str]]:
    """The folder of a run, and how files that it had not finished are called there."""
    folder, stem = Path(prefix).parent, re.escape(Path(prefix).name)
    names = rf"{stem}(_iter_\d+({_AVERAGE})?|{_BEST}|_run|_deploy)({re.escape(MODEL)}|{STATE})?"
    return folder, re.compile(names)


def prefix_of(path: Path) -> str:
    """The snapshot_prefix of a file of weights or a state; empty where its name is not so made."""
    match = ITERATION.search(path.name) or _IS_BEST.search(path.name)
    return str(path.with_name(path.name[: match.start()])) if match else ""


def best_of_run(path: Path) -> Path:
    """The best weights of the run that wrote these, where it has any; else these."""
    prefix = prefix_of(path)
    best = best_path(prefix, hdf5=path.suffix == _HDF5)
    if not prefix or not best.is_file():
        return path
    # beside a later run without a best, that of an earlier one may lie
    mine = read_mark(path)
    if mine.run:
        return best if read_mark(best).run == mine.run else path
    state = state_path(path)
    return best if state.is_file() and read_state(state).run.HasField("best") else path


def write_state(path: Path, state: TrainingState) -> None:
    """Write a state, as HDF5 where the name ends in .h5; it ends with the seal over its bytes."""
    with replacing(path) as beside:
        if path.suffix == _HDF5:
            _write_hdf5(beside, state)
        else:
            beside.write_bytes(_SEALED + _message(state).SerializeToString())
        seal(beside, _SEAL)


def read_state(path: Path) -> TrainingState:
    """Read a state of ours or of Caffe's, which has no seal.

    Raises WeightsError for any other file, and one whose seal does not hold.
    """
    try:
        holds = seal_holds(path, _SEAL)
        if holds is False:
            raise ValueError("the seal does not hold")
        if h5py.is_hdf5(path):
            state, sealed = _read_hdf5(path)
        else:
            message = parse(SolverState, path.read_bytes())
            state, sealed = _from_message(message), message.HasField("seal")
        if sealed and not holds:
            raise ValueError("the seal is gone")
        return state
    except (DecodeError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        # h5py's own faults are OSErrors without a number
        if isinstance(error, OSError) and error.strerror:
            raise WeightsError(error.strerror, where=str(path)) from error
        raise WeightsError(
            "is no solver state, or a damaged one",
            where=str(path),
            remedy="name the .solverstate of a snapshot; weights go to --weights",
        ) from error


def learned_net(path: Path, state: TrainingState) -> Path:
    """The weights that belong to a state: beside it, or at the path in it.

    Raises WeightsError where there are none.
    """
    if state.learned_net:
        named = Path(state.learned_net)
        for place in (path.with_name(named.name), named):
            if place.is_file():
                return place
    raise WeightsError(
        f"its weights {state.learned_net or '(not named)'} are not there",
        where=str(path),
        remedy="put the .caffemodel beside the .solverstate",
    )


def _message(state: TrainingState) -> SolverState:
    message = SolverState(
        iter=state.iteration,
        learned_net=state.learned_net,
        current_step=state.current_step,
        history=map(packed.blob, state.history),
        run=state.run,
    )
    if state.has_plateau:
        message.minimum_loss, message.iter_last_event = state.minimum_loss, state.iter_last_event
    return message


def _from_message(message: SolverState) -> TrainingState:
    if not message.HasField("iter"):
        raise ValueError("no iteration")
    return TrainingState(
        iteration=message.iter,
        current_step=message.current_step,
        learned_net=message.learned_net,
        history=[blob_to_array(blob) for blob in message.history],
        run=message.run,
        minimum_loss=message.minimum_loss,
        iter_last_event=message.iter_last_event,
    )


def _write_hdf5(path: Path, state: TrainingState) -> None:
    with hdf5_image(path) as file:
        file["iter"] = np.array([state.iteration], np.int32)
        file["current_step"] = np.array([state.current_step], np.int32)
        if state.has_plateau:
            file[_LEAST_LOSS] = np.array([state.minimum_loss], np.float32)
            file[_LAST_EVENT] = np.array([state.iter_last_event], np.int32)
        # Caffe reads it as a C string
        name = state.learned_net.encode()
        file["learned_net"] = np.array(name, f"S{len(name) + 1}")
        history = file.create_group("history")
        for i, array in enumerate(state.history):
            history[str(i)] = array
        file[_RUN] = np.frombuffer(state.run.SerializeToString(), np.uint8)
        file.attrs[_SEALED_HDF5] = True


def _read_hdf5(path: Path) -> tuple[TrainingState, bool]:
    """The state, and whether it says that it is sealed."""
    with hdf5_file(path) as file:
        history = member(file, "history")
        state = TrainingState(
            iteration=_whole_number(member(file, "iter")),
            current_step=_whole_number(member(file, "current_step")),
            learned_net=_text(stored(member(file, "learned_net"))[()]),
            history=[numbers(member(history, str(i))) for i in range(len(history))],
            run=parse(RunState, stored_bytes(member(file, _RUN)) if _RUN in file else b""),
            minimum_loss=_number(file, _LEAST_LOSS, NO_LOSS),
            iter_last_event=int(_number(file, _LAST_EVENT, 0)),
        )
        return state, _SEALED_HDF5 in file.attrs


def _whole_number(dataset: h5py.Dataset) -> int:
    return int(np.ravel(stored(dataset))[0])


def _number(file: h5py.File, name: str, absent: float) -> float:
    return float(np.ravel(stored(member(file, name)))[0]) if name in file else absent


def _text(value: object) -> str:
    text = value.decode() if isinstance(value, bytes) else str(value)
    return text.rstrip("\0")


def save_net(path: Path, net: Net, message: NetParameter, *, diff: bool = False) -> None:
    """Write the parameters of a net in its message; with `diff` their gradients too."""
    write_weights(path, weights_of(net, message), _diffs(net) if diff else None)


def _diffs(net: Net) -> dict[str, list[Array]]:
    return {
        node.name: [_diff(node.layer.blobs.parameter(i)) for i in range(len(node.layer.blobs))]
        for node in net
        if len(node.layer.blobs)
    }


def _diff(parameter: Tensor) -> Array:
    diff = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    return diff.detach().cpu().numpy()


def load_net(net: Net, path: Path) -> list[str]:
    """Copy parameters from a file by layer name; gives `copy_notes`."""
    return copy_notes(copy_weights(net, read_weights(path)))


def resume_net(net: Net, path: Path) -> None:
    """Copy the parameters of a snapshot, which must have all that the net has."""
    try:
        copy_weights(net, read_weights(path), strict=True)
    except WeightsError as error:
        error.remedy = (
            "go on with the net that the snapshot was made with, or start anew from its weights: "
            f"--weights {path}"
        )
        raise


def copy_notes(rows: Sequence[CopyRow]) -> list[str]:
    """What was copied, learns from scratch or was not asked for, in a line each."""
    notes = {
        CopyState.COPIED: "Copied layers: {}",
        CopyState.FRESH: "Learning from scratch: {}",
        CopyState.UNUSED: "Ignoring source layers: {}",
    }
    named = {state: [row.layer for row in rows if row.state is state] for state in notes}
    return [notes[state].format(", ".join(names)) for state, names in named.items() if names]
