"""What a comparison measures, in which order, within its minutes, and what it goes on with."""

import csv
from pathlib import Path

import pytest

from catdog.errors import CatdogError, Unwritable
from catdog.project.comparing.compare import ComparisonRequest, compare_nets
from tests.project.comparing.nets import diverged, faked
from tests.project.photos import write_photo, write_photos

COUNTS = (10, 30, 50)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_photos(Path("photos"), count=24)


def compared(photos: Path, nets: str, told: list[str] | None = None, **asked: object):
    lines: list[str] = []
    request = ComparisonRequest(nets.split(), **{"counts": COUNTS, **asked})
    return compare_nets(photos, None, request, (lines if told is None else told).append)


def test_the_next_is_what_takes_the_least_time(photos, monkeypatch):
    nets = faked(monkeypatch, {"fast": 0.1, "slow": 0.3})
    made = compared(photos, "slow fast")
    # with 12 held out: 2.2, 4.2, 6.2 s, and 6.6, 12.6, 18.6 s
    assert nets.done == [
        ("fast", 10),
        ("fast", 30),
        ("fast", 50),
        ("slow", 10),
        ("slow", 30),
        ("slow", 50),
    ]
    assert made.folder == Path("photos_nets")
    assert not made.left_out
    assert (made.folder / "comparison.png").stat().st_size > 10_000
    with (made.folder / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["net"], row["photos"]) for row in rows] == [
        (net, str(count)) for count in COUNTS for net in ("fast", "slow")
    ]
    assert all(row["held_out"] == "20" and row["accuracy"] == "0.750000" for row in rows)


def test_a_slow_net_comes_between_the_counts_of_a_fast_one(photos, monkeypatch):
    nets = faked(monkeypatch, {"fast": 0.3, "slow": 0.31})
    compared(photos, "slow fast")
    assert nets.done == [(net, count) for count in COUNTS for net in ("fast", "slow")]


def test_what_would_take_too_long_is_left_out_and_named(photos, monkeypatch):
    nets = faked(monkeypatch, {"fast": 0.1, "slow": 3.0})
    told: list[str] = []
    # 90 s less 5 for the picture and 13 of the fast one; slow: 66 s, then 126
    made = compared(photos, "slow fast", told, minutes=90 / 60)
    assert nets.done == [("fast", 10), ("fast", 30), ("fast", 50), ("slow", 10)]
    (line,) = made.left_out
    assert line.startswith("left out: slow with 30 and 50 photos: that would take about ")
    assert line.endswith(
        " for the first, 6 s are left; with more --minutes the same command goes on"
    )
    assert line in told
    again = compared(photos, "slow fast")
    assert nets.done[4:] == [("slow", 30), ("slow", 50)]
    assert not again.left_out
    assert len(again.rows) == 6


def test_no_training_goes_on_after_the_minutes(photos, monkeypatch):
    nets = faked(monkeypatch, {"a": 0.5, "b": 0.7, "c": 0.9})
    compared(photos, "a b c", minutes=1)
    assert nets.done
    assert nets.clock.now <= 60


def test_what_fewer_photos_took_foretells_more(photos, monkeypatch):
    nets = faked(monkeypatch, {"net": 0.5})
    measure = nets.measure
    # ten times as long as its speed says
    nets.measure = lambda *words: slower(nets, measure(*words))
    compared(photos, "net", minutes=3)
    # 14 s foretold, 110 s taken; then some 150 s would not fit, which its speed does not know
    assert nets.done == [("net", 10)]


def slower(nets, row):
    nets.clock.now += 9 * row.seconds
    return row.__class__(**{**vars(row), "seconds": 10 * row.seconds})


def test_each_training_is_told_with_what_is_left_and_what_comes(photos, monkeypatch):
    faked(monkeypatch, {"fast": 0.1, "slow": 0.3})
    told: list[str] = []
    compared(photos, "fast slow", told, minutes=10)
    lines = [line for line in told if " of 6: " in line]
    assert len(lines) == 6
    right = "75.0% (53.1% to 88.8%)"
    first = f"1 of 6: fast, 10 photos: {right}, 2 s; 10 min left; next fast with 30, about 3 s"
    assert lines[0] == first
    assert lines[-1] == f"6 of 6: slow, 50 photos: {right}, 19 s; 9 min left"


