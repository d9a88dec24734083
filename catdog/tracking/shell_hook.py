"""A command that runs when a training has ended."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from google.protobuf import text_format

from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.events import Best, Event, Preparing, Snapshotted, Stopped
from catdog.tracking.log_reader import LOG

DONE, STOPPED, FAILED = "done", "stopped", "failed"
#: When a command runs, and after which ends of a training.
OCCASIONS: Mapping[str, tuple[str, ...]] = {
    "success": (DONE,),
    "failure": (FAILED,),
    "always": (DONE, STOPPED, FAILED),
}


class WhenDone:
    """Listens to a training; at the end of its context a shell runs the command.

    The command finds CATDOG_STATUS (done, stopped or failed), CATDOG_ITERATION, CATDOG_LOG,
    CATDOG_SNAPSHOT and CATDOG_BEST (weight files), CATDOG_SCORE (the best, such as
    accuracy=0.953) and CATDOG_ERROR in its environment, those that there are. That it fails is one
    line, and no fault of the training.

    Args:
        command: for the shell; nothing runs where it is empty.
        on: a key of OCCASIONS.
        stream: gets that line.
    """

    def __init__(self, command: str, on: str, stream: TextIO) -> None:
        self._command, self._on, self._stream = command, on, stream
        self._status = DONE
        self._found: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Take what the command is told from an event."""
        iteration = getattr(event, "iteration", None)
        if iteration is not None:
            self._found["ITERATION"] = str(iteration)
        match event:
            case Preparing(solver=text):
                prefix = text_format.Parse(text, SolverParameter()).snapshot_prefix
                self._found["LOG"] = str(Path(prefix).parent / LOG)
            case Snapshotted(model=model):
                self._found["SNAPSHOT"] = model
            case Best(name=name, value=value, model=model):
                self._found.update(BEST=model, SCORE=f"{name}={value:g}")
            case Stopped():
                self._status = STOPPED

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._status = STOPPED
        elif error is not None:
            self._status = FAILED
            known = isinstance(error, CatdogError)
            self._found["ERROR"] = str(error) if known else f"{type(error).__name__}: {error}"
        if self._command and self._status in OCCASIONS[self._on]:
            self._run()

    def _run(self) -> None:
        found = {f"CATDOG_{name}": text for name, text in self._found.items()}
        environment = {**os.environ, **found, "CATDOG_STATUS": self._status}
        # a command line of the user's; what comes from the run is in the environment, not in it
        code = subprocess.run(self._command, shell=True, env=environment).returncode  # nosec B602
        if code:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            self._stream.write(f"warning: --when-done: `{self._command}` {how}\n")
