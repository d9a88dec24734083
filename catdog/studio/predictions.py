"""Many photos through a net: what was asked for, below predictions/, and what came of it.

| file of predictions/NAME | written by | content |
|---|---|---|
| `asked.json` | the studio, once | weights, photos, job |
| `photos/` | the studio | photos that came over the page |
| `submission.csv`, `table.csv` | `catdog predict` | what the photos show |
| `report.html`, `report.json` | `catdog evaluate` | how good the net is |
"""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from catdog.data.store_names import is_store
from catdog.errors import CatdogError, WeightsError
from catdog.inference.intervals import Interval
from catdog.inference.photos import given_photos
from catdog.inference.row_file import PART
from catdog.runtime.files import replacing
from catdog.studio.jobs.job import Order, State
from catdog.studio.jobs.queue import JobQueue
from catdog.studio.place import StudioFolder
from catdog.studio.sent_photos import SentPhotos, SentSet

FOLDER = "predictions"
#: Those that can be fetched.
FILES = ("submission.csv", "submission.skipped.csv", "table.csv", "report.json", "report.html")
ROWS, TABLE, REPORT, NUMBERS = "submission.csv", "table.csv", "report.html", "report.json"
_ASKED = "asked.json"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,60}", re.ASCII)
_UNDER_WAY = (State.WAITING, State.RUNNING)


@dataclass(frozen=True)
class PredictionAsked:
    """What was asked for.

    Args:
        weights: the file.
        source: a folder of photos, a zip, or a store.
        judged: whether the photos are labelled, and the net is judged.
        photos: how many there are; 0: of a store.
        created: when.
        job: its name.
    """

    weights: str
    source: str
    judged: bool
    photos: int
    created: str
    job: str


@dataclass(frozen=True)
class PredictionRow:
    """A folder of predictions: how far it is, and the files that are there.

    `job` is empty where that was taken off the list.
    """

    name: str
    asked: PredictionAsked
    job: str
    state: State
    done: int
    error: str
    last: str
    files: tuple[str, ...]

    @property
    def is_under_way(self) -> bool:
        """Whether more is to come."""
        return self.state in _UNDER_WAY


@dataclass(frozen=True)
class PredictionOrder:
    """Photos to predict: what they are called, by which weights, on which device."""

    name: str
    weights: Path
    source: Path | SentSet
    judged: bool = False
    probability: bool = False
    device: str = ""