def test_it_goes_on_where_it_was_interrupted(photos, monkeypatch):
    nets = faked(monkeypatch, {"net": 0.1}, faults={("net", 30): KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt) as caught:
        compared(photos, "net")
    assert caught.value.__notes__ == ["the same command goes on from here"]
    before = Path("photos_nets/comparison.csv").read_text()
    assert before.count("\n") == 2
    assert not Path("photos_nets/.fit.lock").exists()
    nets.faults.clear()
    told: list[str] = []
    compared(photos, "net", told)
    assert "going on in photos_nets" in told
    assert nets.done == [("net", 10), ("net", 30), ("net", 50)]
    after = Path("photos_nets/comparison.csv").read_text()
    assert after.startswith(before)


def test_what_is_done_is_not_done_again_and_other_nets_join(photos, monkeypatch):
    nets = faked(monkeypatch, {"one": 0.1, "two": 0.1})
    compared(photos, "one", counts=[10])
    compared(photos, "one two", counts=[10, 20])
    assert sorted(nets.done) == [("one", 10), ("one", 20), ("two", 10), ("two", 20)]
    told: list[str] = []
    assert len(compared(photos, "one two", told, counts=[10, 20]).rows) == 4
    assert len(nets.done) == 4
    assert not any("training" in line or "fast" in line for line in told)


def test_other_photos_and_another_seed_are_refused(photos, monkeypatch):
    nets = faked(monkeypatch, {"net": 0.1})
    compared(photos, "net", counts=[10])
    with pytest.raises(CatdogError, match=r"photos_nets: was begun with seed 1, not 2; name ano"):
        compared(photos, "net", seed=2)
    write_photo(photos / "ant/new.png", 0, 999)
    other = r"photos_nets: is a comparison on other photos: 72 of photos; name another --out"
    with pytest.raises(CatdogError, match=other) as caught:
        compared(photos, "net")
    assert "\n" not in str(caught.value)
    assert len(nets.done) == 1


def test_a_folder_of_something_else_is_left_alone(photos, monkeypatch):
    faked(monkeypatch, {"net": 0.1})
    Path("photos_nets").mkdir()
    Path("photos_nets/thesis.txt").touch()
    with pytest.raises(CatdogError, match=r"photos_nets: is not empty \(thesis.txt\), and no com"):
        compared(photos, "net")
    assert [path.name for path in Path("photos_nets").iterdir()] == ["thesis.txt"]


def test_damaged_files_of_a_folder_are_a_line(photos, monkeypatch):
    faked(monkeypatch, {"net": 0.1})
    compared(photos, "net", counts=[10])
    with Path("photos_nets/comparison.csv").open("a") as file:
        file.write("net,many\n")
    with pytest.raises(CatdogError, match=r"comparison.csv:3: is no row of measurements"):
        compared(photos, "net")
    Path("photos_nets/comparison.yaml").write_text("[]")
    with pytest.raises(CatdogError, match=r"comparison.yaml: is no record of `catdog compare-"):
        compared(photos, "net")


def test_nets_that_cannot_be_had_are_one_line(photos, monkeypatch):
    why = "not installed; pip install it"
    nets = faked(monkeypatch, {"net": 0.1}, away={"a": why, "b": why, "c": "cannot be fetched"})
    made = compared(photos, "a b net c", counts=[10])
    assert made.left_out == [f"left out: a, b ({why}); c (cannot be fetched)"]
    assert nets.done == [("net", 10)]
    with pytest.raises(CatdogError, match=r"there is no net to compare: a \(not installed; pip"):
        compare_nets(photos, Path("other"), ComparisonRequest(["a"]), lambda _: None)
    assert not Path("other").exists()


def test_a_net_that_does_not_learn_is_left_out_and_the_others_go_on(photos, monkeypatch):
    nets = faked(monkeypatch, {"bad": 0.1, "good": 0.2}, faults={("bad", 30): diverged()})
    made = compared(photos, "bad good")
    assert [done for done in nets.done if done[0] == "good"] == [("good", n) for n in COUNTS]
    assert made.left_out == [
        "left out: bad from 30 photos on: catdog train: the loss is nan; lower base_lr"
    ]
    nets.faults["good", 50] = Unwritable("no room is left", where="work")
    with pytest.raises(Unwritable):
        compare_nets(photos, Path("other"), ComparisonRequest(["good"], [50]), lambda _: None)


def test_minutes_that_are_too_few_for_anything_are_a_line(photos, monkeypatch):
    faked(monkeypatch, {"net": 10.0})
    with pytest.raises(CatdogError, match=r"nothing could be measured: left out: net with 10, 30"):
        compared(photos, "net", minutes=1)


def test_a_net_that_is_named_twice_is_refused(photos, monkeypatch):
    faked(monkeypatch, {"net": 0.1})
    with pytest.raises(CatdogError, match="--nets: net is named twice; name each once"):
        compared(photos, "net net")
    assert not Path("photos_nets").exists()
