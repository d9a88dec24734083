"""What is logged, read by the rules of Caffe's own log reader and by ours."""

import io
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.solver.events import (
    Best,
    DebugInfo,
    Display,
    Done,
    Event,
    Failed,
    FinalLoss,
    Finetuning,
    LayerStart,
    NetTested,
    NetTesting,
    NetTestInterrupted,
    Noted,
    Output,
    Preparing,
    Resuming,
    Snapshotted,
    Solving,
    Starting,
    Stopped,
    Warned,
)
from catdog.tracking.log_reader import parse, read_log
from catdog.tracking.log_writer import LogWriter, lines, start_table

LOSS = Output("loss", 0.6931472, 1.0)


def display(iteration: int, loss: float = 0.6931472) -> Display:
    return Display(
        iteration=iteration,
        iterations=10 if iteration else 0,
        seconds=0.25,
        every=10,
        loss=loss,
        lr=0.05,
        outputs=(Output("accuracy", 0.5), LOSS),
    )


RUN: list[Event] = [
    Preparing("cuda:0", 'base_lr: 0.5\ntrain_state {\n  stage: "x"\n}\n'),
    Finetuning("bvlc.caffemodel", ("Ignoring source layer fc8",)),
    Resuming("snap_iter_0.solverstate", 0),
    Solving("cats and dogs", "step"),
    Warned('lr_policy "fixed" does not look at gamma'),
    NetTesting(0, 0),
    NetTested(0, 0, (Output("accuracy", 0.5625), LOSS), 0.7),
    display(0),
    DebugInfo("[Forward] Layer ip1, top blob ip1 data: 0.5"),
    display(10),
    Snapshotted(20, "snap_iter_20.caffemodel", "snap_iter_20.solverstate"),
    Best(20, "accuracy", 0.75, "snap_best.caffemodel"),
    Noted("Best accuracy: 0.75 at iteration 20"),
    NetTesting(20, 0),
    NetTestInterrupted(20, 0),
    NetTesting(20, 1),
    NetTested(20, 1, (Output("accuracy", 0.75), LOSS)),
    FinalLoss(20, 0.25),
    Failed("the loss is nan\nlower base_lr"),
    Stopped(20),
    Done(20),
]


def written(events: list[Event]) -> str:
    stream = io.StringIO()
    times = (datetime(2026, 11, 21, 6, 10, 15) + timedelta(seconds=i / 8) for i in range(10**6))
    writer = LogWriter(stream=stream, clock=lambda: next(times))
    for event in events:
        writer(event)
    return stream.getvalue()


def messages(event: Event) -> list[str]:
    return [text for _, _, text in lines(event)]


def test_a_display_reads_as_caffe_writes_it() -> None:
    assert messages(display(10)) == [
        "Iteration 10 (40 iter/s, 0.25s/10 iters), loss = 0.693147",
        "    Train net output #0: accuracy = 0.5",
        "    Train net output #1: loss = 0.693147 (* 1 = 0.693147 loss)",
        "Iteration 10, lr = 0.05",
    ]


def test_a_test_reads_as_caffe_writes_it() -> None:
    tested = NetTested(0, 0, (Output("accuracy", 1.0), Output("loss", 2.0, 0.3)), 0.6)
    assert messages(NetTesting(50, 1)) == ["Iteration 50, Testing net (#1)"]
    assert messages(tested) == [
        "Test loss: 0.6",
        "    Test net output #0: accuracy = 1",
        "    Test net output #1: loss = 2 (* 0.3 = 0.6 loss)",
    ]


def test_a_blob_of_many_numbers_is_one_line_which_readers_pass_over() -> None:
    scores = tuple(Output("score", float(value)) for value in range(-2000, 3000))
    few = tuple(Output("each", 0.25) for _ in range(21))
    tested = NetTested(0, 0, (Output("accuracy", 0.5), *scores, *few))
    said = messages(tested)
    assert said[:3] == [
        "    Test net output #0: accuracy = 0.5",
        "    Test net output #1 to #5000: score: 5,000 numbers from -2000 to 2999, mean 499.5",
        "    Test net output #5001: each = 0.25",
    ]
    assert len(said) == 2 + 21
    read = parse(written([NetTesting(0, 0), tested]).splitlines()).test_outputs
    assert [(value.position, value.name) for value in read[:2]] == [(0, "accuracy"), (5001, "each")]


def test_hdf5_snapshots_say_so() -> None:
    assert messages(Snapshotted(5, "a.caffemodel.h5", "a.solverstate.h5", hdf5=True)) == [
        "Snapshotting to HDF5 file a.caffemodel.h5",
        "Snapshotting solver state to HDF5 file a.solverstate.h5",
    ]


def test_an_error_is_in_the_log_and_told_once(tmp_path: Path) -> None:
    stream = io.StringIO()
    writer = LogWriter(tmp_path / "train.log", stream)
    for event in (Noted("a line"), Failed("the loss is nan\nlower base_lr"), Done(3)):
        writer(event)
    writer.close()
    log = (tmp_path / "train.log").read_text().splitlines()
    assert [line[0] for line in log] == ["I", "E", "E", "I"]
    assert stream.getvalue().splitlines() == [log[0], log[3]]


@pytest.mark.parametrize("event", RUN, ids=lambda event: type(event).__name__)
def test_every_record_is_logged(event: Event) -> None:
    assert messages(event)


