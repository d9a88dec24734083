"""A run in Aim: in a repository beside the run, or where AIM_REPO says, as `aim://HOST:PORT`."""

import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from catdog.tracking.elsewhere.tracker import Introduction, Point, TrackedModel


def begin(told: Introduction) -> "AimRun":
    """The run in Aim: a new one, or that of an earlier session. Raises what aim raises."""
    # its types do not name what it has
    aim: Any = importlib.import_module("aim")
    missing: Any = importlib.import_module("aim.sdk.errors").MissingRunError
    place = os.environ.get("AIM_REPO") or str(told.folder)
    if "://" not in place:
        Path(place).mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {
        "repo": place,
        "experiment": told.experiment,
        # it would read the terminal and the machine
        "system_tracking_interval": None,
        "capture_terminal_logs": False,
        "log_system_params": False,
    }
    try:
        run = aim.Run(told.known or None, **options)
    except missing:
        run = aim.Run(**options)
    run.name = told.name
    if told.annotation.note:
        run.description = told.annotation.note
    for word in told.annotation.tags:
        run.add_tag(word)
    run["settings"] = dict(told.settings)
    run["catdog"] = dict(told.facts)
    run.set_artifacts_uri((told.folder / "aim_files").resolve().as_uri())
    return AimRun(run, place)


class AimRun:
    """A run of Aim's, opened by `begin`."""

    def __init__(self, run: Any, place: str) -> None:
        self._run = run
        self.run: str = run.hash
        self.place = place

    def points(self, points: Sequence[Point]) -> None:
        """Take numbers, oldest first."""
        for point in points:
            for name, value in point.values.items():
                self._run.track(value, name=name, step=point.iteration)

    def files(self, files: Mapping[str, Path]) -> None:
        """Take files as artifacts, pictures to be looked at too."""
        aim: Any = importlib.import_module("aim")
        for name, path in files.items():
            self._run.log_artifact(str(path), name=name, block=True)
            if path.suffix == ".png":
                self._run.track(aim.Image(str(path)), name=path.stem)

    def model(self, model: TrackedModel) -> None:
        """Take the weights, and their ONNX model."""
        for path in (model.weights, model.onnx):
            if path:
                self._run.log_artifact(str(path), name=f"model/{path.name}", block=True)

    def end(self, status: str) -> None:
        """Aim knows no ends: it stands among the settings of the run."""
        self._run["status"] = status
        self._run.close()
