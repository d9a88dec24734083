"""A run for TensorBoard: curves, the net, its first pictures, histograms, hyper-parameters."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from catdog.data.preview import NamedPicture, sheet
from catdog.errors import CatdogError
from catdog.runtime.files import keep
from catdog.solver.events import (
    Display,
    Done,
    Event,
    FinalLoss,
    Iterating,
    NetTested,
    Stopped,
)
from catdog.solver.solver import Solver
from catdog.tracking.scalars import Scalars, settings_of
from catdog.tracking.schedule import schedule_of
from catdog.tracking.tensorboard_graph import graph

#: When histograms are taken.
HISTOGRAMS = ("display", "test")
#: Fields of a solver that are not hyper-parameters.
_NO_SETTING = ("net", "train_net", "test_net", "snapshot", "display", "debug_info", "solver_mode")


def check() -> None:
    """Raise CatdogError where TensorBoard is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        raise CatdogError(
            "TensorBoard is not installed",
            where="--tensorboard",
            remedy="pip install tensorboard",
        ) from None


class TensorBoard:
    """A listener that writes a run's event files.

    Args:
        folder: where they go. On a resume they are added to those that are there, whose numbers
            from this iteration on no longer count; else a folder that is there is kept under the
            next free name.
        solver: built, and restored where it is resumed.
        pictures: those that its training sees first.
        histograms: one of HISTOGRAMS, when those of parameters and gradients are taken, or empty.
    """

    def __init__(
        self,
        folder: Path,
        solver: Solver,
        pictures: Sequence[NamedPicture] = (),
        *,
        resumed: bool = False,
        histograms: str = "",
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter

        if not resumed:
            keep(folder)
        self._solver, self._histograms = solver, histograms
        self._schedule = schedule_of(solver)
        self._scalars = Scalars(self._schedule)
        self._scores: dict[str, float] = {}
        self._due = False
        self._to: Any = SummaryWriter(str(folder), purge_step=solver.iteration if resumed else None)
        if not resumed:
            self._draw_net()
            self._show(pictures)

    def __call__(self, event: Event) -> None:
        """Write what belongs to TensorBoard from an event."""
        values = self._scalars.values(event)
        match event:
            case Display(iteration) | FinalLoss(iteration):
                self._write(iteration, values)
                self._due |= self._histograms == "display" and isinstance(event, Display)
            case NetTested(iteration):
                self._write(iteration, values)
                self._scores.update(values)
                self._due |= self._histograms == "test"
            case Iterating(iteration) if self._due:
                self._due = False
                self._take_histograms(iteration)
            case Done() | Stopped():
                self._write_settings()

    def close(self) -> None:
        """Write what is left."""
        self._to.close()

    def _write(self, iteration: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._to.add_scalar(name, value, iteration)

    def _draw_net(self) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        drawn = graph(self._solver.net).SerializeToString()
        self._to.file_writer.add_event(Event(graph_def=drawn))

    def _show(self, pictures: Sequence[NamedPicture]) -> None:
        if pictures:
            board = sheet(pictures)
            self._to.add_image("first batch", board, self._schedule.first, dataformats="HWC")

    def _take_histograms(self, iteration: int) -> None:
        # gradients are sums over the passes of an iteration, of a loss that may be scaled
        scale = self._solver.loss_scale * self._solver.param.iter_size
        for item in self._solver.update.learnable:
            layer, _, index = item.name.rpartition(":")
            self._add_histogram(f"{layer}/blob {index}", item.parameter.detach(), iteration)
            if item.parameter.grad is not None:
                name = f"{layer}/gradient {index}"
                self._add_histogram(name, item.parameter.grad / scale, iteration)

    def _add_histogram(self, name: str, values: Tensor, iteration: int) -> None:
        finite = values.float()
        finite = finite[finite.isfinite()]
        if finite.numel():
            self._to.add_histogram(name, finite, iteration)

    def _write_settings(self) -> None:
        """The solver's fields with the scores of the last tests, for the page of hyper-parameters.

        It stands in the run itself (SummaryWriter.add_hparams makes a run of its own).
        """
        from torch.utils.tensorboard.summary import hparams

        settings = {
            name: _setting(text)
            for name, text in settings_of(self._solver, self._schedule).items()
            if not name.startswith(_NO_SETTING)
        }
        for summary in hparams(settings, self._scores):  # type: ignore[no-untyped-call]
            self._to.file_writer.add_summary(summary)


def _setting(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
