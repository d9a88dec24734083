"""What a training would start from: weights copied, layers fresh or frozen."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from catdog.errors import CatdogError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.spec.freezing import is_named
from catdog.training.finetuning import sources_of
from catdog.weights import CopyRow, CopyState, Weights, compare, read_weights, weight_file
from catdog.weights.pretrained import Locate, is_to_be_fetched


@dataclass(frozen=True)
class LayerPlan:
    """A layer with parameters and how it begins.

    Args:
        layer: its name.
        parameters: how many numbers it has.
        weights: a value of `CopyState`: copied, fresh, mismatched; `fetched` where the file is yet
            to be had.
        reason: why they cannot be copied.
        frozen: whether it stands still at first.
        learns_from: the iteration from which a frozen one learns; 0 of one that never does.
        rates: factors of the learning rate, of each parameter blob.
    """

    layer: str
    parameters: int
    weights: str
    reason: str
    frozen: bool
    learns_from: int
    rates: tuple[float, ...]


@dataclass(frozen=True)
class StartPlan:
    """How a net begins: its layers, the sources of its weights, and layers of these it has not."""

    layers: tuple[LayerPlan, ...]
    sources: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def learning(self) -> int:
        """How many numbers learn at first."""
        return sum(row.parameters for row in self.layers if not row.frozen and any(row.rates))


def start_plan(net: Net, solver: SolverParameter, locate: Locate) -> StartPlan:
    """How a net, which may have shapes alone, begins as a solver says.

    Nothing is fetched. Raises WeightsError for a file that cannot be read.
    """
    sources = tuple(source for source in sources_of(solver.weights) if source)
    rows: dict[str, CopyRow] = {}
    unused: list[str] = []
    fetched = False
    for source in sources:
        if is_to_be_fetched(source, locate):
            fetched = True
            continue
        found = compare(net, _weights(source, locate))
        unused += [row.layer for row in found if row.state is CopyState.UNUSED]
        rows |= {row.layer: row for row in found if _counts(row, rows)}
    otherwise = "fetched" if fetched else CopyState.FRESH.value
    layers = tuple(_layers(net, solver, rows, otherwise))
    return StartPlan(layers, sources, tuple(dict.fromkeys(unused)))


def _counts(row: CopyRow, before: dict[str, CopyRow]) -> bool:
    """As in a training: a later file replaces what an earlier one brought."""
    fresh_again = row.state is CopyState.FRESH and row.layer in before
    return row.state is not CopyState.UNUSED and not fresh_again


def _layers(
    net: Net, solver: SolverParameter, rows: dict[str, CopyRow], otherwise: str
) -> list[LayerPlan]:
    known = {id(item.parameter): item for item in net.learnable}
    found = []
    for node in net:
        blobs = [node.layer.blobs.parameter(i) for i in range(len(node.layer.blobs))]
        if not blobs:
            continue
        row = rows.get(node.name)
        state = row.state.value if row else otherwise
        raised = solver.fresh_lr_mult if state == CopyState.FRESH.value and rows else 1.0
        frozen = node.layer.param.frozen
        rates = tuple(
            known[id(blob)].lr_mult * raised if id(blob) in known else 0 for blob in blobs
        )
        found.append(
            LayerPlan(
                node.name,
                sum(blob.numel() for blob in blobs),
                state,
                row.reason if row else "",
                frozen,
                _from(node.name, solver) if frozen else 0,
                rates if node.layer.learns else (),
            )
        )
    return found


def _from(name: str, solver: SolverParameter) -> int:
    """The iteration at which a layer is unfrozen; 0 for never."""
    due = [
        each.iteration
        for each in solver.unfreeze
        if is_named(name, [part.strip() for text in each.layers for part in text.split(",")])
    ]
    return min(due, default=0)


def _weights(source: str, locate: Callable[[str], Path]) -> Weights:
    if not (path := locate(source)).exists():
        path = weight_file(source, locate)
    try:
        status = path.stat()
    except OSError as error:
        raise CatdogError(str(error.strerror), where=str(path)) from None
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
def _read(path: Path, _changed: int, _size: int) -> Weights:
    """The weights of a file; read again where it has changed."""
    return read_weights(path)
