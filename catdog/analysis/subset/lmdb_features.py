"""Features of every record of an LMDB: its pixels, a blob of a net, or numbers from a file."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.datum import Example, read_example
from catdog.data.feed import Feed
from catdog.data.numpy_file import opened_npz
from catdog.data.shards import open_records
from catdog.data.sources import Context
from catdog.data.sources.base import Batch
from catdog.data.sources.data import Data
from catdog.data.transform import shape_text
from catdog.errors import CatdogError, DataError, did_you_mean
from catdog.inference.feature_extraction import Blobs, features
from catdog.net.net import Net
from catdog.net.opened import FedNet
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, LayerParameter, NetParameter
from catdog.runtime.progress import progress
from catdog.solver.solverstate import load_net
from catdog.spec import Spec, net_state
from catdog.spec.shape import Shape
from catdog.weights import weight_file

#: Records x numbers, of bytes or floats.
Table = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True)
class NetFeatures:
    """Which blob of which net: the one that its last InnerProduct layer reads where none is named.

    Pictures become `side` x `side` before the net sees them; 0 leaves them to its spec. Weights are
    files or names, copied by layer name; `stages` are those of the net's rules.
    """

    spec: Spec[NetParameter]
    weights: Sequence[str] = ()
    blob: str = ""
    side: int = 0
    level: int = 0
    stages: Sequence[str] = ()


def pixels(lmdb: str | Path) -> Table:
    """The stored values of every record, records x values.

    Raises DataError, with the record, where they are not equally many.
    """
    rows: list[NDArray[np.generic]] = []
    with open_records(lmdb) as reader:
        for index, value in enumerate(progress(reader, "read", len(reader), unit="records")):
            array = _example(value, f"{lmdb}, record {index}").array
            if rows and array.size != rows[0].size:
                raise DataError(
                    f"holds {array.size} numbers, the ones before it {rows[0].size}",
                    where=f"{lmdb}, record {index}",
                    remedy="build the LMDB with one size, or take features of a net",
                )
            rows.append(array.reshape(-1))
    table: Table = np.stack(rows)
    return table


def labels(lmdb: str | Path) -> NDArray[np.int64]:
    """The label of every record. Raises DataError where one has several."""
    found = []
    with open_records(lmdb) as reader:
        for index, value in enumerate(reader):
            example = _example(value, f"{lmdb}, record {index}")
            if example.labels is not None:
                raise DataError(
                    f"record {index} has several labels, so there are no classes to choose from",
                    where=str(lmdb),
                )
            found.append(example.label)
    return np.array(found, np.int64)


def _example(value: bytes, where: str) -> Example:
    try:
        return read_example(value)
    except DataError as error:
        raise DataError(error.what, where=where, remedy=error.remedy) from error


def read_features(file: str | Path, blob: str = "") -> Table:
    """An array of an .npz, by the name of the blob where there are several.

    Raises DataError for what is not an .npz or has no such array.
    """
    try:
        with opened_npz(file) as arrays:
            name = blob or arrays.files[0]
            if name not in arrays.files or (not blob and len(arrays.files) > 1):
                remedy = f"--blob: it has {', '.join(arrays.files)}"
                what = f'no array "{blob}"' if blob else "several arrays"
                raise DataError(what, where=str(file), remedy=remedy)
            with np.errstate(over="ignore"):
                found: Table = arrays[name].astype(np.float32, copy=False)
            if not found.ndim:
                raise ValueError("a single number")
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise DataError(what, where=str(file)) from error
    except ValueError as error:
        remedy = "tools/extract_features.py writes one"
        raise DataError("no .npz of arrays", where=str(file), remedy=remedy) from error
    return found.reshape(len(found), prod(found.shape[1:]))


def net_features(
    lmdb: str | Path, wanted: NetFeatures, device: torch.device | str = "cpu"
) -> tuple[str, Table]:
    """The name of a blob, and its values for every record, computed as in the net's TEST phase.

    Layers after the blob are left out, so that the net may be for other labels. Raises CatdogError
    for a net without a Data layer and an unknown blob, DataError for values that are not finite.
    """
    with ExitStack() as stack:
        fed, blob = _open(Path(lmdb), wanted, device, stack)
        for name in wanted.weights:
            load_net(fed.net, weight_file(name, wanted.spec.locate))
        bar = progress(
            _rows(features(fed, [blob]), blob), "features", fed.feed.size, unit="records"
        )
        rows = list(bar)
    table = np.stack(rows)
    where = f"net {fed.net.name}"
    if not np.isfinite(table).all():
        raise DataError(f'blob "{blob}" has values that are no numbers', where=where)
    return blob, table


def _rows(batches: Iterator[Blobs], blob: str) -> Iterator[NDArray[np.float32]]:
    for batch in batches:
        yield from batch[blob].reshape(len(batch[blob]), -1)


def _open(
    lmdb: Path, wanted: NetFeatures, device: torch.device | str, stack: ExitStack
) -> tuple[FedNet, str]:
    """The TEST net on the records of an LMDB, up to a blob, and the blob's name."""
    net = resolve(wanted.spec, net_state(TEST, wanted.level, wanted.stages))
    layers, rest = net.data_layers, NetParameter()
    rest.CopyFrom(net.rest)
    with net.located():
        if len(layers) != 1 or layers[0].type != "Data":
            raise CatdogError(
                "needs one Data layer in its TEST phase, in whose place the records are put",
                where=f"net {rest.name}",
                remedy="give the train_val net",
            )
        blob = _end(rest, wanted.blob)
        source = _Resized(_on(layers[0], lmdb, wanted.side), Context(TEST, locate=net.locate))
        source.side = wanted.side
        stack.callback(source.close)
        feed = stack.enter_context(Feed([source], device))
        built = Net(rest, inputs=feed.shapes)
    return FedNet(built.to(device), feed, net), blob


