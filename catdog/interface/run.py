"""A run as an object: its curve, its numbers, its weights, by the files that it left."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catdog.errors import CatdogError, WeightsError
from catdog.inference.named_weights import weights_of_run
from catdog.interface.metrics import RunMetrics, read_metrics
from catdog.tracking.metrics_csv import TABLE
from catdog.tracking.run_editing import annotate
from catdog.tracking.runs import RunRecord, find_run, find_runs

if TYPE_CHECKING:
    from catdog.inference.predictor import Predictor
    from catdog.net.net import Net
    from catdog.runtime.shown_figure import ShownFigure
    from catdog.solver.solver import Solver


class Run:
    """A training that is done, or under way: what it left beside its snapshots.

        run = catdog.Run("snapshots/quick/deep64")
        run.status, run.iteration, run.best["accuracy"]["value"]
        run.curve()
        run.predictor()("cat.jpg").label

    Args:
        name: its snapshot_prefix, its record (`..._run.yaml`), or a folder with one run.
        solver: the solver, where this process has trained it.

    What it says of itself (`status`, `iteration`, `best`, `final`) is as of the moment when the
    object was made; `metrics` and `curve` read their files when asked. Raises CatdogError where
    there is no such run.
    """

    def __init__(
        self, name: str | PathLike[str] | RunRecord, *, solver: "Solver | None" = None
    ) -> None:
        self._record = name if isinstance(name, RunRecord) else find_run(str(name))
        #: The solver, where this process has trained it, with the net and its state; else None.
        self.solver = solver

    @property
    def name(self) -> str:
        """Its snapshot_prefix, as seen from the working directory."""
        return self._record.name

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.name).parent

    @property
    def status(self) -> str:
        """done, stopped, failed, running, or lost: its process ended without a word."""
        return self._record.status

    @property
    def iteration(self) -> int:
        """The last iteration that is recorded."""
        return int(self._record.content.get("iteration") or 0)

    @property
    def seconds(self) -> float:
        """How long it has trained."""
        return float(self._record.content.get("seconds") or 0)

    @property
    def best(self) -> Mapping[str, Mapping[str, Any]]:
        """Of each test output its best: `value`, `iteration`, and which way is `better`."""
        return self._record.best

    @property
    def final(self) -> Mapping[str, float]:
        """The outputs of the last test."""
        return self._record.final

    @property
    def note(self) -> str:
        """What people wrote to it; empty without a word."""
        return self._record.annotation.note

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags it was given."""
        return self._record.annotation.tags

    def annotate(self, *, note: str | None = None, tags: Iterable[str] | None = None) -> None:
        """Write another note, or other tags, to its record; None leaves them as they are.

        Also while it trains. Raises CatdogError for too much of it, and what is no text.
        """
        annotate(self.name, note=note, tags=tags)
        self._record = find_run(self.name)

    @property
    def fields(self) -> Mapping[str, str]:
        """Fields of its solver, and those of its nets as net.LAYER.FIELD."""
        return self._record.fields

    @property
    def metrics(self) -> RunMetrics:
        """The columns of metrics.csv: iteration, epoch, seconds, learning_rate, train_loss, and
        the outputs of the tests. Arrays by name, float64; `.frame()` for pandas."""
        return read_metrics(self.folder / TABLE)

    @property
    def weights(self) -> Path:
        """The weight file: the best where the solver kept it (snapshot_best), else the last.

        Raises WeightsError where there is no snapshot.
        """
        found = weights_of_run(self.name)
        if found is None:
            remedy = "a training writes one at its end"
            raise WeightsError("no snapshot of this run", where=self.name, remedy=remedy)
        return found

    @cached_property
    def net(self) -> "Net":
        """The trained net, as a torch module: that of the solver, or the one it runs with photos,
        read from `weights`."""
        return self.solver.net if self.solver else self.predictor().net

    def predictor(self, **options: Any) -> "Predictor":
        """What predicts photos by its weights; options are those of `catdog.Predictor`."""
        from catdog.inference.predictor import Predictor

        return Predictor.load(self, **options)

    def curve(
        self, *, smooth: int = 0, log_scale: bool = False, across: str = "iteration"
    ) -> "ShownFigure":
        """Losses and test outputs over the training, as a matplotlib figure.

        Args:
            smooth: draw the train loss as the mean of so many displays; 0: by their number.
            log_scale: losses on a logarithmic axis.
            across: "iteration", "epoch" or "time".

        `run.curve().savefig("curve.png")` keeps it. Raises CatdogError where the log has none.
        """
        from catdog.tracking.curves.data import Style, read_curves
        from catdog.tracking.curves.single import draw

        style = Style(smooth=smooth, log_scale=log_scale, across=across)
        curves, style = read_curves([self.folder], style)
        return draw(curves[0].log, curves[0].name, style)

    def __repr__(self) -> str:
        return f"<Run {self.name}: {self.status} at iteration {self.iteration}{self._best_words()}>"

    def _best_words(self) -> str:
        words = [f"{name} {row['value']:.4g}" for name, row in self.best.items()]
        return f", best {', '.join(words)}" if words else ""

    def _repr_html_(self) -> str:
        """What it is and its curve, for a notebook."""
        rows = [
            ("run", self.name),
            ("status", f"{self.status} at iteration {self.iteration:,}, {self.seconds:,.0f} s"),
            *(
                (f"best {name}", f"{row['value']:.4g} at {row['iteration']:,}")
                for name, row in self.best.items()
            ),
        ]
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(value)}</td></tr>"
            for name, value in rows
        )
        return f"<div><table>{cells}</table>{self._picture()}</div>"

    def _picture(self) -> str:
        try:
            picture = self.curve().png()
        except (CatdogError, OSError):
            return ""
        data = base64.b64encode(picture).decode()
        return f"<img alt='learning curve' src='data:image/png;base64,{data}'>"


def runs(*folders: str | PathLike[str]) -> list[Run]:
    """The runs below folders, by default `snapshots`, in the order of their starts.

        for run in catdog.runs():
            print(run.name, run.final)

    A damaged record is passed over. Raises CatdogError where there is no run.
    """
    wanted: Sequence[Path] = [Path(folder) for folder in folders] or [Path("snapshots")]
    return [Run(record) for record in find_runs(wanted)]
