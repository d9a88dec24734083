"""The steps of a project: the store, the training, the curve, the report."""

import importlib.util
import time
from dataclasses import replace
from pathlib import Path

from catdog.data.build.builds import BUILDS
from catdog.data.lmdb_store import DATA_FILE
from catdog.errors import CatdogError
from catdog.project.found import FoundPhotos
from catdog.project.net_text import DATA
from catdog.project.request import Project, Tell
from catdog.project.solver_text import NET, SNAPSHOTS, SOLVER
from catdog.project.steps import Deadline, ToolStep, run
from catdog.project.validation_list import LIST, write_validation_list
from catdog.spec import read_solver
from catdog.tracking.run_file import read_run, run_path
from catdog.tracking.shell_hook import DONE
from catdog.weights import weight_file
from catdog.weights.pretrained import PACKAGED, is_to_be_fetched

CURVE, REPORT, PAGE = "curve.png", "report.html", "page.html"
VALIDATION = f"{DATA}/validation_lmdb"
#: So many steps come first: the data and the training.
_LEARNING = 2
#: What a report is made with.
_NEEDED = ("jinja2", "sklearn")


def steps_of(project: Project, photos: str = f"@{LIST}") -> list[ToolStep]:
    """All steps, in their order, as a person runs them in the project's folder.

    The last one, a page of predictions for some photos, is there where it can be made.
    """
    weights = f"{SNAPSHOTS}/{project.name}_best.caffemodel"
    return [
        ToolStep("create_lmdb", project.build),
        ToolStep("train", ["--solver", SOLVER, *_device(project)]),
        ToolStep("plot_learning_curve", [f"{SNAPSHOTS}/train.log", CURVE], CURVE),
        _judging(project, weights),
        *([_page(project, weights, photos)] if can_report() else []),
    ]


def _judging(project: Project, weights: str) -> ToolStep:
    judged = ["--weights", weights, *_device(project)]
    if project.several:
        # a report is of classes; the net's own test knows labels
        return ToolStep("evaluate", ["--model", NET, *judged])
    report = ["--report", REPORT] if can_report() else []
    words = ["--data", VALIDATION, *report, *judged]
    return ToolStep("evaluate", words, REPORT if report else "")


def _page(project: Project, weights: str, photos: str) -> ToolStep:
    made = ["--page", PAGE, "--out", "predictions.csv", *_device(project)]
    return ToolStep("predict", [photos, "--weights", weights, *made], PAGE)


def can_report() -> bool:
    """Whether what a report is made with is installed."""
    return all(importlib.util.find_spec(name) for name in _NEEDED)


def _device(project: Project) -> list[str]:
    return ["--device", project.asked.device] if project.asked.device else []


def run_all(
    project: Project, found: FoundPhotos, folder: Path, seconds: float | None, tell: Tell
) -> Project:
    """Run the steps that are not done yet; gives the project as it is then.

    `found` are its photos. `seconds` are those that are left for building and training; None for
    as long as it takes. Raises KeyboardInterrupt where a person stops it.
    """
    project = build_and_train(project, folder, seconds, tell)
    write_validation_list(found, folder)
    weights = best_weights(project, folder)
    for step in steps_of(project)[_LEARNING:]:
        if not (step.made and _is_newer(folder / step.made, weights)):
            _must(step, folder, tell)
    return project


def build_and_train(project: Project, folder: Path, seconds: float | None, tell: Tell) -> Project:
    """Those of the steps that end with trained weights, as far as they are not done; see
    `run_all`."""
    build, train = steps_of(project)[:_LEARNING]
    if not _is_built(folder):
        _fetch_weights(folder)
        begun = (folder / DATA / BUILDS).is_dir()
        _must(replace(build, words=[*build.words, "--resume"]) if begun else build, folder, tell)
    if not _is_trained(project, folder):
        project = _train(project, train, folder, seconds, tell)
    return project


def best_weights(project: Project, folder: Path) -> Path:
    """The weights of the best test."""
    return folder / SNAPSHOTS / f"{project.name}_best.caffemodel"


def _fetch_weights(folder: Path) -> None:
    """Fetch those that the solver begins with, so that no data are built where that cannot be."""
    for source in read_solver(folder / SOLVER).message.weights:
        if is_to_be_fetched(source) or source in PACKAGED:
            weight_file(source)


def _must(step: ToolStep, folder: Path, tell: Tell) -> None:
    if code := run(step, folder, tell):
        raise CatdogError(f"ended with exit code {code}", where=f"catdog {step.tool}")


def _is_built(folder: Path) -> bool:
    return (folder / DATA / "train_lmdb" / DATA_FILE).exists()


def _is_trained(project: Project, folder: Path) -> bool:
    if project.stopped:
        return True
    try:
        content = read_run(run_path(str(folder / SNAPSHOTS / project.name)))
    except CatdogError:
        return False
    return bool(content["status"] == DONE)


def _train(
    project: Project, step: ToolStep, folder: Path, seconds: float | None, tell: Tell
) -> Project:
    """Train, or go on from the newest snapshot."""
    if any((folder / SNAPSHOTS).glob(f"{project.name}_iter_*.solverstate")):
        step = replace(step, words=[*step.words, "--snapshot", "auto"])
    # absolute, as the training runs in the folder
    log, now = (folder / SNAPSHOTS / "train.log").absolute(), time.time()
    # it is written from the first iteration on
    with Deadline(seconds, lambda: log.exists() and log.stat().st_mtime >= now) as deadline:
        code = run(step, folder, tell)
    if code and deadline.passed:
        project = replace(project, stopped="the minutes are over")
        project.write(folder)
        tell("the time is up: what was learned until now is taken")
    elif code > 128:
        raise KeyboardInterrupt
    elif code:
        raise CatdogError(f"ended with exit code {code}", where=f"catdog {step.tool}")
    return project


def _is_newer(path: Path, than: Path) -> bool:
    return path.exists() and than.exists() and path.stat().st_mtime >= than.stat().st_mtime
