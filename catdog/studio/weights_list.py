"""The weights that can classify photos: those of runs, and other files below the folder."""

from dataclasses import dataclass
from pathlib import Path

from catdog.errors import CatdogError
from catdog.inference.named_weights import weights_of_run
from catdog.inference.predictor import weights_below
from catdog.solver.solverstate import ITERATION, prefix_of
from catdog.studio.folders import Folders
from catdog.studio.place import StudioFolder
from catdog.studio.watch import Watch

#: How files end that can carry their net and how its photos are prepared.
_ENDINGS = (".caffemodel", ".caffemodel.h5", ".safetensors")
_OTHERS = "Other files"
_BEST, _AVERAGE = "best", ", average"


@dataclass(frozen=True)
class WeightsRow:
    """A weight file: the name to ask for it by, the run that wrote it, and which of its it is."""

    name: str
    run: str
    label: str


class WeightsList:
    """Looks below the studio's folder, which is the working directory."""

    def __init__(self, place: StudioFolder) -> None:
        self._place = place
        self._folders = Folders(place.folder, lambda name: name.endswith(_ENDINGS), _is_none)

    def rows(self, watch: Watch) -> list[WeightsRow]:
        """Of each run, the newest first, its best and its snapshots; then the other files."""
        files, _ = self._folders.look()
        own: dict[str, list[str]] = {}
        for name in files:
            own.setdefault(prefix_of(Path(name)), []).append(name)
        found: list[WeightsRow] = []
        for run in watch.runs():
            names = own.pop(run.name, [])
            best = str(weights_of_run(run.name)) if names else ""
            names.sort(key=lambda name: (name == best, _number(name)), reverse=True)
            found += (WeightsRow(name, run.name, _label(name)) for name in names)
        others = sorted(name for names in own.values() for name in names)
        return [*found, *(WeightsRow(name, "", name) for name in others)]

    def path(self, name: str) -> Path:
        """The file that a name means, as from the folder: its own, or the best of a run.

        Raises CatdogError for a name that leads out of the folder, WeightsError for a folder
        without weights.
        """
        path = Path(self._place.name(self._place.within(name)))
        return weights_below(path) or path

    def path_or_newest(self, watch: Watch, name: str) -> Path:
        """As `path`; without a name the first of the rows. Raises CatdogError without any."""
        name = name or newest(self.rows(watch))
        if not name:
            remedy = "train a net first, or put a weight file into the studio's folder"
            raise CatdogError("there are no weights", where="weights", remedy=remedy)
        return self.path(name)


def grouped_rows(rows: list[WeightsRow]) -> list[tuple[str, list[WeightsRow]]]:
    """The rows under the names of their runs."""
    groups: dict[str, list[WeightsRow]] = {}
    for row in rows:
        groups.setdefault(row.run or _OTHERS, []).append(row)
    return list(groups.items())


def chosen_of(rows: list[WeightsRow], name: str) -> str:
    """The row that a name means, of a file or a run; else the first of all."""
    return next((row.name for row in rows if name in (row.name, row.run)), newest(rows))


def newest(rows: list[WeightsRow]) -> str:
    """The name of the first weights; empty where there are none."""
    return rows[0].name if rows else ""


def _number(name: str) -> tuple[int, bool]:
    found = ITERATION.search(name)
    return (int(found[1]), "_ema." in name) if found else (-1, False)


def _label(name: str) -> str:
    number, average = _number(name)
    if number < 0:
        return _BEST
    return f"iteration {number:,}{_AVERAGE * average}"


def _is_none(_: str) -> bool:
    return False