class Predictions:
    """The folders below predictions/ of the studio's folder, which is the working directory."""

    def __init__(self, place: StudioFolder, jobs: JobQueue, sent: SentPhotos) -> None:
        self._place, self._jobs, self._sent = place, jobs, sent

    def order(self, order: PredictionOrder) -> PredictionRow:
        """Begin a job.

        Raises CatdogError for a name that is none or taken, WeightsError for no file of weights,
        DataError where there are no photos.
        """
        folder = self._free(order.name)
        if not order.weights.is_file():
            remedy = "choose others in the list"
            raise WeightsError("no such file", where=str(order.weights), remedy=remedy)
        source = _judged_part(order.source) if order.judged else order.source
        count = _count(source, judged=order.judged)
        folder.mkdir(parents=True)
        if isinstance(source, SentSet):
            source = self._sent.take(source, folder)
        named = self._place.name(source)
        job = self._jobs.add(_job(order, named, f"{FOLDER}/{order.name}"))
        asked = PredictionAsked(
            str(order.weights), named, order.judged, count, datetime.now().isoformat(), job.name
        )
        with replacing(folder / _ASKED) as beside:
            beside.write_text(json.dumps(asdict(asked), indent=1), encoding="utf-8")
        return self.row(order.name)

    def rows(self) -> list[PredictionRow]:
        """All of them, the newest first."""
        names = (path.parent.name for path in Path(FOLDER).glob(f"*/{_ASKED}"))
        found = [row for name in names if (row := self._row(name))]
        return sorted(found, key=lambda row: row.asked.created, reverse=True)

    def row(self, name: str) -> PredictionRow:
        """That of a name. Raises CatdogError where there is none."""
        found = self._row(name) if _NAME.fullmatch(name) else None
        if found is None:
            raise CatdogError("no such predictions", where=name, remedy="the page lists them")
        return found

    def file(self, name: str, file: str) -> Path:
        """A file that can be fetched. Raises CatdogError for any other."""
        if file not in self.row(name).files:
            raise CatdogError("no such file", where=file, remedy="the page lists them")
        return self._place.within(f"{FOLDER}/{name}/{file}")

    def remove(self, name: str) -> None:
        """Remove a folder, with the photos that came over the page. Raises CatdogError while it is
        under way, or the folder is a link."""
        row, folder = self.row(name), Path(FOLDER, name)
        if row.is_under_way:
            raise CatdogError("is at work", where=name, remedy="stop it first")
        if folder.is_symlink() or Path(FOLDER).is_symlink():
            raise CatdogError("is a link", where=name, remedy="remove it yourself")
        shutil.rmtree(folder)

    def _free(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            remedy = "use up to 61 letters, digits, dots, dashes"
            raise CatdogError("is no name of predictions", where=name[:80] or "name", remedy=remedy)
        folder = self._place.within(f"{FOLDER}/{name}")
        if folder.exists():
            raise CatdogError("is there already", where=name, remedy="choose another name")
        return folder

    def _row(self, name: str) -> PredictionRow | None:
        folder = Path(FOLDER, name)
        asked = _asked(folder / _ASKED)
        if asked is None:
            return None
        job, state, error, last = self._standing(asked.job, folder)
        files = tuple(each for each in FILES if (folder / each).is_file())
        done = _lines(folder / f"{ROWS}{PART}") if state in _UNDER_WAY else asked.photos
        return PredictionRow(name, asked, job, state, done, error, last, files)

    def _standing(self, name: str, folder: Path) -> tuple[str, State, str, str]:
        """A job, its state, its error, and the last line of it."""
        for job in self._jobs.all():
            if job.name == name:
                lines = job.output.splitlines()
                return name, self._jobs.state(job), job.error, lines[-1] if lines else ""
        # it was taken off the list
        made = any((folder / each).is_file() for each in (ROWS, REPORT))
        return "", (State.DONE if made else State.LOST), "", ""


def _judged_part(source: Path | SentSet) -> Path | SentSet:
    """Of stores with their folder as their name the validation part; else what was named."""
    if isinstance(source, SentSet) or is_store(source):
        return source
    part = source / "validation_lmdb"
    return part if is_store(part) else source


def _count(source: Path | SentSet, *, judged: bool) -> int:
    """How many photos there are."""
    if isinstance(source, SentSet):
        if not source.photos:
            raise CatdogError("no photo came", where="photos", remedy="choose some")
        return source.photos
    if is_store(source):
        if not judged:
            remedy = "judge the net on it, or name a folder of photos"
            raise CatdogError("is a store, whose photos are labelled", remedy=remedy)
        return 0
    return len(given_photos([source]))


def _job(order: PredictionOrder, source: str, target: str) -> Order:
    device = ["--device", order.device] if order.device else []
    ends = list(_ends(order, target))
    weights = f"--weights={order.weights}"
    if order.judged:
        words = ["evaluate", weights, f"--data={source}", *ends, *device]
        title = f"Judge {order.weights.name} on {source}"
    else:
        words = ["predict", _plain(source), weights, *ends, *device]
        title = f"Predict {source} with {order.weights.name}"
    # the CPU is nobody's alone
    own = order.device if order.device != "cpu" else ""
    return Order(title, tuple(words), target, own)


def _ends(order: PredictionOrder, target: str) -> Iterator[str]:
    if order.judged:
        yield f"--report={target}/{REPORT}"
        return
    yield f"--out={target}/{ROWS}"
    yield f"--table={target}/{TABLE}"
    if order.probability:
        yield "--probability"


def _plain(source: str) -> str:
    """A path that is no option and no list of others."""
    return str(Path(source).absolute()) if source[0] in "-@" else source


def _asked(path: Path) -> PredictionAsked | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return PredictionAsked(**content)
    except (OSError, ValueError, TypeError):
        return None


def _lines(path: Path) -> int:
    """The lines of a file below its first."""
    try:
        return max(0, path.read_bytes().count(b"\n") - 1)
    except OSError:
        return 0


def report_numbers(path: Path) -> Sequence[tuple[str, str]]:
    """The numbers of a report that matter, as words."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        interval = found.get("accuracy_interval")
        between = f" ({Interval(*interval).words()})" if interval else ""
        words = [(f"accuracy{between}", f"{found['accuracy']:.2%}")]
        words.append(("log loss", f"{found['log_loss']:.4f}"))
        if isinstance(found.get("auc"), float):
            words.append(("AUC", f"{found['auc']:.4f}"))
        return [*words, ("photos", f"{found['photos']:,}"), ("errors", f"{len(found['errors']):,}")]
    except (OSError, ValueError, KeyError, TypeError):
        return []
