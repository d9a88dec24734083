"""Photos to a trained net in one call: the same as the printed commands, and it goes on."""

import csv
import os
import re
import shlex
import signal
import threading
import time
from pathlib import Path

import pytest
import yaml

from catdog.cli.main import call_tool
from catdog.errors import CatdogError
from catdog.project import run_steps, steps
from catdog.project.fitting import Fitted, fit, new
from catdog.project.folder import folder_for
from catdog.project.found import find
from catdog.project.request import Project
from catdog.project.run_steps import run_all
from catdog.project.steps import Deadline, ToolStep
from catdog.solver.events import Event, Iterating
from catdog.tracking.shell_hook import WhenDone
from catdog.weights import read_weights
from tests.project.photos import write_net, write_photos

COMMAND = re.compile(r"^catdog (.*)$", re.MULTILINE)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_photos(Path("photos"))
    return Path("photos")


@pytest.fixture
def quick(monkeypatch):
    """Without a curve, a report and a page."""
    whole = run_steps.steps_of
    monkeypatch.setattr(run_steps, "steps_of", lambda project: whole(project)[:2])


def fitted(photos: Path, out: str, **options: object) -> Fitted:
    given = {"net": write_net(Path()), "epochs": 6, "device": "cpu", "tell": lambda _: None}
    return fit(photos, out, **{**given, **options})


def weights_of(path: Path) -> dict[str, bytes]:
    blobs = read_weights(path).blobs
    return {name: b"".join(each.tobytes() for each in arrays) for name, arrays in blobs.items()}


