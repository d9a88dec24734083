"""The start of a training: weights copied from files, and a table of what was copied."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from catdog.errors import some_of
from catdog.net.net import Net
from catdog.net.step import Node
from catdog.net.zero_weights import stuck_at_zero
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.events import Finetuning, LayerStart, Listener, Starting, Warned
from catdog.solver.solver import Solver
from catdog.solver.solverstate import copy_notes
from catdog.spec import Spec
from catdog.training.options import Options
from catdog.weights import (
    CopyRow,
    CopyState,
    Weights,
    compare,
    copy_weights,
    read_weights,
    weight_file,
)
from catdog.weights.copy import RENAME, check_copy, check_known, other_net
from catdog.weights.pretrained import Locate, is_to_be_fetched, name_for

Rows = Mapping[str, CopyRow]


def sources_of(weights: Iterable[str]) -> list[str]:
    """The files and names that a solver's `weights` name, several in one text as in Caffe."""
    return [name.strip() for text in weights for name in text.split(",")]


def file_for(source: str, net: Net | None, locate: Locate) -> Path:
    """The file of a source, as `weight_file`; what cannot fit a net is not fetched for it."""
    if net is not None and not locate(source).exists():
        check_known(net, source)
    return weight_file(source, locate)


def check_weights(source: str, net: Net, locate: Locate) -> None:
    """Raise WeightsError where a net cannot start from a source; nothing is fetched for that."""
    if is_to_be_fetched(source, locate):
        check_known(net, source)
    else:
        path = file_for(source, net, locate)
        check_copy(net, read_weights(path, net=net.message.name))


def start_anew(
    spec: Spec[SolverParameter], options: Options, solver: Solver, emit: Listener
) -> None:
    """Give the net of a solver the weights that this names, before its first iteration.

    Where it names none and some are wanted, those of ImageNet that belong to the net.
    """
    names = sources_of(spec.message.weights)
    belonging = not names and options.weights is None
    if belonging:
        names = [name_for(solver.net.message)]
    # what does not fit of the weights that belong to the net starts fresh
    net = None if belonging else solver.net
    files = [file_for(name, net, spec.locate) for name in names]
    start(solver, files, emit, misfits_fresh=belonging)


def start(
    solver: Solver, files: Sequence[Path], emit: Listener, *, misfits_fresh: bool = False
) -> None:
    """Copy weights by layer name, from each file in turn; layers in none of them start fresh.

    Raises WeightsError where shapes differ, after the table that says in which layers; with
    `misfits_fresh` they start fresh too, and are told.
    """
    rows: dict[str, CopyRow] = {}
    for path in files:
        weights = read_weights(path, net=solver.net.message.name)
        if misfits_fresh:
            weights = _fitting(solver, weights, emit)
        if other := other_net(solver.net, weights):
            emit(Warned(f"{path} holds the weights of {other}, which is another net"))
        found = compare(solver.net, weights)
        rows.update({row.layer: row for row in found if _counts(row, rows)})
        if any(row.state is CopyState.MISMATCHED for row in found):
            emit(table(solver, rows))
        copy_weights(solver.net, weights)
        emit(Finetuning(str(path), tuple(copy_notes(found))))
    fresh = [row.layer for row in rows.values() if row.state is CopyState.FRESH]
    solver.start_fresh(fresh)
    for line in stuck_at_zero(solver.net):
        emit(Warned(line))
    starting = table(solver, rows)
    if files or any(row.frozen for row in starting.layers):
        emit(starting)
        _warn(starting, emit)


def _fitting(solver: Solver, weights: Weights, emit: Listener) -> Weights:
    """The weights without those whose shapes do not fit, which are told."""
    rows = compare(solver.net, weights)
    misfits = {row.layer: row.reason for row in rows if row.state is CopyState.MISMATCHED}
    if misfits:
        listed = some_of([f"{layer} ({reason})" for layer, reason in misfits.items()], 4, "; ")
        emit(Warned(f"start fresh, since the weights do not fit: {listed}"))
    kept = {layer: blobs for layer, blobs in weights.blobs.items() if layer not in misfits}
    return replace(weights, blobs=kept)


def _counts(row: CopyRow, before: Rows) -> bool:
    """Whether a row replaces that of an earlier file."""
    fresh_again = row.state is CopyState.FRESH and row.layer in before
    return row.state is not CopyState.UNUSED and not fresh_again


def _warn(starting: Starting, emit: Listener) -> None:
    """Warn of frozen layers that start fresh: they stay at their random initial values."""
    names = [
        row.layer for row in starting.layers if row.frozen and row.weights == CopyState.FRESH.value
    ]
    if names:
        emit(Warned(f"frozen without copied weights: {some_of(names)}; give --weights"))


def table(solver: Solver, rows: Rows, otherwise: CopyState | None = CopyState.FRESH) -> Starting:
    """How each layer with parameters starts; `otherwise` is the state of those without a row.

    Without that they come from a snapshot.
    """
    rates: dict[int, float] = {id(i.parameter): i.lr_mult for i in solver.update.learnable}
    state = otherwise.value if otherwise else "snapshot"
    layers = tuple(
        _layer(node, rows.get(node.name), state, rates)
        for node in solver.net
        if len(node.layer.blobs)
    )
    learnable = solver.update.learnable
    return Starting(
        layers,
        learning=sum(item.parameter.numel() for item in learnable if item.lr_mult),
        parameters=sum(item.parameter.numel() for item in learnable),
    )


def _layer(node: Node, row: CopyRow | None, state: str, rates: Mapping[int, float]) -> LayerStart:
    blobs = node.layer.blobs
    parameters = [blobs.parameter(i) for i in range(len(blobs))]
    return LayerStart(
        layer=node.name,
        parameters=sum(parameter.numel() for parameter in parameters),
        weights=row.state.value if row else state,
        reason=f"{row.reason}; {RENAME}" if row and row.reason else "",
        frozen=node.layer.param.frozen,
        rates=tuple(rates[id(parameter)] for parameter in parameters),
        statistics=not node.layer.learns,
    )
