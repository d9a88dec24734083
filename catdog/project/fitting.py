"""`catdog.fit`: photos to a trained net, in one call."""

import os
import shlex
import time
from dataclasses import dataclass, replace
from pathlib import Path

from catdog.data.shards import open_records
from catdog.errors import CatdogError
from catdog.inference.intervals import Interval, of_share
from catdog.inference.sorted_folders import check_apart
from catdog.interface.metrics import read_metrics
from catdog.project.asked import check_paths, checked
from catdog.project.begin import begin, photos_again
from catdog.project.folder import folder_for, held, resumable
from catdog.project.request import Project, Request, Tell, seen_from
from catdog.project.run_steps import CURVE, PAGE, REPORT, VALIDATION, best_weights, run_all
from catdog.project.solver_text import SNAPSHOTS
from catdog.runtime.devices import device_or_usual
from catdog.tracking.metrics_csv import TABLE
from catdog.tracking.run_file import read_run, run_path

#: The share of the minutes that is left for the curve, the test and the pages.
_AFTER = 0.15


@dataclass(frozen=True)
class Fitted:
    """A project with a trained net.

    Args:
        folder: the project's folder.
        weights: the weights of the best test, which `catdog.Predictor` and `catdog predict` take.
        accuracy: the share of the validation photos that they get right; None where it is unknown.
        interval: from where to where it may be for other photos, by 95 %; None with it.
        net: the net's name.
        seconds: how long this call took.
    """

    folder: Path
    weights: Path
    accuracy: float | None
    interval: Interval | None
    net: str
    seconds: float

    @property
    def report(self) -> Path:
        """The page on how good the net is; there where jinja2 and scikit-learn are installed."""
        return self.folder / REPORT

    @property
    def page(self) -> Path:
        """The page of the validation photos and what they were taken for; as `report`."""
        return self.folder / PAGE

    @property
    def curve(self) -> Path:
        """The picture of the training."""
        return self.folder / CURVE


def fit(
    photos: str | Path,
    out: str | Path | None = None,
    *,
    net: str | Path = "",
    epochs: float = 0,
    lr: float = 0,
    batch: int = 0,
    size: int = 0,
    minutes: float = 0,
    seed: int = 1,
    device: str = "",
    tell: Tell = print,
) -> Fitted:
    """Train a net on photos, with a report: the same as `catdog fit PHOTOS`.

    >>> fitted = catdog.fit("photos", out="flowers", minutes=10)
    >>> fitted.accuracy, fitted.weights

    Args:
        photos: a folder in any layout that `catdog create_lmdb` takes, a list file, a table of
            labels, or a zip of any of these.
        out: the project's folder (default: that of `folder_for`).
        net: a shipped net's name, torchvision:NAME, timm:NAME, or a file (default: the best).
        epochs, lr, batch, size: of the training, and of the photos in pixels (0: the net's own).
        minutes: take what fits into so many, all included (0: no limit); not with `epochs`.
        device: "cpu", "cuda", ... (default: a GPU if there is one).
        tell: hears lines about what is done; the tools that are run print on their own.

    A call with the same arguments goes on where an earlier one was interrupted. Raises CatdogError
    with one clear line for photos, nets and folders that are not fit. The working directory of the
    process is the project's folder while it runs.
    """
    began = time.monotonic()
    check_paths(photos=photos, out=out or ".", net=net or ".")
    asked = checked(Request("", str(net), epochs, lr, batch, size, minutes, seed, device))
    project, folder = _project(Path(photos), Path(out or folder_for(photos)), asked, tell, run=True)
    accuracy, interval = _accuracy(project, folder)
    weights = best_weights(project, folder)
    return Fitted(folder, weights, accuracy, interval, project.net, time.monotonic() - began)


def new(photos: str | Path, out: str | Path, *, net: str = "", tell: Tell = print) -> Path:
    """Write the project of photos without training; gives its folder. Raises as `fit`."""
    return _project(Path(photos), Path(out), Request("", net), tell, run=False)[1]


def _project(
    photos: Path, folder: Path, asked: Request, tell: Tell, *, run: bool
) -> tuple[Project, Path]:
    began = time.monotonic()
    check_apart(folder, [str(photos)], "--out")
    with held(folder, "catdog fit"), resumable():
        asked = replace(asked, photos=seen_from(photos, folder))
        project = Project.read(folder)
        if project is None:
            project, found = begin(photos, folder, asked, device_or_usual(asked.device), tell)
            tell(f"\nwritten: {folder}/net.yaml, solver.yaml, README.md")
        elif run:
            _check_same(project.asked, asked, folder)
            found = photos_again(project, photos, folder, tell)
            tell(f"going on in {folder}")
        else:
            raise CatdogError("has a project already", where=str(folder), remedy="name another")
        if run:
            tell(f"\n$ cd {shlex.quote(os.path.relpath(folder))}")
            left = 60 * asked.minutes * (1 - _AFTER) - (time.monotonic() - began)
            project = run_all(project, found, folder, left if asked.minutes else None, tell)
    return project, folder


def _check_same(before: Request, now: Request, folder: Path) -> None:
    """Raise CatdogError where a project was asked for something else."""
    for name, value in vars(now).items():
        old = getattr(before, name)
        if old != value:
            raise CatdogError(
                f"was begun with {name} {old or 'unset'}, not {value or 'unset'}",
                where=str(folder),
                remedy="say the same to go on with it, or name another --out",
            )


def _accuracy(project: Project, folder: Path) -> tuple[float, Interval] | tuple[None, None]:
    """The accuracy of the test that had the best score, and its interval."""
    content = read_run(run_path(str(folder / SNAPSHOTS / project.name)))
    scores = content.get("best") or {}
    name = next((each for each, best in scores.items() if best["better"] == "higher"), None)
    best = scores.get(content.get("score") or "")
    if best is None or name is None:
        return None, None
    metrics = read_metrics(folder / SNAPSHOTS / TABLE)
    found = metrics[name][metrics["iteration"] == best["iteration"]]
    if not len(found):
        return None, None
    with open_records(folder / VALIDATION) as photos:
        return float(found[0]), of_share(round(found[0] * len(photos)), len(photos))
