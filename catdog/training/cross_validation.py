"""K-fold cross-validation: each part of the train data is once the validation set of the others."""

import json
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from catdog.data.datum import label_of
from catdog.data.records import Records
from catdog.data.shards import open_records
from catdog.data.sources.index_file import read_index, write_index
from catdog.errors import CatdogError
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import LayerParameter, SolverParameter
from catdog.runtime.optional import scikit
from catdog.runtime.text_table import text_table
from catdog.solver.snapshot_search import AUTO
from catdog.spec import Spec
from catdog.tracking.run_file import Content, read_run, run_path
from catdog.tracking.shell_hook import DONE
from catdog.training.class_weights import with_class_weights
from catdog.training.kept_features import KeptFeatures
from catdog.training.options import Options, resolved_nets, solver_spec

#: Trains with these options; gives whether the run was stopped.
Train = Callable[[Options], bool]


@dataclass(frozen=True)
class Fold:
    """One of K runs: indices of records in the store, and the prefix of its snapshots."""

    number: int
    prefix: str
    train: Sequence[int]
    test: Sequence[int]


@dataclass(frozen=True)
class FoldedStore:
    """The store that is split, and the layers that read its parts."""

    source: Path
    train: LayerParameter
    test: LayerParameter
    indices: Sequence[int]


def cross_validate(
    path: str | Path, options: Options, count: int, train: Train
) -> Iterator[Content]:
    """Train once for each of `count` folds; yields the file of each run.

    The records of the train data are dealt out evenly by label, the same for the same random_seed.
    Each fold is an ordinary run, `<prefix>_fold1/...`; with snapshot `auto` those that are done are
    not run again. Features of frozen layers are computed once for all folds. Ends early where a
    run is stopped. Raises CatdogError where the data cannot be split, and what training raises.
    """
    # counted once, from the data of all folds
    options = replace(with_class_weights(path, options), kept=KeptFeatures())
    spec = solver_spec(path, options)
    if options.snapshot not in ("", AUTO):
        raise CatdogError("takes no single snapshot", where="--folds", remedy=f'give "{AUTO}"')
    data = _data(spec, options)
    for fold in _folds(spec.message, data, count):
        record = run_path(fold.prefix)
        if not (options.snapshot and _is_done(record)):
            stopped = train(_options(options, data, fold))
            if stopped:
                # one that is stopped before its first iteration has no file yet
                if record.is_file():
                    yield read_run(record)
                return
        yield read_run(record)


def table(records: Sequence[Content]) -> str:
    """A table of the scores of all folds, with their mean and sample standard deviation."""
    names = list(dict.fromkeys(name for record in records for name in scores(record)))
    rows = [
        (str(i), str(r["iteration"]), *(_number(scores(r).get(name)) for name in names))
        for i, r in enumerate(records, 1)
    ]
    columns = [[scores(r)[name] for r in records if name in scores(r)] for name in names]
    rows.append(("mean", "", *(_number(statistics.fmean(column)) for column in columns)))
    if len(records) > 1:
        spread = (_number(statistics.stdev(c)) if len(c) > 1 else "-" for c in columns)
        rows.append(("spread", "", *spread))
    return text_table(("fold", "iterations", *names), rows)


def scores(record: Content) -> dict[str, float]:
    """The outputs of a run's last test, and the best values of those that have one."""
    final = {name: value for name, value in record["final"].items() if name != "iteration"}
    best = {f"best {name}": row["value"] for name, row in record["best"].items()}
    return {**final, **best}


def _data(spec: Spec[SolverParameter], options: Options) -> FoldedStore:
    trained, *tests = resolved_nets(spec, options)
    if len(tests) != 1:
        raise CatdogError(
            f"has {len(tests)} test nets", where=str(spec.path), remedy="--folds takes one"
        )
    train, test = _data_layer(trained), _data_layer(tests[0])
    source = trained.locate(train.data_param.source)
    with open_records(source) as reader:
        index = train.data_param.index_file
        every = range(len(reader))
        indices = read_index(trained.locate(index), len(reader)) if index else every
    return FoldedStore(source, train, test, indices)


def _data_layer(net: ResolvedNet) -> LayerParameter:
    found = [layer for layer in net.data_layers if layer.type == "Data"]
    if len(found) != 1:
        raise CatdogError(
            f"has {len(found)} Data layers in one phase",
            where=str(net.spec.path),
            remedy="--folds splits the LMDB of one and tests with one",
        )
    return found[0]


def _folds(solver: SolverParameter, data: FoldedStore, count: int) -> Iterator[Fold]:
    """Split by record: one that an index_file lists twice is on one side, both times."""
    unique = list(dict.fromkeys(data.indices))
    with open_records(data.source) as reader:
        labels = [label_of(value) for value in _values(reader, unique)]
    _check(labels, count, str(data.source))
    # of several labels each there are too many combinations to deal out evenly
    kind = "KFold" if None in labels else "StratifiedKFold"
    split = getattr(scikit("model_selection"), kind)(
        count, shuffle=True, random_state=max(0, solver.random_seed) % 2**32
    )
    prefix = Path(solver.snapshot_prefix)
    for number, (_, chosen) in enumerate(split.split(labels, labels), 1):
        test = [unique[i] for i in chosen]
        out = set(test)
        folder = prefix.with_name(f"{prefix.name}_fold{number}")
        train = [index for index in data.indices if index not in out]
        yield Fold(number, str(folder / prefix.name), train, test)


def _values(reader: Records, indices: Sequence[int]) -> Iterator[bytes]:
    """Values in the order of the indices, one at a time."""
    for index in indices:
        yield reader.get(index)


def _check(labels: Sequence[int | None], count: int, where: str) -> None:
    if not 2 <= count <= len(labels):
        remedy = f"2 to {len(labels)}, the number of records"
        raise CatdogError(f"{count} is no number of folds", where="--folds", remedy=remedy)
    if None in labels:
        return
    label, fewest = min(Counter(labels).items(), key=lambda item: item[1])
    if fewest < count:
        raise CatdogError(
            f"label {label} has {fewest} records, too few for {count} folds",
            where=where,
            remedy=f"--folds {fewest}, or leave them out" if fewest > 1 else "leave it out",
        )


def _options(options: Options, data: FoldedStore, fold: Fold) -> Options:
    """The options of a fold; its lists of records are written beside its snapshots."""
    folder = Path(fold.prefix).parent
    lists = {"train": folder / "train.txt", "test": folder / "test.txt"}
    write_index(lists["train"], fold.train)
    write_index(lists["test"], fold.test)
    source = {"source": str(data.source), "index_file": str(lists["test"])}
    param = f"test_net.{data.test.name}.data_param"
    index = f"train_net.{data.train.name}.data_param.index_file"
    added = [
        f"snapshot_prefix={json.dumps(fold.prefix)}",
        f"{index}={json.dumps(str(lists['train']))}",
        *(f"{param}.{name}={json.dumps(value)}" for name, value in source.items()),
        f"{param}.backend=LMDB",
    ]
    return replace(options, overrides=[*options.overrides, *added])


def _is_done(path: Path) -> bool:
    return path.is_file() and read_run(path)["status"] == DONE


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"
