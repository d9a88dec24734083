"""The weights that a name means: a file, a run by its snapshot_prefix, or a folder of runs."""

from pathlib import Path
from typing import Protocol

from catdog.solver.solverstate import MODEL, best_path, snapshot_files


class HasWeights(Protocol):
    """A run: what knows where its weights are."""

    @property
    def weights(self) -> Path:
        """The file."""


def weights_of_run(prefix: str | Path) -> Path | None:
    """The best weights under a snapshot_prefix, else those of its last snapshot; None without."""
    bests = (best_path(str(prefix), hdf5=hdf5) for hdf5 in (False, True))
    if best := next((path for path in bests if path.is_file()), None):
        return best
    found = [pair for pair in snapshot_files(str(prefix)) if MODEL in pair[1].suffixes]
    # of an iteration's two files the average is the better one
    return max(found, key=lambda pair: (pair[0], "_ema." in pair[1].name))[1] if found else None
