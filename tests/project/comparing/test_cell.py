"""Real trainings of a small net: what is measured is what `catdog fit` gives."""

import csv
import importlib
import os
import shutil
import signal
from pathlib import Path

import pytest

from catdog.cli.main import call_tool
from catdog.project import run_steps
from catdog.project.comparing import cell
from catdog.project.comparing.compare import ComparisonRequest, compare_nets
from catdog.project.comparing.subsets import divide
from catdog.project.fitting import fit
from catdog.project.found import find
from catdog.solver.events import Event, Iterating
from catdog.tracking.shell_hook import WhenDone
from tests.project.photos import write_net, write_photo, write_photos
from tests.tool_run import run_tool


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_photos(Path("photos"))
    write_net(Path())
    return Path("photos")


def silent(_: str) -> None:
    """Hears nothing."""


def compared(photos: Path, out: str, *counts: int):
    asked = ComparisonRequest(["tiny.yaml"], counts, device="cpu")
    return compare_nets(photos, Path(out), asked, silent)


def timeless(path: Path) -> list[dict[str, str]]:
    """The rows of a table without what another run measures otherwise."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert float(row.pop("seconds")) > 0
        assert float(row.pop("cpu_seconds")) > 0
        assert float(row.pop("ms_per_photo")) > 0
    return rows


def best_test(folder: Path) -> tuple[float, float]:
    """Accuracy and loss of the test with the least loss, as the training's own table has them."""
    with (folder / "snapshots/metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["loss"]]
    best = min(rows, key=lambda row: float(row["loss"]))
    return float(best["accuracy"]), float(best["loss"])


def test_all_photos_give_what_fit_gives_on_the_photos_that_fit_holds_out(photos, monkeypatch):
    made = compared(photos, "made", 15, 30)
    whole = run_steps.steps_of
    monkeypatch.setattr(run_steps, "steps_of", lambda project: whole(project)[:2])
    fitted = fit(photos, "fitted", net="tiny.yaml", device="cpu", tell=silent)
    listed = Path("fitted/validation_photos.txt").read_text().split()
    held_out = divide(find(photos), seed=1).held_out
    assert sorted(Path(name).parts[-2:] for name in listed) == sorted(
        photo.path.parts[-2:] for photo in held_out
    )
    few, all_of_them = made.rows
    assert (few.net, few.photos, few.held_out) == ("tiny.yaml", 15, 6)
    assert all_of_them.photos == 30
    accuracy, loss = best_test(fitted.folder)
    assert all_of_them.accuracy == accuracy == fitted.accuracy
    # the photos come in another order, and little is left to learn
    assert all_of_them.log_loss == pytest.approx(loss, abs=0.02)
    assert all_of_them.megabytes == pytest.approx(fitted.weights.stat().st_size / 1e6, rel=0.1)
    assert all_of_them.weights == "scratch"


def test_a_comparison_leaves_a_table_a_picture_and_what_was_printed(photos):
    made = compared(photos, "made", 15)
    assert made.source.startswith("`catdog compare-nets photos`, 36 photos, 6 held out, 20")
    names = ["comparison.csv", "comparison.png", "comparison.yaml", "log.txt"]
    assert sorted(path.name for path in made.folder.iterdir()) == names
    log = Path("made/log.txt").read_text()
    assert "tiny.yaml with 15 photos" in log
    assert "$ catdog train --solver solver.yaml --device cpu" in log


def test_the_judgement_is_that_of_the_best_test(photos, monkeypatch):
    """The accuracy of a net that is not always right is the one that its training logged."""
    found: list[tuple[float, float]] = []
    whole = run_steps.best_weights

    def seen(project, folder):
        found.append(best_test(folder))
        return whole(project, folder)

    monkeypatch.setattr(cell, "best_weights", seen)
    # as many of each class, and half of the bees look like ants
    for number in range(12):
        write_photo(photos / f"bee/odd{number}.png", 0, 100 + number)
        write_photo(photos / f"ant/more{number}.png", 0, 200 + number)
        write_photo(photos / f"cow/more{number}.png", 2, 200 + number)
    (row,) = compared(photos, "made", 45).rows
    assert 0 < row.accuracy < 1
    accuracy, loss = found[0]
    assert row.accuracy == pytest.approx(accuracy, abs=1e-6)
    assert row.log_loss == pytest.approx(loss, rel=1e-4)


def test_an_interrupted_training_is_made_anew(photos, monkeypatch):
    begun: list[int] = []

    def listen(_: WhenDone, event: Event) -> None:
        if isinstance(event, Iterating):
            begun.append(event.iteration)
            # in the second training
            if event.iteration == 5 and begun.count(5) == 2:
                os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(WhenDone, "__call__", listen)
        with pytest.raises(KeyboardInterrupt) as caught:
            compared(photos, "cut", 15, 30)
    assert caught.value.__notes__ == ["the same command goes on from here"]
    assert [row["photos"] for row in timeless(Path("cut/comparison.csv"))] == ["15"]
    assert not Path("cut/work").exists()
    compared(photos, "cut", 15, 30)
    compared(photos, "whole", 15, 30)
    assert timeless(Path("cut/comparison.csv")) == timeless(Path("whole/comparison.csv"))


@pytest.mark.usefixtures("photos")
def test_a_zip_is_unpacked_once(monkeypatch):
    words = ["photos.zip", "--nets", "tiny.yaml", "--counts", "6"]
    shutil.make_archive("photos", "zip", ".", "photos")
    call_tool("compare_nets", words)
    monkeypatch.setattr("catdog.project.begin.unpack", None)
    call_tool("compare_nets", words)
    assert len(timeless(Path("photos_nets/comparison.csv"))) == 1
    assert "photos: photos.zip\n" in Path("photos_nets/comparison.yaml").read_text()


def called(capsys, *words: str) -> list[str]:
    main = importlib.import_module("catdog.tools.compare_nets").main
    return run_tool(main, capsys, *words)


@pytest.mark.usefixtures("photos")
def test_the_tool_tells_a_table_and_what_it_speaks_for(capsys):
    lines = called(capsys, "photos", "--nets", "tiny.yaml", "--counts", "10", "30", "--out", "o")
    at = next(at for at, line in enumerate(lines) if line.startswith("photos  net"))
    assert lines[at].split()[:3] == ["photos", "net", "right"]
    assert [line.split()[:2] for line in lines[at + 1 : at + 3]] == [
        ["30", "tiny.yaml"],
        ["10", "tiny.yaml"],
    ]
    assert "table    o/comparison.csv" in lines
    assert lines[-2] == "with 30 photos: tiny.yaml, 100.0% (61.0% to 100.0%)"
    assert lines[-1] == "$ catdog fit photos --net tiny.yaml"


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["photos", "--nets", "smal64"], "smal64"),
        (["photos", "--counts", "0"], '"0" is no whole number from 1 on'),
        (["photos", "--minutes", "-1"], '"-1" is no number above 0'),
        (["photos", "--out", "photos/there"], "--out photos/there: lies in photos"),
        (["photos", "--out", "tiny.yaml"], "tiny.yaml: is a file; name a folder: --out DIR"),
        (["photos", "--device", "bla"], 'no device "bla"'),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(words, told, capsys):
    lines = called(capsys, *words)
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert told in lines[0]
    assert sorted(path.name for path in Path().iterdir()) == ["photos", "tiny.yaml"]
