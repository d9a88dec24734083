"""Logs of Caffe, NVCaffe and older ones to numbers."""

import csv
import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import CatdogError
from catdog.tracking.log_reader import ParsedLog, Value, number, parse, read_log, write_tables

LOGS = Path(__file__).parents[1] / "goldens" / "logs"
EXPECTED = json.loads((LOGS / "expected.json").read_text())


def plain(value: object) -> object:
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def row(value: Value) -> list[object]:
    weights = [] if value.loss_weight is None else [value.loss_weight, value.weighted]
    return [value.iteration, value.position, value.name, *map(plain, [value.value, *weights])]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_numbers_of_caffes_logs(name: str) -> None:
    log, want = read_log(LOGS / name), EXPECTED[name]
    assert [[i, plain(loss)] for i, loss in log.train_loss] == want["train_loss"]
    assert [[i, rate] for i, rate in log.lr] == want["lr"]
    assert [row(value) for value in log.train_outputs] == want["train_outputs"]
    assert [row(value) for value in log.test_outputs] == want["test_outputs"]
    assert log.snapshots == want["snapshots"]
    assert log.resumed_from == want["resumed_from"]


def test_both_prefixes_give_the_same_times() -> None:
    short = read_log(LOGS / "train.log").test_outputs
    long = read_log(LOGS / "train_default_prefix.log").test_outputs
    assert short[0].seconds == pytest.approx(0.032933)
    assert len(short) == len(long)
    for one, other in zip(short, long, strict=True):
        assert one[:6] == other[:6]
        assert one.seconds == pytest.approx(other.seconds, abs=0.5)


def test_a_log_that_a_terminal_or_windows_has_changed(tmp_path: Path) -> None:
    plain = (LOGS / "train.log").read_text(encoding="utf-8")
    lines = [f"\x1b[1;32m{line}\x1b[0m\x1b[K" for line in plain.splitlines()]
    (tmp_path / "colours.log").write_text("\x1b]0;title\x07" + "\n".join(lines))
    (tmp_path / "utf16.log").write_text(plain, encoding="utf-16")
    for name in ("colours.log", "utf16.log"):
        assert read_log(tmp_path / name) == read_log(LOGS / "train.log")


def test_a_caffe_test_has_batches_and_means() -> None:
    log = read_log(LOGS / "test.log")
    assert log.batches[:2] == [(0, "accuracy", 0.9), (0, "loss", 0.190848)]
    assert len(log.batches) == 8
    assert log.means == {"Loss": 0.479457, "accuracy": 0.825, "loss": 0.479457}


def test_nvcaffe() -> None:
    prefix = "I0612 17:25:45.164088 31463 solver.cpp:352] "
    log = parse(
        [
            prefix + "Solving GoogleNet",
            prefix + "Iteration 0, Testing net (#0)",
            prefix + "    Test net output #0: accuracy = 0.1",
            prefix + "Iteration 0 (0 iter/s, 1.5s/100 iter), loss = 2.5",
            prefix + "    Train net output #0: loss = 2.5 (* 1 = 2.5 loss)",
            prefix + "Iteration 0, lr = 0.01, m = 0.9, wd = 0.0005, gs = 1",
            prefix + "[0.0] Iteration 20 (12.0 iter/s, 1.66s/20 iter), 0.3/9.5ep, loss = 2.29",
            prefix + "[0.0] Iteration 20, lr = 0.005, m = 0.9, wd = 0.0005, gs = 1",
        ]
    )
    assert log.train_loss == [(0, 2.5), (20, 2.29)]
    assert log.lr == [(0, 0.01), (20, 0.005)]
    assert log.test_outputs[0][:4] == (0, 0, "accuracy", 0.1)


def test_displays_of_old_caffes_and_the_last_forward_pass_of_new_ones() -> None:
    old = [
        "I0512 10:00:00.000000  12 solver.cpp:204] Iteration 0, loss = 2.3",
        "I0512 10:00:00.000000  12 solver.cpp:219]     Train net output #0: loss = 2.3",
        "I0512 10:00:00.000000  12 solver.cpp:464] Iteration 0, lr = 0.01",
        "I0512 10:00:01.000000  12 solver.cpp:204] Iteration 20, loss = 2.1",
        "I0512 10:00:01.000000  12 solver.cpp:464] Iteration 20, lr = 0.01",
        "I0512 10:00:02.000000  12 solver.cpp:300] Iteration 40, loss = 2.0",
        "I0512 10:00:02.000000  12 solver.cpp:310] Iteration 40, Testing net (#0)",
    ]
    log = parse(old)
    assert log.train_loss == [(0, 2.3), (20, 2.1)]
    assert log.final_loss == [(40, 2.0)]