def _end(net: NetParameter, blob: str) -> str:
    """Let a net end with a blob, that which its last InnerProduct layer reads by default."""
    if not blob:
        readers = [layer for layer in net.layer if layer.type == "InnerProduct"]
        if not readers:
            where = f"net {net.name}"
            raise CatdogError("has no InnerProduct layer", where=where, remedy="name a --blob")
        blob = readers[-1].bottom[0]
    makers = [at for at, layer in enumerate(net.layer) if blob in layer.top]
    if not makers:
        known = list(dict.fromkeys(top for layer in net.layer for top in layer.top))
        remedy = did_you_mean(blob, known) or f"it has {', '.join(known)}"
        raise CatdogError(f'makes no blob "{blob}"', where=f"net {net.name}", remedy=remedy)
    del net.layer[makers[-1] + 1 :]
    return blob


def _on(layer: LayerParameter, lmdb: Path, side: int) -> LayerParameter:
    """A Data layer that reads another LMDB, all of it; a side of its own goes before a crop."""
    changed = LayerParameter()
    changed.CopyFrom(layer)
    changed.data_param.source = str(lmdb.resolve())
    for field in ("index_file", "rand_skip"):
        changed.data_param.ClearField(field)
    changed.transform_param.mirror = False
    if side:
        changed.transform_param.crop_size = 0
    return changed


class _Resized(Data):
    """Pictures stretched to a side, after the mean is subtracted."""

    side = 0

    @property
    def shapes(self) -> dict[str, Shape]:
        shapes = super().shapes
        if self.side:
            data = self.tops[0]
            shapes[data] = (*shapes[data][:2], self.side, self.side)
        return shapes

    def finish(self, batch: Batch) -> dict[str, Tensor]:
        blobs = super().finish(batch)
        if self.side:
            data, size = self.tops[0], (self.side, self.side)
            blobs[data] = F.interpolate(blobs[data], size, mode="bicubic", align_corners=False)
        return blobs


def check_rows(table: Table, count: int, where: str) -> None:
    """Raise DataError unless there is a row for each record."""
    if len(table) != count:
        raise DataError(
            f"{shape_text(table.shape)} features for {count} records",
            where=where,
            remedy="make them from this LMDB",
        )
