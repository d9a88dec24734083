"""A picture of what a net sees: each photo as stored, then as some batches would hold it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from catdog.data.class_names import picture_names
from catdog.data.preprocessing import dataset_of
from catdog.data.sources import Context, open_source
from catdog.data.sources.picture_source import PictureSource
from catdog.data.transform import Picture
from catdog.errors import CatdogError
from catdog.net.resolved import ResolvedNet, resolve, resolve_nets
from catdog.proto.caffe_pb2 import (
    TEST,
    TRAIN,
    DatasetParameter,
    LayerParameter,
    NetParameter,
    NetState,
    SolverParameter,
)
from catdog.runtime.picture_style import ORANGE, save_figure
from catdog.spec import Spec, net_state
from catdog.spec.read import read_spec
from catdog.spec.rules import check_stages
from catdog.training.data_checks import crop_warnings

#: Inches of a picture and of the line above it.
_CELL, _TITLE = 1.25, 0.18


@dataclass(frozen=True)
class Wanted:
    """Which photos to show, chosen by the seed (rows), and how many draws of each (columns)."""

    state: NetState
    photos: int = 6
    draws: int = 6
    seed: int = 0


class Shown(NamedTuple):
    """A picture, channels x height x width, the name of what it shows, whether that is a mix."""

    picture: Picture
    name: str
    mixed: bool = False


def preview(path: str | Path, target: str | Path, wanted: Wanted) -> list[str]:
    """Draw the photos of a net's, or a solver's, first data layer; returns lines for the user.

    Raises SpecError, LayerError and DataError as a training would, and CatdogError for a net
    without a Data or ImageData layer in this phase.
    """
    net = _net(path, wanted.state)
    with net.located():
        layer = _data_layer(net)
        context = Context(net.state.phase, wanted.seed, locate=net.locate)
        with closing(open_source(layer, context)) as source:
            if not isinstance(source, PictureSource):
                raise source.error("has no photos to show", remedy="preview shows Data, ImageData")
            dataset = dataset_of(layer, net.locate) or DatasetParameter()
            rows = list(_rows(source, wanted, dataset.class_name))
            batch = " x ".join(map(str, source.shapes[source.tops[0]]))
    _draw(Path(target), rows, rgb=dataset.channel_order == DatasetParameter.RGB)
    warned = [f"warning: {each.what}" for each in crop_warnings(layer, dataset)]
    return [f'layer "{layer.name}" of {net.spec.path}: batches of {batch}', *warned, str(target)]


def _net(path: str | Path, state: NetState) -> ResolvedNet:
    spec = read_spec(path)
    if isinstance(spec.message, NetParameter):
        net = Spec(spec.message, spec.path, spec.tree)
        check_stages(net.message, state.stage)
        return resolve(net, net_state(state.phase, state.level, state.stage, net.message.state))
    solver: Spec[SolverParameter] = Spec(spec.message, spec.path, spec.tree)
    trained, *tests = resolve_nets(solver, state.level, state.stage)
    if state.phase == TRAIN:
        return trained
    if not tests:
        raise CatdogError("has no test net", where=str(path), remedy="look at --phase TRAIN")
    return tests[0]


def _data_layer(net: ResolvedNet) -> LayerParameter:
    layers = net.data_layers
    if not layers:
        phase = "TEST" if net.state.phase == TEST else "TRAIN"
        raise CatdogError(
            f"has no data layer in the {phase} phase",
            where=str(net.spec.path),
            remedy="choose another --phase or --stage",
        )
    return next((layer for layer in layers if layer.transform_param.ByteSize()), layers[0])


def _rows(source: PictureSource, wanted: Wanted, classes: Sequence[str]) -> Iterator[list[Shown]]:
    """A row for each photo: as it is stored, then as each draw shows it."""
    indices = source.permutation(source.size, "preview")[: wanted.photos]
    vectors = source.has_vectors
    examples = source.examples(indices)
    labels = [np.float32(e.label) if e.labels is None else e.labels for e in examples]
    names = picture_names(labels, None, len(labels), classes, vectors=vectors)
    stored = [Shown(each.array, name) for each, name in zip(examples, names, strict=True)]
    draws = [list(_seen(source, indices, draw, classes)) for draw in range(wanted.draws)]
    return (list(row) for row in zip(stored, *draws, strict=True))


def _seen(
    source: PictureSource, indices: Sequence[int], draw: int, classes: Sequence[str]
) -> Iterator[Shown]:
    batch = source.read(indices, source.generator("preview", draw))
    blobs = source.finish(batch)
    numbers = source.transform.restore(blobs[source.tops[0]], batch.draw or ()).numpy()
    labels = blobs[source.tops[1]].numpy() if len(source.tops) > 1 else None
    mixed = batch.changes.mixed if batch.changes else None
    names = picture_names(labels, mixed, len(numbers), classes, vectors=source.has_vectors)
    yield from map(Shown, numbers, names, mixed if mixed is not None else repeat(False))


def _draw(path: Path, rows: Sequence[Sequence[Shown]], *, rgb: bool) -> None:
    columns = len(rows[0])
    figure = Figure(figsize=(columns * _CELL, len(rows) * (_CELL + _TITLE)), dpi=100)
    figure.subplots_adjust(0.01, 0.01, 0.99, 1 - _TITLE / (len(rows) * (_CELL + _TITLE)))
    space = {"wspace": 0.05, "hspace": _TITLE / _CELL}
    grid = figure.subplots(len(rows), columns, squeeze=False, gridspec_kw=space)
    for row, places in zip(rows, grid, strict=True):
        for column, (shown, axes) in enumerate(zip(row, places, strict=True)):
            _show(axes, shown, rgb=rgb, stored=column == 0)
    save_figure(figure, path)


def _show(axes: Axes, shown: Shown, *, rgb: bool, stored: bool) -> None:
    pixels = np.clip(np.rint(shown.picture), 0, 255).astype(np.uint8)
    if len(pixels) not in (1, 3):
        raise CatdogError(f"pictures of {len(pixels)} channels cannot be shown", remedy="1 or 3")
    picture = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    axes.imshow(picture if rgb else cv2.cvtColor(picture, _ORDER[len(pixels)]))
    axes.set_axis_off()
    title = f"stored: {shown.name}" if stored else shown.name
    color = ORANGE if shown.mixed else "#444444" if stored else "#000000"
    axes.set_title(title, fontsize=7, pad=2, color=color)


_ORDER = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB}
