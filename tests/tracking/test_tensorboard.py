"""Event files, read back as TensorBoard reads them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from catdog.errors import CatdogError
from catdog.tracking import tensorboard as module
from catdog.tracking.listeners import TrackingOptions
from catdog.training.options import Options
from catdog.training.train import train
from tests.data.sources.build import pictures
from tests.small_solver import NET, write_small

pytest.importorskip("tensorboard")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*overrides: str, histograms: str = "", snapshot: str = ""):
    fields = ["snapshot_prefix=out/run", *overrides]
    watch = TrackingOptions(tensorboard=True, histograms=histograms, resources=0)
    solver = train("solver.yaml", Options(overrides=fields, snapshot=snapshot, tracking=watch))
    return solver, events("out/run_tensorboard")


def events(folder: str):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(folder, {"histograms": 0, "images": 0, "scalars": 0})
    return found.Reload()


def scalars(found, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def test_curves_net_and_pictures() -> None:
    solver, found = run("lr_policy=step", "gamma=0.1", "stepsize=4")
    tags = found.Tags()
    assert set(tags["scalars"]) >= {
        "train/loss",
        "train/learning_rate",
        "test/accuracy",
        "test/loss",
        "speed/iterations_per_second",
        "speed/images_per_second",
    }
    assert [step for step, _ in scalars(found, "test/loss")] == [0, 3, 6, 8]
    rates = [value for _, value in scalars(found, "train/learning_rate")]
    assert rates == pytest.approx([0.01] * 4 + [0.001] * 4)
    assert not tags["histograms"]
    nodes = {node.name: node for node in found.Graph().node}
    assert nodes["data"].op == "Input"
    assert nodes["bn1"].input == ["conv1"]
    assert nodes["loss"].input == ["fc2", "label"]
    shape = nodes["conv1"].attr["_output_shapes"].list.shape[0]
    assert [dim.size for dim in shape.dim] == list(solver.net.shapes["conv1"])


def test_the_first_pictures_are_those_of_the_store_in_rgb() -> None:
    first = pictures(10)[0]
    Path("net.yaml").write_text(NET.replace("shuffle: true", "shuffle: false"))
    _, found = run("max_iter=1")
    (image,) = found.Images("first batch")
    shown = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    # 8 x 10 pixels, twelve times as large, behind a margin of two
    cell = shown[2 : 2 + 96 : 12, 2 : 2 + 120 : 12]
    np.testing.assert_array_equal(cell.transpose(2, 0, 1), first)


def test_the_first_pictures_stay_the_first_of_the_training() -> None:
    """Also where no test comes before the first iteration, so that the data are read ahead."""
    fields = ["test_initialization=false", "max_iter=6", "random_seed=3"]
    plain = train("solver.yaml", Options(overrides=[*fields, "snapshot_prefix=plain/run"]))
    shown, _ = run(*fields)
    assert plain.recent_loss == shown.recent_loss


@pytest.mark.parametrize(("when", "steps"), [("test", [0, 3, 6]), ("display", [0, 4])])
def test_histograms_on_request(when: str, steps: list[int]) -> None:
    _, found = run("display=4", histograms=when)
    for tag in ("conv1/blob 0", "fc2/blob 1", "fc2/gradient 0"):
        assert [event.step for event in found.Histograms(tag)] == steps
    # frozen layers have no gradient
    assert "conv1/gradient 0" not in found.Tags()["histograms"]


def test_a_resume_goes_on_where_the_snapshot_was() -> None:
    run("max_iter=5")
    _, found = run("max_iter=8", snapshot="auto")
    steps = [step for step, _ in scalars(found, "train/loss")]
    # the last one is that of the pass after the last update
    assert steps == list(range(9))
    assert len(list(Path("out").glob("run_tensorboard*"))) == 1
    run("max_iter=2")
    assert Path("out/run_tensorboard.1").is_dir()


def test_settings_stand_with_the_last_scores() -> None:
    _, found = run()
    tags = found.summary_metadata
    assert {"_hparams_/experiment", "_hparams_/session_start_info"} <= set(tags)
    content = tags["_hparams_/session_start_info"].plugin_data.content
    assert b"base_lr" in content
    assert b"momentum" in content
    assert b"snapshot_prefix" not in content


def test_without_tensorboard_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(CatdogError, match="--tensorboard: TensorBoard is not installed; pip"):
        module.check()
    with pytest.raises(CatdogError, match="not installed"):
        run()
    assert not Path("out").exists()
