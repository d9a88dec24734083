"""The programs that `--track` names."""

import importlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from catdog.errors import CatdogError, did_you_mean
from catdog.tracking.elsewhere.tracker import Introduction, Tracker

#: The one that has its own listener.
TENSORBOARD = "tensorboard"


@dataclass(frozen=True)
class TrackerChoice:
    """A program to track runs with: its title, its package, the module here that knows it."""

    title: str
    package: str
    module: str

    def begin(self, told: Introduction) -> Tracker:
        """The run, opened there; raises what the program raises."""
        return cast(Tracker, importlib.import_module(self.module).begin(told))


TRACKERS = {
    "mlflow": TrackerChoice("MLflow", "mlflow", "catdog.tracking.elsewhere.mlflow_run"),
    "wandb": TrackerChoice("W&B", "wandb", "catdog.tracking.elsewhere.wandb_run"),
    "aim": TrackerChoice("Aim", "aim", "catdog.tracking.elsewhere.aim_run"),
}
#: All that may be named.
NAMES = (*TRACKERS, TENSORBOARD)


def check(names: Iterable[str]) -> None:
    """Raise CatdogError for a name that is none, and for a package that is not installed."""
    for name in names:
        if name not in NAMES:
            remedy = did_you_mean(name, NAMES) or f"there are {', '.join(NAMES)}"
            raise CatdogError(f'"{name}" is no program to track with', where="track", remedy=remedy)
        choice = TRACKERS.get(name)
        if choice and importlib.util.find_spec(choice.package) is None:
            remedy = f"pip install 'catdog-torch[{name}]'"
            raise CatdogError(
                f"{choice.title} is not installed", where=f"--track {name}", remedy=remedy
            )