def interrupt_at(iteration: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def listen(_: WhenDone, event: Event) -> None:
        if isinstance(event, Iterating) and event.iteration == iteration:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(WhenDone, "__call__", listen)


def test_it_learns_and_leaves_a_folder_that_explains_itself(photos):
    told: list[str] = []
    result = fitted(photos, "shapes", tell=told.append)
    assert result.accuracy == 1
    assert result.weights == Path("shapes/snapshots/shapes_best.caffemodel")
    assert result.weights.exists()
    assert result.report.stat().st_size > 1000
    assert result.curve.exists()
    # two of each class, by the seed
    listed = Path("shapes/validation_photos.txt").read_text().split()
    assert sorted(line.split("/")[2] for line in listed) == ["ant"] * 2 + ["bee"] * 2 + ["cow"] * 2
    assert Path("shapes/predictions.csv").read_text().count("\n") == 7
    assert result.page.stat().st_size > 1000
    assert Path.cwd() == photos.resolve().parent
    text = "\n".join(told)
    assert "a folder for each class: 36 photos, 3 classes" in text
    assert "$ cd shapes" in text
    build = "$ catdog create_lmdb --data ../photos --out data --size 16 --seed 1 --stratify"
    assert build in text
    net = Path("shapes/net.yaml").read_text()
    assert net.startswith("# shapes: 3 classes (ant, bee, cow), tiny.\n#\n#   catdog create_lmdb")
    assert "#   catdog train --solver solver.yaml --device cpu\n" in net
    assert "# They learn" not in net.splitlines()[0]
    assert "# Two layers on 16x16 pictures. They learn shapes.\n" in net
    assert "    # one for each class\n    num_output: 3\n" in net
    assert "source: data/train_lmdb" in net
    assert "make lmdb" not in net
    assert "snapshot_best: loss\n" in Path("shapes/solver.yaml").read_text()
    assert "36 photos, 3 classes: ant, bee, cow." in Path("shapes/README.md").read_text()


def test_the_printed_commands_by_hand_give_the_same(photos, monkeypatch):
    first = fitted(photos, "one")
    by_hand = Path("two")
    by_hand.mkdir()
    for name in ("net.yaml", "solver.yaml"):
        (by_hand / name).write_bytes((first.folder / name).read_bytes())
    readme = (first.folder / "README.md").read_text()
    monkeypatch.chdir(by_hand)
    commands = COMMAND.findall(readme)
    assert [command.split()[0] for command in commands] == [
        "create_lmdb",
        "train",
        "plot_learning_curve",
        "evaluate",
        "predict",
    ]
    for command in commands:
        tool, *words = shlex.split(command.replace("PHOTOS", "../photos/ant"))
        call_tool(tool, words)
    monkeypatch.chdir(by_hand.resolve().parent.parent / "two")
    for name in ("one_best.caffemodel", "one_iter_23.caffemodel"):
        mine = weights_of(Path("snapshots") / name)
        assert mine == weights_of(Path("../one/snapshots") / name)
    store = "data/train_lmdb/data.mdb"
    assert Path(store).read_bytes() == Path("../one", store).read_bytes()


def test_several_labels_are_judged_and_shown(photos, capsys):
    rows = [(path, path.parent.name) for path in sorted(photos.rglob("*.png"))]
    lines = [f"{path},{int(kind != 'cow')},{int(kind == 'ant')}" for path, kind in rows]
    Path("labels.csv").write_text("\n".join(["file,light,left", *lines]))
    result = fitted(Path("labels.csv"), "labels")
    readme = Path("labels/README.md").read_text()
    assert "36 photos, 2 labels: light, left." in readme
    assert "catdog evaluate --model net.yaml --weights snapshots/labels_best.caffemodel" in readme
    assert "report.html" not in readme
    assert "accuracy = 1" in capsys.readouterr().out
    assert result.accuracy == 1
    assert result.page.exists()
    assert not result.report.exists()


def test_a_training_that_begins_when_its_time_is_up_gets_some_more(monkeypatch):
    monkeypatch.setattr(steps, "GRACE", 0.3)
    stops: list[float] = []
    begun = threading.Event()
    with Deadline(1.0, begun.is_set) as deadline:
        signal.signal(signal.SIGTERM, lambda *_: stops.append(time.monotonic()))
        time.sleep(1.2)
        assert not deadline.passed
        begun.set()
        began = time.monotonic()
        while not stops and time.monotonic() < began + 10:
            time.sleep(0.02)
        assert deadline.passed
    assert stops[0] - began >= 0.3


@pytest.mark.usefixtures("quick")
def test_the_accuracy_is_that_of_the_test_with_the_best_loss(photos):
    result = fitted(photos, "shapes", lr=1e-4)
    run = yaml.safe_load(Path("shapes/snapshots/shapes_run.yaml").read_text())
    assert run["score"] == "loss"
    table = Path("shapes/snapshots/metrics.csv").read_text().splitlines()
    rows = list(csv.DictReader(table))
    losses = [(float(row["loss"]), float(row["accuracy"])) for row in rows[1:] if row["loss"]]
    assert len({accuracy for _, accuracy in losses}) > 1
    assert result.accuracy == min(losses)[1]


@pytest.mark.usefixtures("quick")
def test_an_interrupted_training_goes_on(photos, monkeypatch):
    whole = fitted(photos, "whole")
    with monkeypatch.context() as patched:
        interrupt_at(9, patched)
        with pytest.raises(KeyboardInterrupt) as caught:
            fitted(photos, "cut")
    assert caught.value.__notes__ == ["the same command goes on from here"]
    told: list[str] = []
    again = fitted(photos, "cut", tell=told.append)
    assert "going on in cut" in told
    assert not any("create_lmdb" in line for line in told)
    assert any(line.endswith("--snapshot auto") for line in told)
    last = "snapshots/{}_iter_23.caffemodel"
    mine, other = again.folder / last.format("cut"), whole.folder / last.format("whole")
    assert weights_of(mine) == weights_of(other)


def test_what_is_done_is_not_done_again(photos):
    fitted(photos, "once")
    told: list[str] = []
    again = fitted(photos, "once", tell=told.append)
    assert again.accuracy == 1
    assert not any(line.startswith("\n$ catdog") for line in told)


@pytest.mark.usefixtures("quick")
def test_another_request_for_a_project_is_refused(photos):
    fitted(photos, "once", epochs=1)
    with pytest.raises(CatdogError, match=r"once: was begun with epochs 1, not 2; say the same"):
        fitted(photos, "once", epochs=2)
    write_photos(photos, count=13)
    with pytest.raises(CatdogError, match=r"once: was made of 36 photos, and photos has 39 now"):
        fitted(photos, "once", epochs=1)


def test_a_folder_of_something_else_is_left_alone(photos):
    Path("mine").mkdir()
    Path("mine/thesis.txt").touch()
    with pytest.raises(CatdogError, match=r"mine: is not empty \(thesis\.txt\), and no project"):
        fitted(photos, "mine")
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


def test_photos_that_are_not_there_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CatdogError, match="nowhere: no such file or folder"):
        fit("nowhere", tell=lambda _: None)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("quick")
