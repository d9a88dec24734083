"""What there is to work with: what ships, weights by name, stores and runs below a folder."""

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from catdog.errors import CatdogError
from catdog.spec.shipped import ShippedSpec, shipped_nets, shipped_solvers

#: A row of a part by its columns.
Row = dict[str, str | int]
#: What tells of a file that cannot be read.
Tell = Callable[[str], object]


def nets(_: Path, __: Tell) -> list[Row]:
    """The nets that ship."""
    return [_shipped(each) for each in shipped_nets()]


def solvers(_: Path, __: Tell) -> list[Row]:
    """The solvers that ship."""
    return [_shipped(each) for each in shipped_solvers()]


def weights(_: Path, __: Tell) -> list[Row]:
    """The weights that have a name, and whether they are there; nothing is fetched."""
    from catdog.weights.pretrained import NAMES, place_of, solver_of

    rows: list[Row] = []
    for name in NAMES:
        place, source = place_of(name)
        there = str(place) if place else f"not here: {source}"
        rows.append({"name": name, "there": there, "solver": Path(solver_of(name)).stem})
    return rows


def named(_: Path, __: Tell) -> list[Row]:
    """The nets of torchvision that become Caffe's by their name, and whether their weights are
    there; timm has its own list."""
    from catdog.weights.pretrained import place_of
    from catdog.weights.torchvision_nets import convertible

    rows: list[Row] = []
    for name in (f"torchvision:{each}" for each in convertible()):
        place, source = place_of(name)
        rows.append({"name": name, "there": str(place) if place else f"not here: {source}"})
    there = "fetched when used; timm.list_models() has the names"
    missing = importlib.util.find_spec("timm") is None
    rows.append({"name": "timm:NAME", "there": "not here: pip install timm" if missing else there})
    return rows


def stores(folder: Path, tell: Tell) -> list[Row]:
    """The LMDBs below a folder with their numbers of records; a damaged one is told.

    Shards are one; what a build has is a link into a hidden folder.
    """
    from catdog.data.lmdb_store import BUILT, DATA_FILE
    from catdog.data.shards import open_records
    from catdog.data.store_names import is_store, whole_of

    found: list[Path] = []
    for at, folders, names in walk(folder):
        found += [whole_of(at)] * (DATA_FILE in names)
        links = (at / name for name in folders if name in BUILT)
        found += [path for path in links if path.is_symlink() and is_store(path)]
    rows: list[Row] = []
    for store in dict.fromkeys(found):
        try:
            with open_records(store) as records:
                rows.append({"name": str(store), "records": len(records)})
        except CatdogError as error:
            tell(f"passed over: {error}")
    return rows


def runs(folder: Path, tell: Tell) -> list[Row]:
    """The runs below a folder: how each ended, where, and its best score."""
    from catdog.tracking.run_file import SUFFIX
    from catdog.tracking.runs import RunRecord, find_runs

    def row(run: RunRecord) -> Row:
        best = run.best.get(run.score, {}).get("value")
        score = f"{run.score} {best:.4g}" if isinstance(best, float | int) else ""
        iteration = int(run.content.get("iteration") or 0)
        return {"name": run.name, "status": run.status, "iteration": iteration, "best": score}

    files = [path for path in files_below(folder) if path.name.endswith(SUFFIX)]
    folders = list(dict.fromkeys(path.parent for path in files))
    found: dict[str, RunRecord] = {}
    for each in folders:
        try:
            found |= {run.name: run for run in find_runs([each], tell)}
        except CatdogError:
            # a file that is no record, which has been told
            continue
    return [row(run) for run in found.values()]


#: The part that is long, and shown where it is asked for.
NAMED = "named"
#: The parts of the list, in its order.
PARTS: dict[str, Callable[[Path, Tell], list[Row]]] = {
    "nets": nets,
    "solvers": solvers,
    "weights": weights,
    NAMED: named,
    "stores": stores,
    "runs": runs,
}


def _shipped(spec: ShippedSpec) -> Row:
    return {"name": spec.name, "about": spec.about}


def files_below(folder: Path) -> Iterator[Path]:
    """The files below a folder; see `walk`."""
    for at, _, names in walk(folder):
        yield from (at / name for name in sorted(names))


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """A folder and those below it with the names of what is in each, without hidden folders and
    those of Python's environments."""
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not _is_foreign(Path(at, each)))
        yield Path(at), folders, names


def _is_foreign(folder: Path) -> bool:
    return folder.name.startswith(".") or (folder / "pyvenv.cfg").exists()
