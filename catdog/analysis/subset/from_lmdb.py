"""Records of an LMDB that differ: from features of all of them to files of the chosen ones."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from catdog.analysis.subset import METHODS
from catdog.analysis.subset.lmdb_features import (
    NetFeatures,
    Table,
    check_rows,
    labels,
    net_features,
    pixels,
    read_features,
)
from catdog.analysis.subset.select import (
    Subset,
    SubsetOptions,
    class_counts,
    comparison_table,
    select,
)
from catdog.analysis.subset.write import draw_sheet, write_lmdb
from catdog.data.sources.index_file import write_index
from catdog.runtime.files import check_free, replacing
from catdog.runtime.progress import progress
from catdog.spec import read_net

PIXELS, LITE0 = "pixels", "efficientnet_lite0"
#: Pixels to which pictures are stretched for EfficientNet-Lite0 where nothing else is said.
_LITE0_SIDE = 96


@dataclass(frozen=True)
class FeatureOptions:
    """Which features of the records.

    Args:
        source: PIXELS, LITE0 (its spec in net_specs, its weights installed) or an .npz.
        model: a net's spec, in place of `source`; `weights`, `level` and `stages` are its own.
        blob: of the net, or of several arrays of the .npz.
        side: pictures are stretched to side x side for a net; 0: as its spec says.
        keep: an .npz that gets the features.
    """

    source: str = PIXELS
    model: str = ""
    weights: Sequence[str] = ()
    level: int = 0
    stages: Sequence[str] = ()
    blob: str = ""
    side: int = 0
    keep: Path | None = None


@dataclass(frozen=True)
class SubsetFiles:
    """Where the chosen records go: as a list, as an LMDB, as a picture."""

    index: Path | None = None
    lmdb: Path | None = None
    sheet: Path | None = None


@dataclass(frozen=True)
class SubsetJob:
    """Records of `lmdb` to choose by a method; with `compare` all methods are run and told of."""

    lmdb: Path
    method: str = "exchange"
    compare: bool = False
    options: SubsetOptions = field(default_factory=SubsetOptions)
    features: FeatureOptions = field(default_factory=FeatureOptions)
    files: SubsetFiles = field(default_factory=SubsetFiles)


def subset_lines(job: SubsetJob, device: torch.device) -> Iterator[str]:
    """Choose, and write the files; lines tell what the choice is worth and what was written.

    Raises CatdogError for what cannot be had or is there already, before the features are made.
    """
    classes = labels(job.lmdb)
    class_counts(classes, job.options)
    if job.files.lmdb:
        check_free(job.files.lmdb)
    name, table = _features(job, device)
    check_rows(table, len(classes), name)
    if job.features.keep:
        _write_features(job.features.keep, name, table)
    methods = list(METHODS) if job.compare else [job.method]
    subsets = select(table, classes, methods, job.options, _progress)
    yield (
        f"{len(classes)} records of {len(np.unique(classes))} classes; {table.shape[1]} features "
        f"of each ({name}), {job.options.metric} distance"
    )
    yield comparison_table(subsets)
    yield from _write(job, subsets.by_method[job.method])


def _features(job: SubsetJob, device: torch.device) -> tuple[str, Table]:
    """What the features are called, and a row for each record."""
    wanted = job.features
    if wanted.model:
        spec, state = read_net(wanted.model), (wanted.level, wanted.stages)
        net = NetFeatures(spec, wanted.weights, wanted.blob, wanted.side, *state)
    elif wanted.source == LITE0:
        spec = read_net(f"net_specs/{LITE0}.yaml")
        net = NetFeatures(spec, [LITE0], wanted.blob, wanted.side or _LITE0_SIDE)
    elif wanted.source == PIXELS:
        return PIXELS, pixels(job.lmdb)
    else:
        return wanted.source, read_features(wanted.source, wanted.blob)
    return net_features(job.lmdb, net, device)


def _write_features(path: Path, name: str, table: Table) -> None:
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: table})


def _progress(classes: Iterable[int]) -> Iterable[int]:
    bar: Iterable[int] = progress(list(classes), "choose", unit="classes")
    return bar


def _write(job: SubsetJob, subset: Subset) -> Iterator[str]:
    indices, files = subset.all_indices, job.files
    if files.index:
        write_index(files.index, indices)
        yield f"written  {files.index}: {len(indices)} records, by {job.method}"
    if files.lmdb:
        how = f"{len(indices)} records by {job.method}, seed {job.options.seed}"
        write_lmdb(job.lmdb, indices, files.lmdb, how)
        yield f"written  {files.lmdb}"
    if files.sheet:
        of_class = {label: some.tolist() for label, some in subset.indices.items()}
        draw_sheet(job.lmdb, of_class, files.sheet)
        yield f"written  {files.sheet}"