def test_the_time_ends_a_training(photos, monkeypatch):
    monkeypatch.setattr(steps, "GRACE", 0.5)
    folder = new(photos, "long", net=str(write_net(Path())), tell=lambda _: None)
    solver = (folder / "solver.yaml").read_text()
    assert "max_epoch: 160\n" in solver
    assert "early_stop_patience: 10\n" in solver
    endless = solver.replace("max_epoch: 160", "max_epoch: 1000000")
    endless = endless.replace("early_stop_patience: 10", "early_stop_patience: 1000000")
    (folder / "solver.yaml").write_text(endless)
    project = Project.read(folder)
    assert project is not None
    told: list[str] = []
    done = run_all(project, find(photos), folder, 0.5, told.append)
    assert done.stopped == "the minutes are over"
    assert Project.read(folder) == done
    assert "the time is up: what was learned until now is taken" in told
    assert (folder / "snapshots/long_best.caffemodel").exists()


def test_new_writes_and_does_not_train(photos):
    folder = new(photos, "planned", net="small64", tell=lambda _: None)
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "net.yaml",
        "project.yaml",
        "solver.yaml",
    ]
    with pytest.raises(CatdogError, match="planned: has a project already"):
        new(photos, "planned", tell=lambda _: None)


@pytest.mark.parametrize(("most", "weighed"), [(15, ""), (16, "[0.8125, 1.3]")])
def test_classes_of_different_sizes_count_alike(tmp_path, monkeypatch, most, weighed):
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path / "uneven", ["ant"], most)
    write_photos(tmp_path / "uneven", ["bee"], 10)
    told = []
    folder = new("uneven", "planned", tell=told.append)
    text = (folder / "net.yaml").read_text()
    assert (f"loss_param: {{class_weight: {weighed}}}" in text) == bool(weighed)
    assert ("class_weight" in text) == bool(weighed)
    said = "\n".join(told)
    assert ("count more in the loss: ant 0.812, bee 1.3 (loss_param" in said) == bool(weighed)


@pytest.mark.usefixtures("quick")
def test_minutes_choose_how_long(photos):
    told: list[str] = []
    result = fitted(photos, "quick", epochs=0, minutes=1, tell=told.append)
    assert result.accuracy == 1
    assert any(re.search(r"photos/s in a training of tiny.*fit into 1 minute$", t) for t in told)


def test_the_folder_is_named_for_the_photos():
    assert folder_for("a/flowers.tar.zip") == "flowers_fit"
    assert folder_for("a/b c/") == "b c_fit"


def test_who_works_among_the_photos_gets_a_folder_beside_them(tmp_path, monkeypatch):
    (tmp_path / "flowers/red").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "flowers")
    assert folder_for(".") == "../flowers_fit"
    monkeypatch.chdir("red")
    assert folder_for("..") == "../../flowers_fit"


def test_a_step_shows_what_a_shell_takes():
    assert str(ToolStep("train", ["--solver", "a b.yaml"])) == "catdog train --solver 'a b.yaml'"


def _renamed(photos: Path) -> None:
    (photos / "ant/0.png").rename(photos / "bee/new.png")


def _replaced(photos: Path) -> None:
    with (photos / "ant/0.png").open("ab") as file:
        file.write(b"more")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("change", [_renamed, _replaced])
def test_other_photos_of_the_same_number_are_refused(change, photos):
    fitted(photos, "shapes", epochs=1)
    for path in photos.rglob("*.png"):
        os.utime(path, (1, 1))
    fitted(photos, "shapes", epochs=1)
    change(photos)
    with pytest.raises(CatdogError, match="shapes: was made of other photos than photos has now"):
        fitted(photos, "shapes", epochs=1)


@pytest.mark.usefixtures("quick")
def test_a_batch_of_more_photos_than_there_are_is_told(photos):
    told: list[str] = []
    result = fitted(photos, "b", batch=1000, epochs=1, tell=told.append)
    assert "a batch has 30 photos in place of 1,000: about so many are trained on" in told
    assert "batch_size: 30" in (result.folder / "net.yaml").read_text()


@pytest.mark.usefixtures("quick")
def test_a_training_without_a_number_is_one_line(photos):
    with pytest.raises(CatdogError, match=r"the loss is nan; .*; lower base_lr"):
        fitted(photos, "wild", lr=1e38, epochs=0.2)
    assert not list(Path("wild/snapshots").glob("*_best.*"))
