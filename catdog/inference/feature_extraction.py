"""Blobs of a net on its data, to files (caffe/tools/extract_features.cpp)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from catdog.data.datum import array_to_datum
from catdog.data.lmdb_store import Writer
from catdog.errors import CatdogError, did_you_mean
from catdog.net.opened import FedNet
from catdog.runtime.files import new_folder, replacing

Array = NDArray[np.float32]
#: Blobs of one batch by name.
Blobs = Mapping[str, Array]


def features(fed: FedNet, names: Sequence[str], batches: int | None = None) -> Iterator[Blobs]:
    """Blobs by name for each of `batches` batches, or for one pass over the data.

    A blob has the value of its last in-place layer. Raises CatdogError for a name that is not
    a blob of the net.
    """
    for name in names:
        if name not in fed.net.shapes:
            known = list(fed.net.shapes)
            remedy = did_you_mean(name, known) or f"it has {', '.join(known)}"
            raise CatdogError(f'has no blob "{name}"', where=f"net {fed.net.name}", remedy=remedy)
    return _run(fed, names, batches)


@torch.no_grad()
def _run(fed: FedNet, names: Sequence[str], batches: int | None) -> Iterator[Blobs]:
    given = fed.feed.one_pass() if batches is None else (fed.feed.next() for _ in range(batches))
    for batch in given:
        blobs = fed.net(batch, keep=names).blobs
        yield {name: blobs[name].float().cpu().numpy() for name in names}


def write_lmdbs(found: Iterable[Blobs], targets: Mapping[str, Path]) -> int:
    """An LMDB for each blob: a float Datum for each example, keys of ten digits; returns the count.

    The folders get their names when all are whole. Raises DataError where one is there already,
    as Caffe's tool stops, and CatdogError for a blob of more than four axes.
    """
    with ExitStack() as stack:
        folders = {name: stack.enter_context(new_folder(path)) for name, path in targets.items()}
        return _fill(found, folders)


def _fill(found: Iterable[Blobs], folders: Mapping[str, Path]) -> int:
    count = 0
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(closing(Writer(folder))) for name, folder in folders.items()
        }
        for blobs in found:
            pairs = {name: _pairs(name, blobs[name], count) for name in writers}
            for name, writer in writers.items():
                writer.put(pairs[name])
            count += max(map(len, pairs.values()))
    return count


def _pairs(name: str, blob: Array, start: int) -> list[tuple[bytes, bytes]]:
    """A Datum for each example, of channels, height and width; what is missing is 1."""
    if blob.ndim > 4:
        raise CatdogError(
            f'blob "{name}" has {blob.ndim} axes, a Datum three for each example',
            remedy="write it with --out to .npz or .h5",
        )
    examples = blob.reshape(*blob.shape, *[1] * (4 - blob.ndim))
    return [
        (f"{number:010d}".encode(), array_to_datum(example, label=None).SerializeToString())
        for number, example in enumerate(examples, start=start)
    ]


def write_file(found: Iterable[Blobs], path: Path) -> int:
    """All examples of each blob in one array by its name, in an .npz or .h5; returns the count.

    Raises CatdogError for another suffix.
    """
    writers = {".npz": _write_npz, ".h5": _write_hdf5}
    if path.suffix not in writers:
        raise CatdogError("is neither .npz nor .h5", where=str(path), remedy="name one of them")
    with replacing(path) as beside:
        return writers[path.suffix](found, beside)


def _write_npz(found: Iterable[Blobs], path: Path) -> int:
    parts: dict[str, list[Array]] = {}
    for blobs in found:
        for name, blob in blobs.items():
            parts.setdefault(name, []).append(np.atleast_1d(blob))
    arrays = {name: np.concatenate(part) for name, part in parts.items()}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return max(map(len, arrays.values()), default=0)


def _write_hdf5(found: Iterable[Blobs], path: Path) -> int:
    count = 0
    with h5py.File(path, "w") as file:
        for blobs in found:
            for name, blob in blobs.items():
                _append(file, name, np.atleast_1d(blob))
                count = max(count, len(file[name]))
    return count


def _append(file: h5py.File, name: str, rows: Array) -> None:
    if name not in file:
        file.create_dataset(name, data=rows, maxshape=(None, *rows.shape[1:]))
        return
    dataset = file[name]
    dataset.resize(len(dataset) + len(rows), axis=0)
    dataset[-len(rows) :] = rows