def test_every_line_has_the_prefix_of_glog() -> None:
    log = written(RUN).splitlines()
    assert "Use CUDA:0." in log[0]
    assert log[4].endswith(']   stage: "x"')
    for line in log:
        assert re.match(r"[IWE]1121 06:10:\d\d\.\d{6} \d+ \w+\.cpp:\d+\] \S* *\S", line), line


def test_caffes_own_reader_takes_our_log() -> None:
    """Its patterns and its handling of the clock (caffe/tools/extra/parse_log.py)."""
    pattern = {
        "iteration": re.compile(r"Iteration (\d+)"),
        "train": re.compile(r"Train net output #(\d+): (\S+) = ([\.\deE+-]+)"),
        "test": re.compile(r"Test net output #(\d+): (\S+) = ([\.\deE+-]+)"),
        "lr": re.compile(r"lr = ([-+]?[0-9]*\.?[0-9]+([eE]?[-+]?[0-9]+)?)"),
    }
    log = written([r for r in RUN if not isinstance(r, Failed)]).splitlines()
    assert any("Solving" in line for line in log)
    iteration, rows, rates = -1, [], []
    for line in log:
        stamp, clock = line.strip().split()[:2]
        datetime(
            2026, int(stamp[1:3]), int(stamp[3:]), *map(int, clock[: clock.rfind(".")].split(":"))
        )
        if found := pattern["iteration"].search(line):
            iteration = int(found[1])
        if iteration < 0:
            continue
        rates += [float(found[1])] if (found := pattern["lr"].search(line)) else []
        for phase in ("train", "test"):
            if found := pattern[phase].search(line):
                rows.append((phase, iteration, found[2], float(found[3])))
    assert rates == [0.05, 0.05]
    assert [row for row in rows if row[0] == "train" and row[2] == "accuracy"] == [
        ("train", 0, "accuracy", 0.5),
        ("train", 10, "accuracy", 0.5),
    ]
    assert ("test", 20, "accuracy", 0.75) in rows


def test_a_log_written_is_a_log_read() -> None:
    log = parse(written(RUN).splitlines())
    assert log.train_loss == [(0, 0.693147), (10, 0.693147)]
    assert log.lr == [(0, 0.05), (10, 0.05)]
    assert log.final_loss == [(20, 0.25)]
    assert log.snapshots == ["snap_iter_20.caffemodel"]
    assert log.resumed_from == ["snap_iter_0.solverstate"]
    assert [(v.iteration, v.net, v.position, v.name, v.value) for v in log.test_outputs] == [
        (0, 0, 0, "accuracy", 0.5625),
        (0, 0, 1, "loss", 0.693147),
        (20, 1, 0, "accuracy", 0.75),
        (20, 1, 1, "loss", 0.693147),
    ]


NUMBERS = st.floats(width=32)
NAMES = st.text("abcxyz0123456789_/-", min_size=1, max_size=12)


@given(st.integers(0, 10**9), NUMBERS, st.lists(st.tuples(NAMES, NUMBERS, NUMBERS), max_size=4))
def test_any_numbers_come_back_to_six_digits(
    iteration: int, loss: float, rows: list[tuple[str, float, float]]
) -> None:
    outputs = tuple(Output(name, value, weight) for name, value, weight in rows)
    shown = Display(iteration, 1, 0.5, 1, loss, 0.1, outputs)
    events = [shown, NetTesting(iteration, 1), NetTested(iteration, 1, outputs)]
    log = parse(written(events).split("\n"))
    rounded = [f"{value:g}" for _, value, _ in rows]
    assert [(i, f"{value:g}") for i, value in log.train_loss] == [(iteration, f"{loss:g}")]
    for values in (log.train_outputs, log.test_outputs):
        assert [value.name for value in values] == [name for name, _, _ in rows]
        assert [f"{value.value:g}" for value in values] == rounded
        assert [value.loss_weight is None for value in values] == [not w for _, _, w in rows]


def test_files_grow_on_a_resume_and_are_kept_on_a_new_start(tmp_path: Path) -> None:
    path = tmp_path / "run" / "train.log"
    for resumed, iteration in ((False, 0), (True, 10), (False, 20)):
        writer = LogWriter(path, resumed=resumed)
        writer(display(iteration))
        writer.close()
    assert [i for i, _ in read_log(path.with_name("train.log.1")).train_loss] == [0, 10]
    assert [i for i, _ in read_log(path).train_loss] == [20]


def test_a_deep_net_has_a_row_for_all_layers_that_are_alike() -> None:
    layers = [
        LayerStart(f"{kind}{number}", 10, "copied", "", False, rates, kind == "bn")
        for number in range(20)
        for kind, rates in (("conv", (1.0, 2.0)), ("bn", (0.0,)))
    ]
    layers.append(LayerStart("fc", 1000, "fresh", "", False, (10.0,), False))
    assert list(start_table(Starting(tuple(layers), 1200, 1400))) == [
        "    layer                 parameters  weights  learns",
        "    conv0 ... conv19: 20         200  copied   lr_mult 1 and 2",
        "    bn0 ... bn19: 20             200  copied   by its own statistics",
        "    fc                         1,000  fresh    lr_mult 10",
        "1,200 of 1,400 parameters learn",
    ]
    few = Starting(tuple(layers[:4]), 1200, 1400)
    assert [line.split()[0] for line in start_table(few)][1:-1] == ["conv0", "bn0", "conv1", "bn1"]
