"""What there is to tell other programs of a run that begins."""

from dataclasses import dataclass
from pathlib import Path

from catdog.runtime import provenance
from catdog.solver.events import Preparing
from catdog.solver.solver import Solver
from catdog.tracking.annotation import Annotation
from catdog.tracking.elsewhere.run_files import RunFilesElsewhere
from catdog.tracking.elsewhere.tracker import Introduction
from catdog.tracking.run_file import known_to
from catdog.tracking.scalars import settings_of
from catdog.tracking.schedule import schedule_of


@dataclass(frozen=True)
class TrackedRun:
    """A run under way: its prefix, its solver, what groups it with others, how it was prepared."""

    prefix: str
    solver: Solver
    experiment: str
    preparing: Preparing | None
    annotation: Annotation

    def introduction(self, tracker: str, *, resumed: bool) -> Introduction:
        """What a program is told; `resumed`: it goes on in the run that it had before."""
        path = Path(self.prefix)
        schedule = schedule_of(self.solver)
        return Introduction(
            experiment=self.experiment or path.name,
            # folds and trials of a sweep differ by their folders
            name=f"{path.resolve().parent.name}/{path.name}",
            folder=path.parent,
            known=known_to(tracker, self.prefix) if resumed else "",
            settings={**settings_of(self.solver, schedule), "net_name": self.solver.net.name},
            facts=self._facts(),
            annotation=self.annotation,
        )

    def files(self) -> RunFilesElsewhere:
        """What is kept there of the run's files."""
        return RunFilesElsewhere(self.prefix, self.solver.run, self._texts())

    def _facts(self) -> dict[str, str]:
        given = self.preparing
        told = {"seed": str(given.seed), "device": given.device} if given else {}
        made = {"command": provenance.command(), "host": provenance.machine()}
        return {"run": self.solver.run, **told, **made, **provenance.versions()}

    def _texts(self) -> dict[str, str]:
        """The resolved specs by file names."""
        if self.preparing is None:
            return {}
        nets = self.preparing.nets
        names = ["solver", "train_net", *(f"test_net_{at}" for at in range(len(nets) - 1))]
        texts = (self.preparing.solver, *nets)
        return {f"spec/{name}.prototxt": text for name, text in zip(names, texts, strict=True)}
