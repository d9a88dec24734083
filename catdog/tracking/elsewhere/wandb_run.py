"""A run in Weights & Biases: offline beside the run, unless its own variables say otherwise.

WANDB_MODE, WANDB_API_KEY, WANDB_PROJECT, WANDB_ENTITY, WANDB_DIR are looked at.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from catdog.tracking.elsewhere.tracker import Introduction, Point, TrackedModel
from catdog.tracking.shell_hook import DONE, FAILED, STOPPED

#: What the process is said to have ended with; 255 is what W&B takes for Ctrl-C.
_CODES = {DONE: 0, STOPPED: 255, FAILED: 1}
#: Seconds that a server may take to open a run.
_PATIENCE = 30


def begin(told: Introduction) -> "WandbRun":
    """The run in W&B: a new one, or that of an earlier session. Raises what wandb raises."""
    import wandb

    # without a key, and nobody having chosen, it would ask on the terminal
    chosen = os.environ.get("WANDB_MODE") or os.environ.get("WANDB_API_KEY")
    settings = wandb.Settings(
        console="off", silent=True, x_disable_stats=True, init_timeout=_PATIENCE
    )
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT") or plain_project(told.experiment),
        dir=os.environ.get("WANDB_DIR") or str(told.folder),
        id=told.known or None,
        resume="allow" if told.known else None,
        name=told.name,
        notes=told.annotation.note or None,
        tags=list(told.annotation.tags) or None,
        config={**told.settings, "catdog": dict(told.facts)},
        allow_val_change=True,
        mode=None if chosen else "offline",
        save_code=False,
        # a run of the program's own stays as it is
        reinit="create_new",
        settings=settings,
    )
    # its own count of steps knows no way back, which a resume may take
    run.define_metric("iteration")
    run.define_metric("*", step_metric="iteration")
    return WandbRun(run)


def plain_project(name: str) -> str:
    """A name without the signs that W&B allows no project."""
    return "".join("-" if sign in "/\\#?%:" else sign for sign in name)


class WandbRun:
    """A run of W&B's, opened by `begin`."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self.run: str = run.id
        # what `wandb sync` takes
        self.place: str = str(run.settings.sync_dir if run.offline else run.url)

    def points(self, points: Sequence[Point]) -> None:
        """Take numbers, oldest first."""
        for point in points:
            self._run.log({"iteration": point.iteration, **point.values})

    def files(self, files: Mapping[str, Path]) -> None:
        """Take files together, pictures to be looked at too."""
        import wandb

        kept = wandb.Artifact(f"files-{self.run}", type="run-files")
        for name, path in files.items():
            kept.add_file(str(path), name=name)
            if path.suffix == ".png":
                self._run.log({path.stem: wandb.Image(str(path))})
        self._run.log_artifact(kept)

    def model(self, model: TrackedModel) -> None:
        """Take the weights, and their ONNX model."""
        import wandb

        kept = wandb.Artifact(
            f"model-{self.run}", type="model", metadata={"iteration": model.iteration}
        )
        for path in (model.weights, model.onnx):
            if path:
                kept.add_file(str(path))
        self._run.log_artifact(kept)

    def end(self, status: str) -> None:
        """An exit code tells W&B how it ended, and the summary tells people."""
        self._run.summary["status"] = status
        self._run.finish(exit_code=_CODES[status])