def test_lines_without_a_prefix_and_of_others_are_no_hindrance() -> None:
    log = parse(["garbage", "", "Iteration 5 (1 iter/s, 1s/5 iters), loss = 1.5", "\x00 = nan"])
    assert log.train_loss == [(5, 1.5)]


def test_the_clock_goes_over_new_year() -> None:
    text = "{} 1 solver.cpp:1] {}"
    log = parse(
        [
            text.format("I1231 23:59:50.000000", "Solving x"),
            text.format("I1231 23:59:55.000000", "Iteration 1, Testing net (#0)"),
            text.format("I1231 23:59:55.000000", "    Test net output #0: a = 1"),
            text.format("I0101 00:00:05.000000", "Iteration 2, Testing net (#0)"),
            text.format("I0101 00:00:05.000000", "    Test net output #0: a = 1"),
        ]
    )
    assert [value.seconds for value in log.test_outputs] == [5.0, 15.0]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("0.5", 0.5),
        ("1e-05", 1e-5),
        ("-nan", math.nan),
        ("nan", math.nan),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("-1.#IND", math.nan),
        ("1.#QNAN", math.nan),
        ("1.#INF", math.inf),
        ("0.", 0.0),
        ("cut", math.nan),
    ],
)
def test_numbers_as_compilers_print_them(text: str, want: float) -> None:
    assert plain(number(text)) == plain(want)


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert isinstance(parse(text.splitlines()), ParsedLog)


@given(st.integers(0, 200))
def test_a_log_cut_anywhere_gives_its_beginning(cut: int) -> None:
    text = (LOGS / "diverged.log").read_text()
    whole = parse(text.splitlines())
    part = parse(text[: len(text) - cut * 50].splitlines())
    assert part.lr == whole.lr[: len(part.lr)]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_tables_have_caffes_columns(tmp_path: Path) -> None:
    written = write_tables(LOGS / "train.log", tmp_path)
    assert [path.name for path in written] == ["train.log.train", "train.log.test"]
    train, test = map(read, written)
    assert list(train[0]) == ["NumIters", "Seconds", "LearningRate", "loss"]
    assert list(test[0]) == ["NumIters", "Seconds", "LearningRate", "accuracy", "loss"]
    assert [float(r["NumIters"]) for r in train] == [10.0 * i for i in range(30)]
    rates = {float(r["NumIters"]): float(r["LearningRate"]) for r in [*train, *test]}
    assert (rates[90], rates[100], rates[200], rates[300]) == (0.05, 0.005, 0.0005, 0.0005)
    assert float(test[1]["accuracy"]) == 0.8375


def test_tables_take_another_delimiter_and_repeated_names(tmp_path: Path) -> None:
    prefix = "I0101 00:00:00.000000 1 solver.cpp:1] "
    log = tmp_path / "x.log"
    lines = ["Solving x", "Iteration 0, Testing net (#0)"]
    lines += [f"    Test net output #{i}: accuracy = {i / 4}" for i in range(3)]
    log.write_text("".join(f"{prefix}{line}\n" for line in lines))
    (path,) = write_tables(log, tmp_path / "new" / "folder", ";")
    header, values = path.read_text().splitlines()
    assert header == "NumIters;Seconds;LearningRate;accuracy;accuracy_1;accuracy_2"
    assert values == "0.0;0.0;nan;0.0;0.25;0.5"


@pytest.mark.parametrize("content", [b"", b"hello\nworld\n", bytes(range(256)) * 20])
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(content)
    with pytest.raises(CatdogError, match=re.escape(f"{path}: has no line of a training")):
        read_log(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatdogError, match="No such file"):
        read_log(tmp_path / "none.log")
    with pytest.raises(CatdogError, match="directory"):
        read_log(tmp_path)
    with pytest.raises(CatdogError, match="one character"):
        write_tables(LOGS / "train.log", tmp_path, "")
