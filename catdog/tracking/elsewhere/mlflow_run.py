"""A run in MLflow, through its client: nothing of the program's own state is touched.

MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME say where it goes, with what a server needs of its
own variables; without them it is an SQLite file and a folder beside the run.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from catdog.tracking.elsewhere.tracker import (
    Introduction,
    Point,
    TrackedModel,
    plain_name,
)
from catdog.tracking.shell_hook import DONE, FAILED, STOPPED

#: What is set where the user has not: a server that is away must not hold a training up for the
#: minutes that MLflow's seven tries take, and nobody is told that catdog was run.
_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_STATUS = {DONE: "FINISHED", STOPPED: "KILLED", FAILED: "FAILED"}
#: Most numbers, and parameters or tags, of a request, and characters of a parameter, as MLflow has
#: it.
_NUMBERS, _PARAMETERS, _LONGEST = 1000, 100, 6000


def begin(told: Introduction) -> "MLflowRun":
    """The run in MLflow: a new one, or that of an earlier session. Raises what MLflow raises."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    # it tells of each table that it makes
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{told.folder.resolve()}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    run = _earlier(client, told.known)
    if run is None:
        experiment = _experiment(client, told)
        run = client.create_run(experiment, run_name=told.name, tags=_tags(told))
    else:
        client.update_run(run.info.run_id, status="RUNNING")
    tracked = MLflowRun(client, run, uri)
    tracked.settings(told.settings)
    return tracked


def _earlier(client: Any, known: str) -> Any:
    """The run of an earlier session, or None where it is not there or was deleted."""
    from mlflow.exceptions import MlflowException

    if not known:
        return None
    try:
        run = client.get_run(known)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return run if run.info.lifecycle_stage == "active" else None


def _experiment(client: Any, told: Introduction) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or told.experiment
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    # a server knows itself where files go
    own = not os.environ.get("MLFLOW_TRACKING_URI")
    place = (told.folder / "mlflow_files").resolve().as_uri() if own else None
    return str(client.create_experiment(name, artifact_location=place))


def _tags(told: Introduction) -> dict[str, str]:
    note = {"mlflow.note.content": told.annotation.note} if told.annotation.note else {}
    words = {plain_name(word): "true" for word in told.annotation.tags}
    return {**words, **{f"catdog.{name}": text for name, text in told.facts.items()}, **note}


class MLflowRun:
    """A run of MLflow's, opened by `begin`."""

    def __init__(self, client: Any, run: Any, uri: str) -> None:
        self._client, self._known = client, dict(run.data.params)
        self._experiment = run.info.experiment_id
        self.run: str = run.info.run_id
        self.place = uri

    def settings(self, settings: Mapping[str, str]) -> None:
        """Take settings; MLflow lets none change, so that those of a resume become tags."""
        from mlflow.entities import Param, RunTag

        given = {plain_name(name): text[:_LONGEST] for name, text in settings.items()}
        new = [Param(name, text) for name, text in given.items() if name not in self._known]
        for at in range(0, len(new), _PARAMETERS):
            self._client.log_batch(self.run, params=new[at : at + _PARAMETERS])
        changed = {n: text for n, text in given.items() if self._known.get(n, text) != text}
        tags = [RunTag(f"resumed.{name}", text) for name, text in changed.items()]
        if tags:
            self._client.log_batch(self.run, tags=tags[:_PARAMETERS])

    def points(self, points: Sequence[Point]) -> None:
        """Take numbers, oldest first."""
        from mlflow.entities import Metric

        numbers = [
            Metric(plain_name(name), value, int(point.seconds * 1000), point.iteration)
            for point in points
            for name, value in point.values.items()
        ]
        for at in range(0, len(numbers), _NUMBERS):
            self._client.log_batch(self.run, metrics=numbers[at : at + _NUMBERS])

    def files(self, files: Mapping[str, Path]) -> None:
        """Take files under their names."""
        for name, path in files.items():
            folder = str(Path(name).parent)
            self._client.log_artifact(self.run, str(path), None if folder == "." else folder)

    def model(self, model: TrackedModel) -> None:
        """Take the weights, and the ONNX model as a model of MLflow's, with its signature."""
        from mlflow.entities import LoggedModelOutput

        self._client.log_artifact(self.run, str(model.weights), "weights")
        if model.onnx is None:
            return
        logged = self._client.create_logged_model(
            self._experiment, name="model", source_run_id=self.run
        )
        with TemporaryDirectory(prefix="catdog-mlflow-") as scratch:
            folder = Path(scratch) / "model"
            _save(model.onnx, folder, self.run, logged.model_id, model.weights.name)
            self._client.log_model_artifacts(logged.model_id, str(folder))
        self._client.finalize_logged_model(logged.model_id, "READY")
        output = LoggedModelOutput(logged.model_id, step=model.iteration)
        self._client.log_outputs(self.run, models=[output])

    def end(self, status: str) -> None:
        """FINISHED, KILLED or FAILED."""
        self._client.set_terminated(self.run, _STATUS[status])


def _save(onnx_file: Path, folder: Path, run: str, model: str, weights: str) -> None:
    """Write a model of MLflow's; its pixels are prepared as its file's own metadata say."""
    import mlflow.onnx
    import onnx
    from mlflow.models import Model, ModelSignature

    loaded = onnx.load(onnx_file)
    signature = ModelSignature(_schema(loaded.graph.input), _schema(loaded.graph.output))
    mlflow.onnx.save_model(
        loaded,
        str(folder),
        mlflow_model=Model(run_id=run, model_id=model),
        signature=signature,
        # else it starts a process that loads the model, to see what that imports
        pip_requirements=[f"{name}=={version(name)}" for name in ("onnx", "onnxruntime")],
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,
        metadata={"catdog_weights": weights},
    )


def _schema(values: Any) -> Any:
    """Blobs of an ONNX graph with their names, types and shapes; -1 is an axis that is open."""
    import onnx
    from mlflow.types import Schema, TensorSpec

    specs: list[Any] = []
    for value in values:
        tensor = value.type.tensor_type
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        axes = (axis.dim_value if axis.HasField("dim_value") else -1 for axis in tensor.shape.dim)
        specs.append(TensorSpec(np.dtype(kind), tuple(axes), value.name))
    return Schema(specs)
