"""What of a run's files another program keeps: specs, log and tables, a picture, the weights."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from catdog.errors import CatdogError
from catdog.export.deployed import deployed
from catdog.export.deployed_files import FileForm, to_onnx
from catdog.solver.solverstate import best_path
from catdog.tracking.curves.files import plot
from catdog.tracking.elsewhere.tracker import TrackedModel
from catdog.tracking.log_reader import LOG
from catdog.tracking.metrics_csv import TABLE
from catdog.tracking.run_file import run_path
from catdog.weights import read_mark


@dataclass(frozen=True)
class RunFilesElsewhere:
    """The files of the run under a prefix, named `run`, whose resolved specs are `texts`."""

    prefix: str
    run: str
    texts: Mapping[str, str] = field(default_factory=dict)

    def specs(self, scratch: Path) -> dict[str, Path]:
        """The resolved specs, written to a folder."""
        found = {}
        for name, text in self.texts.items():
            path = scratch / Path(name).name
            path.write_text(text, encoding="utf-8")
            found[name] = path
        return found

    def results(self, scratch: Path) -> dict[str, Path]:
        """Log, table, record and deploy net, those that are there, and the curves as a picture."""
        folder = Path(self.prefix).parent
        listed = [folder / LOG, folder / TABLE, run_path(self.prefix)]
        listed.append(Path(f"{self.prefix}_deploy.prototxt"))
        found = {path.name: path for path in listed if path.is_file()}
        # a run that has hardly begun has no curve
        with suppress(CatdogError):
            found["curves.png"] = plot(folder / LOG, scratch / "curves.png")
        return found

    def model(
        self, last: Path | None, scratch: Path, tell: Callable[[str], object]
    ) -> TrackedModel | None:
        """The best weights of the run, or else the last; with their ONNX model, or why it has none.

        `last` are those of its last snapshot.
        """
        paths = [best_path(self.prefix, hdf5=hdf5) for hdf5 in (False, True)]
        mine = [path for path in paths if path.is_file() and read_mark(path).run == self.run]
        weights = next(iter([*mine, *([last] if last and last.is_file() else [])]), None)
        if weights is None:
            return None
        onnx: Path | None = scratch / "model.onnx"
        try:
            to_onnx(deployed(None, weights), scratch / "model.onnx", FileForm(), lambda _: None)
        except CatdogError as error:
            onnx = None
            tell(f"{weights.name} is kept elsewhere without a model in ONNX: {error}")
        return TrackedModel(weights, read_mark(weights).iteration, onnx)
