"""Trainings in MLflow with an SQLite store, in W&B offline and in Aim, read back from there."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from catdog.errors import CatdogError
from catdog.export.deployed import deployed
from catdog.solver.events import Event, Iterating
from catdog.tracking.annotation import annotation
from catdog.tracking.elsewhere import run_files
from catdog.tracking.listeners import TrackingOptions
from catdog.tracking.run_file import read_run, run_path
from catdog.training.options import Options
from catdog.training.train import train
from tests.small_solver import write_small
from tests.tracking.elsewhere.wandb_file import history, records

pytest.importorskip("mlflow")
pytest.importorskip("wandb")
pytest.importorskip("aim")
pytest.importorskip("onnxscript")
# theirs, of packages that they use
pytestmark = pytest.mark.filterwarnings("ignore")

FIELDS = ["snapshot_prefix=out/run", "snapshot_best=accuracy"]


@dataclass
class Sessions:
    """A training that was stopped and gone on with: what MLflow knew of it both times."""

    client: Any
    stopped: Any
    ended: Any
    wandb: list[Path]


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("tracked")
    write_small(path)
    with pytest.MonkeyPatch.context() as patch:
        for name in [*os.environ]:
            if name.startswith(("MLFLOW_", "WANDB_", "AIM_")):
                patch.delenv(name)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("WANDB_ERROR_REPORTING", "false")
        patch.chdir(path)
        with pytest.MonkeyPatch.context() as without:
            without.setattr(run_files, "to_onnx", no_onnx)
            session("", stop=True)
        client = MlflowClient(f"sqlite:///{path}/out/mlflow.db")
        name = read_run(run_path("out/run"))["tracked"]["mlflow"]["run"]
        stopped = client.get_run(name)
        session("auto", "max_iter=7", tags=["second"])
        folders = sorted(Path("out/wandb").glob("offline-run-*"))
        yield Sessions(client, stopped, client.get_run(name), [path / each for each in folders])


def no_onnx(*_: object) -> None:
    raise CatdogError("torch cannot export it")


def session(snapshot: str, *overrides: str, tags: list[str] | None = None, stop: bool = False):
    def listen(event: Event) -> None:
        if stop and isinstance(event, Iterating) and event.iteration == 4:
            os.kill(os.getpid(), signal.SIGINT)

    watch = TrackingOptions(
        track=("mlflow", "wandb", "aim"),
        resources=0,
        annotation=annotation("a note", tags or ["first"]),
    )
    options = Options(overrides=[*FIELDS, *overrides], snapshot=snapshot, tracking=watch)
    train("solver.yaml", options, listeners=[listen])


def test_a_stopped_run_is_killed_and_goes_on_as_the_same(sessions: Sessions) -> None:
    assert sessions.stopped.info.status == "KILLED"
    assert sessions.ended.info.status == "FINISHED"
    (experiment,) = sessions.client.search_experiments(filter_string="name = 'solver'")
    (only,) = sessions.client.search_runs([experiment.experiment_id])
    assert only.info.run_id == sessions.ended.info.run_id
    assert only.info.run_name == "out/run"


def test_a_net_that_is_no_onnx_is_kept_as_weights_and_a_line_says_so(sessions: Sessions) -> None:
    assert not sessions.stopped.outputs.model_outputs
    line = "run_best.caffemodel is kept elsewhere without a model in ONNX: torch cannot export it"
    assert line in Path("out/train.log").read_text()


def test_mlflow_has_settings_note_and_tags(sessions: Sessions) -> None:
    data = sessions.ended.data
    assert data.params["base_lr"] == "0.01"
    assert data.params["batch_size"] == "4"
    assert data.params["net_name"] == "small"
    # MLflow lets no parameter change
    assert data.params["max_iter"] == "8"
    assert data.tags["resumed.max_iter"] == "7"
    assert data.tags["mlflow.note.content"] == "a note"
    assert data.tags["first"] == "true"
    assert data.tags["catdog.run"] == read_run(run_path("out/run"))["run"]


def test_mlflow_has_the_numbers_of_the_log(sessions: Sessions) -> None:
    def steps(name: str) -> list[int]:
        run = sessions.ended.info.run_id
        return [metric.step for metric in sessions.client.get_metric_history(run, name)]

    # the last one is that of the pass after the last update
    assert steps("train/loss") == [0, 1, 2, 3, 4, 5, 6, 7]
    assert steps("train/learning_rate") == [0, 1, 2, 3, 4, 5, 6]
    assert steps("test/accuracy")[0] == 0
    assert sessions.ended.data.metrics["train/learning_rate"] == pytest.approx(0.01)
    final = read_run(run_path("out/run"))["final"]
    assert sessions.ended.data.metrics["test/loss"] == pytest.approx(final["loss"], rel=1e-5)
    assert sessions.ended.data.metrics["speed/images_per_second"] > 0


def test_mlflow_has_the_files(sessions: Sessions) -> None:
    client, run = sessions.client, sessions.ended.info.run_id
    names = {file.path for file in client.list_artifacts(run)}
    assert names >= {"train.log", "metrics.csv", "run_run.yaml", "run_deploy.prototxt", "spec"}
    specs = [file.path for file in client.list_artifacts(run, "spec")]
    assert specs == [f"spec/{name}.prototxt" for name in ("solver", "test_net_0", "train_net")]
    solver = Path(client.download_artifacts(run, "spec/solver.prototxt")).read_text()
    assert solver.strip() == read_run(run_path("out/run"))["solver"].strip()
    (weights,) = client.list_artifacts(run, "weights")
    assert weights.path == "weights/run_best.caffemodel"


def test_the_model_in_mlflow_predicts_as_the_net_does(sessions: Sessions) -> None:
    import mlflow

    models = [output.model_id for output in sessions.ended.outputs.model_outputs]
    mlflow.set_tracking_uri(sessions.client.tracking_uri)
    try:
        model = mlflow.pyfunc.load_model(f"models:/{models[-1]}")
    finally:
        mlflow.set_tracking_uri(None)
    (given,), (made,) = model.metadata.signature.inputs, model.metadata.signature.outputs
    net = deployed(None, Path("out/run_best.caffemodel")).net
    assert given.name == next(iter(net.inputs))
    assert given.shape == (-1, 3, 8, 10)
    assert (made.name, made.shape) == (next(iter(net.outputs)), (-1, 10))
    batch = np.random.default_rng(0).normal(size=(3, 3, 8, 10)).astype(np.float32)
    with torch.no_grad():
        wanted = net.eval()({given.name: torch.from_numpy(batch)}).blobs[made.name]
    found = model.predict({given.name: batch})[made.name]
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("sessions")
def test_nothing_in_mlflow_is_a_pickle() -> None:
    files = [path for path in Path("out/mlflow_files").rglob("*") if path.is_file()]
    assert any(path.name == "model.onnx" for path in files)
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".pt", ".pth")]


def test_wandb_has_a_run_with_numbers_and_files(sessions: Sessions) -> None:
    first, second = map(records, sessions.wandb)
    run = next(record.run for record in second if record.WhichOneof("record_type") == "run")
    assert run.run_id == read_run(run_path("out/run"))["tracked"]["wandb"]["run"]
    assert run.run_id in sessions.wandb[0].name
    assert (run.project, run.display_name, run.notes) == ("solver", "out/run", "a note")
    settings = {item.key: item.value_json for item in run.config.update}
    assert settings["base_lr"] == '"0.01"'
    rows = [*history(first), *history(second)]
    assert [row["iteration"] for row in rows if "train/loss" in row] == [0, 1, 2, 3, 4, 5, 6, 7]
    codes = [
        record.exit.exit_code
        for record in (*first, *second)
        if record.WhichOneof("record_type") == "exit"
    ]
    assert codes == [255, 0]


def test_aim_has_one_run_with_settings_numbers_and_files(sessions: Sessions) -> None:
    import aim

    repo = aim.Repo.from_path("out")
    (name,) = repo.list_all_runs()
    assert name == read_run(run_path("out/run"))["tracked"]["aim"]["run"]
    # not read_only: that shows what Aim's server has put into its index
    run = aim.Run(name, repo=repo, system_tracking_interval=None, capture_terminal_logs=False)
    try:
        assert (run.experiment, run.name, run.description) == ("solver", "out/run", "a note")
        assert set(run.props.tags) == {"first", "second"}
        assert run["settings"]["base_lr"] == "0.01"
        assert run["settings"]["max_iter"] == "7"
        assert run["status"] == "done"
        values = {each.name: each.values.sparse_numpy()[1] for each in run.metrics()}
        theirs = sessions.client.get_metric_history(sessions.ended.info.run_id, "train/loss")
        # Aim keeps the one of an iteration that came last
        assert sorted(values["train/loss"]) == pytest.approx(sorted(each.value for each in theirs))
        assert set(run.artifacts) >= {"train.log", "spec/solver.prototxt", "model/model.onnx"}
        folder = Path("out/aim_files") / name
        assert (folder / "model/run_best.caffemodel").read_bytes() == Path(
            "out/run_best.caffemodel"
        ).read_bytes()
    finally:
        run.close()
