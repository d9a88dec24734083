"""Several processes at one job: the numbers of one process with the joint batch."""

import logging
import os
import shutil
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from catdog.tools.predict import main as predict
from catdog.tools.train import main as train_tool
from google.protobuf import text_format
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from catdog.cli.arguments import Parser, device_in, devices_of
from catdog.cli.main import run_tool
from catdog.data.feed import ELSEWHERE, Feed
from catdog.errors import CatdogError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter, RunState
from catdog.runtime.distributed import join
from catdog.runtime.distributed.group import ALONE, Group, Part
from catdog.runtime.distributed.join import ToldElsewhere, is_member, joined
from catdog.runtime.distributed.launch import _failure as failure_of
from catdog.runtime.randomness import Randomness
from catdog.solver import random_state
from catdog.solver.divergence import SingleClassDetector
from catdog.solver.engine import all_are_reached
from catdog.solver.events import Warned
from catdog.solver.solverstate import read_state
from catdog.solver.test_pass import Means, TestNet
from catdog.tracking.log_reader import read_log
from catdog.training.options import Options
from catdog.training.train import train
from catdog.weights import read_weights, weights_of, write_weights
from tests import runs
from tests.data.sources.build import labels, layer, pictures, source, write_lmdb
from tests.process_jobs import Job, a_tool, agent, in_two_processes

ROOT = Path(__file__).parent.parent

NET = """
name: small
layer:
- name: data
  type: Data
  top: [data, label]
  include: {phase: TRAIN}
  transform_param: {scale: 0.01, mean_value: 100}
  data_param: {source: train, batch_size: BATCH, shuffle: true}
- name: data
  type: Data
  top: [data, label]
  include: {phase: TEST}
  transform_param: {scale: 0.01, mean_value: 100}
  data_param: {source: validation, batch_size: 3}
- name: conv1
  type: Convolution
  bottom: data
  top: conv1
  convolution_param: {num_output: 4, kernel_size: 3, weight_filler: {type: msra}}
- {name: bn1, type: BatchNorm, bottom: conv1, top: conv1, include: {stage: normed}}
- {name: relu1, type: ReLU, bottom: conv1, top: conv1}
- {name: drop1, type: Dropout, bottom: conv1, top: conv1, include: {stage: dropped}}
- name: fc1
  type: InnerProduct
  bottom: conv1
  top: fc1
  param: [{lr_mult: 1}, {lr_mult: 0}]
  inner_product_param: {num_output: 14, weight_filler: {type: xavier}}
- {name: stray, type: InnerProduct, bottom: conv1, top: stray, inner_product_param: {num_output: 2},
   include: {stage: strayed}}
- {name: silence, type: Silence, bottom: stray, include: {stage: strayed}}
- {name: accuracy, type: Accuracy, bottom: [fc1, label], top: accuracy}
- {name: loss, type: SoftmaxWithLoss, bottom: [fc1, label], top: loss}
"""
SOLVER = """
net: net.yaml
base_lr: 0.02
lr_policy: fixed
momentum: 0.9
weight_decay: 0.01
test_interval: 3
max_iter: 6
random_seed: 5
display: 1
average_loss: 2
solver_mode: CPU
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data, and the solver in batches of 3 and (single.yaml) of 6."""
    write_lmdb(tmp_path / "train", pictures(14))
    write_lmdb(tmp_path / "validation", pictures(11, seed=1))
    (tmp_path / "net.yaml").write_text(NET.replace("BATCH", "3"))
    (tmp_path / "single_net.yaml").write_text(NET.replace("BATCH", "6"))
    (tmp_path / "solver.yaml").write_text(SOLVER)
    (tmp_path / "single.yaml").write_text(SOLVER.replace("net.yaml", "single_net.yaml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def numbers(name: str) -> dict[tuple[str, int, str], float]:
    """The numbers of a run by phase, iteration and name; a later one of a resume counts."""
    log = read_log(Path(name, "train.log"))
    found = {("train", iteration, ""): loss for iteration, loss in log.train_loss}
    found |= {("train", value.iteration, value.name): value.value for value in log.train_outputs}
    return found | {("test", v.iteration, v.name): v.value for v in log.test_outputs}


def weights(name: str, iteration: int = 6) -> dict[str, np.ndarray]:
    found = read_weights(Path(name, f"run_iter_{iteration}.caffemodel")).blobs
    return {f"{key}:{i}": blob for key, blobs in found.items() for i, blob in enumerate(blobs)}


def agree(one: Mapping[Any, Any], other: Mapping[Any, Any], case: str, near: float) -> None:
    assert one.keys() == other.keys(), case
    for key in one:
        np.testing.assert_allclose(one[key], other[key], near, near, err_msg=f"{case} {key}")


def job(name: str, *overrides: str, **options: object) -> Job:
    return {"overrides": [f"snapshot_prefix={name}/run", *overrides], "options": options}


#: Trainings that are those of one process with twice the batch.
AS_ONE = {
    "plain": job("plain", "test_compute_loss=true"),
    "passes": job("passes", "iter_size=2", "type=Adam", "clip_gradients=0.5"),
    "frozen": job("frozen", "layer_wise_reduce=false", freeze=["conv1"]),
    "stray": job("stray", stages=["strayed"]),
    "some": job("some", "test_iter=3"),
    "cached": job("cached", "cache_features=true", freeze=["conv1"]),
    "bf16": job("bf16", amp="bf16"),
    "thawed": job("thawed", "unfreeze=[{layers: [conv1], iteration: 3}]"),
}
DROPPED = {"stages": ["dropped"]}


@pytest.fixture
def launching(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What processes that a test starts need; the launcher's settings are undone."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    level, handler = logging.root.manager.disable, signal.getsignal(signal.SIGTERM)
    yield
    logging.disable(level)
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def processes(folder: Path, launching: None) -> None:
    """The same, in the folder."""


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("name", AS_ONE)
def test_two_processes_are_as_one_with_twice_the_batch(name: str) -> None:
    in_two_processes([AS_ONE[name]])
    shutil.move(name, f"two_{name}")
    train("single.yaml", Options(overrides=AS_ONE[name]["overrides"], **AS_ONE[name]["options"]))
    near = 2e-2 if name == "bf16" else 2e-5
    agree(numbers(f"two_{name}"), numbers(name), name, near)
    agree(weights(f"two_{name}"), weights(name), name, near)


def on_two_machines(job: Job, killed_at: int) -> None:
    """Run a training; the second machine is killed, and another one comes in its place."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    first = agent(job, port, hosts=True)
    second = agent({**job, "killed_at": killed_at}, port)
    second.join()
    again = agent(job, port)
    first.join()
    again.join()
    assert [each.exitcode for each in (first, second, again)] == [0, -signal.SIGKILL, 0]


@pytest.mark.usefixtures("processes")
def test_a_process_that_is_killed_changes_nothing() -> None:
    """All are started again, and the end is the same; so it is of a resume.

    A machine that is killed, of two, has the same end once another one is in its place.
    """
    disturbed = job("disturbed", "snapshot=2", snapshot="auto", **DROPPED)
    in_two_processes(
        [
            {**disturbed, "killed_at": 9},
            job("undisturbed", **DROPPED),
            job("begun", "max_iter=3", **DROPPED),
            job("begun", snapshot="begun/run_iter_3.solverstate", **DROPPED),
        ]
    )
    on_two_machines(job("machines", "snapshot=2", snapshot="auto", **DROPPED), killed_at=9)
    for name in ("disturbed", "machines"):
        assert "Resuming from" in Path(name, "train.log").read_text()
    for name in ("disturbed", "machines", "begun"):
        agree(weights(name), weights("undisturbed"), name, 0)
    for name in ("disturbed", "machines"):
        agree(numbers(name), numbers("undisturbed"), name, 0)
    run = read_state(Path("undisturbed/run_iter_6.solverstate")).run
    assert len(run.process) == 1
    assert run.process[0].generator[0].state != run.generator[0].state

    # one process goes on where two were
    events: list[object] = []
    options = Options(
        overrides=["snapshot_prefix=alone/run"], snapshot="begun/run_iter_3.caffemodel", **DROPPED
    )
    assert train("solver.yaml", options, listeners=[events.append]).iteration == 6
    (warning,) = [event.what for event in events if isinstance(event, Warned)]
    assert "the snapshot is of 2 processes, this is a training in 1 process" in warning


@pytest.mark.usefixtures("processes")
def test_tests_are_of_the_statistics_that_the_snapshot_has() -> None:
    # no display at the end, whose pass changes the statistics between snapshot and test
    normed = ("test_state=[{stage: normed}]", "display=4")
    in_two_processes([job("normed", *normed, stages=["normed"])])
    tested = job("again", *normed, "display=0", "test_interval=1", "max_iter=0")
    given = {"weights": ["normed/run_iter_6.caffemodel"], "stages": ["normed"]}
    train("solver.yaml", Options(overrides=tested["overrides"], **given))
    last = read_log(Path("normed/train.log")).test_outputs[-2:]
    again = read_log(Path("again/train.log")).test_outputs
    assert [v.iteration for v in (*last, *again)] == [6, 6, 0, 0]
    agree({v.name: v.value for v in again}, {v.name: v.value for v in last}, "normed", 2e-5)


TWO = ("--device", "cpu", "--processes", "2")


@pytest.mark.usefixtures("processes")
def test_what_one_process_cannot_do_ends_all_with_one_line(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = pictures(14)
    broken[1] = np.zeros((3, 8, 9), np.uint8)
    shutil.rmtree("train")
    write_lmdb(folder / "train", broken)
    # in the order of the keys, process 1 is the one that reads record 1
    net = Path("net.yaml")
    net.write_text(net.read_text().replace(", shuffle: true", ""))
    words = ("--solver", "solver.yaml", "--set", "snapshot_prefix=out/")
    with pytest.raises(SystemExit) as ended:
        run_tool(train_tool, [*words, *TWO])
    said = capfd.readouterr().err
    assert ended.value.code == 2
    (line,) = [line for line in said.splitlines() if line.startswith("error:")]
    assert "00000001_picture" in line
    assert "Traceback" not in said
    assert "00000001_picture" in Path("out/train.log").read_text()


@pytest.mark.usefixtures("processes")
def test_an_interrupt_of_the_launcher_stops_all_at_one_iteration(folder: Path) -> None:
    words = ("--solver", "solver.yaml", "--set", "max_iter=1000000")
    with a_tool(train_tool, [*words, *TWO]) as (program, lines):
        next(line for line in lines if "Iteration 4" in line)
        os.kill(program.pid, signal.SIGHUP)
        next(line for line in lines if "Snapshotting solver state" in line)
        # not at the iteration of that snapshot
        next(line for line in lines if ", loss = " in line)
        os.kill(program.pid, signal.SIGINT)
        assert any("Optimization stopped early." in line for line in lines)
    assert program.exitcode == 130
    assert len(list(folder.glob("*.solverstate"))) == 2


def photos(folder: Path, count: int = 70) -> Path:
    folder.mkdir()
    for number, picture in enumerate(pictures(count, (24, 24, 3))):
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    (folder / "66.png").write_bytes(b"no picture")
    return folder


def snapshot(folder: Path) -> str:
    """Weights of a linear net that carry what a prediction needs."""
    net = NetParameter()
    text_format.Parse(
        """
        dataset { width: 24 height: 24 class_name: "cat" class_name: "dog" }
        deploy {
          layer { name: "data" type: "Input" top: "data"
            input_param { shape { dim: 1 dim: 3 dim: 24 dim: 24 } } }
          layer { name: "score" type: "InnerProduct" bottom: "data" top: "score"
            inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
          layer { name: "prob" type: "Softmax" bottom: "score" top: "prob" }
        }
        """,
        net,
    )
    write_weights(folder / "w.caffemodel", weights_of(Net(net.deploy), net))
    return str(folder / "w.caffemodel")


@pytest.mark.usefixtures("launching")
def test_photos_are_shared_and_the_submission_is_that_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [str(photos(tmp_path / "photos")), "--weights", snapshot(tmp_path), "--probability"]
    monkeypatch.chdir(tmp_path)
    predict([*words, "--device", "cpu", "--out", "one.csv"])
    alone = capfd.readouterr().out.replace("one.csv", "two.csv")
    predict([*words, "--out", "two.csv", *TWO])
    shown, said = capfd.readouterr()
    assert shown == alone
    assert said.count("photos with") == 1
    for name in (".csv", ".skipped.csv"):
        one, two = (Path(which + name).read_text() for which in ("one", "two"))
        assert one == two
    assert len(one.splitlines()) == 2


class Told(Group):
    """A process that has heard what the others have to say."""

    def __init__(self, rank: int, world: int, values: Sequence[Any] = ()) -> None:
        super().__init__(rank, world, rank, world)
        self.values = list(values)

    def gather(self, _value: Any) -> list[Any]:
        return self.values


@pytest.mark.parametrize("world", [1, 2, 3, 5])
@pytest.mark.parametrize("depth", [0, 2])
def test_each_batch_of_a_test_is_one_processs(folder: Path, world: int, depth: int) -> None:
    text = f'data_param {{ source: "validation" batch_size: 3 prefetch: {depth} }}'

    def feed(rank: int) -> Feed:
        return Feed([source(layer(text), folder)], part=Part(rank, world))

    def seen(batches: Sequence[Mapping[str, torch.Tensor]]) -> list[list[int]]:
        return [labels(b["label"]) if b is not ELSEWHERE else [] for b in batches]

    feeds = [feed(rank) for rank in range(world)]
    passes = [seen(list(each.one_pass())) for each in feeds]
    assert len({len(each) for each in passes}) == 1
    every = [found for together in zip(*passes, strict=True) for found in together if found]
    assert every == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10]]
    assert seen(list(feeds[-1].one_pass(whole=True))) == every
    # 5 of `next`, which wraps
    rounds = [seen([each.next() for _ in range(5)]) for each in feeds]
    found = [[batch for batch in together if batch] for together in zip(*rounds, strict=True)]
    assert found == [[[0, 1, 2]], [[3, 4, 5]], [[6, 7, 8]], [[9, 10, 0]], [[1, 2, 3]]]
    states = [each.state() for each in feeds]
    assert all(state == states[0] for state in states)
    for each in feeds:
        each.close()


def test_a_net_without_data_is_tested_by_all() -> None:
    batches = TestNet(runs.small(1), Feed([], part=Part(1, 2)), 2).batches()
    assert list(batches) == [({}, 1), ({}, 1)]


def test_means_are_over_the_batches_of_all() -> None:
    def means(*batches: tuple[list[float], int]) -> Means:
        made = Means()
        for values, weight in batches:
            blobs = {"a": torch.tensor(sum(values)), "rows": torch.tensor(values)}
            made.add(blobs, torch.tensor(1.0), weight)
        return made

    parts = [means(([1.0, 2.0], 2), ([4.0], 1)), means(([3.0, 5.0], 2)), means()]
    told = [part._on_host() for part in parts]
    for rank, part in enumerate(parts):
        whole = part.over(Told(rank, 3, told))
        assert whole.blobs()["a"].item() == pytest.approx((2 * 3 + 4 + 2 * 8) / 5)
        # one of them had a smaller batch
        assert list(whole.blobs()) == ["a"]
        assert whole.loss() == 1


def test_labels_that_count_are_those_of_all() -> None:
    test = runs.small(1, text=runs.NET.replace('top: "accuracy"', 'top: "accuracy" top: "each"'))

    def means(*batches: dict[str, torch.Tensor]) -> Means:
        made = Means()
        with made.counting(test):
            for batch in batches:
                result = test(batch)
                made.add(result.blobs, result.loss, len(batch["label"]))
        return made

    feed = runs.rows()
    feed.arrays["label"] = feed.arrays["label"].sort().values
    first, second, third = feed.one_pass()
    parts = [means(first, third), means(second), means()]
    found = parts[1].over(Told(1, 3, [part._on_host() for part in parts]))
    whole = test(feed.arrays)
    assert found.blobs()["each"].tolist() == pytest.approx(whole.blobs["each"].tolist())
    assert found.loss() == pytest.approx(whole.loss.item())


def test_one_class_for_all_is_one_over_all_processes() -> None:
    net = runs.small(1)

    def watched(rank: int, others: list[int]) -> str:
        said_there = torch.bincount(torch.tensor(others, dtype=torch.int64), minlength=3)
        theirs = (
            torch.stack((said_there, torch.tensor([1, 1, 0]), said_there * 0)) if others else None
        )
        watch = SingleClassDetector(net, Told(rank, 2))
        said = []
        for iteration in (1, 2):
            scores, truth = torch.zeros(4, 3), torch.tensor([0.0, 1, 2, 0])
            scores[:, 1] = 1
            watch.add(dict(zip(watch.blobs, (scores, truth), strict=True)))
            mine = torch.stack((watch._given, watch._true, watch._right))
            watch._group.values = [mine, theirs]  # type: ignore[attr-defined]
            said.append(watch.finish(iteration))
        return said[-1]

    assert "class 1 to all 6 examples" in watched(0, [1, 1])
    assert "class 1 to all 4 examples" in watched(0, [])
    assert not watched(1, [0, 1])


def test_the_first_process_with_something_to_say() -> None:
    assert ALONE.first_text("this") == "this"
    assert Told(0, 2, ["", "that"]).first_text("") == "in process 1, that"
    assert Told(1, 2, ["", ""]).first_text("") == ""


def net(text: str) -> Net:
    made = NetParameter()
    text_format.Parse(runs.NET + text, made)
    made.state.phase = 0
    return Net(made)


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("", True),
        ('layer { name: "top" type: "Power" bottom: "ip2" top: "top" }', True),
        (
            'layer { name: "x" type: "InnerProduct" bottom: "data" top: "x" '
            "inner_product_param { num_output: 2 } }",
            False,
        ),
        (
            'layer { name: "x" type: "InnerProduct" bottom: "data" top: "x" '
            "param { lr_mult: 0 } param { lr_mult: 0 } inner_product_param { num_output: 2 } }",
            True,
        ),
        (
            'layer { name: "most" type: "ArgMax" bottom: "ip2" top: "most" } '
            'layer { name: "sum" type: "Reduction" bottom: "most" top: "sum" loss_weight: 1 }',
            False,
        ),
    ],
)
def test_which_nets_have_parameters_without_a_gradient(text: str, reached: bool) -> None:
    assert all_are_reached(net(text)) is reached


def test_every_process_has_its_random_numbers_back() -> None:
    ranks = [Randomness(3), Randomness(3)]
    ranks[1].branch(1)
    assert ranks[0].seed != ranks[1].seed
    generators = [random_state.states(each, ALONE)[0] for each in ranks]
    run = RunState(generator=generators[0])
    run.process.add(generator=generators[1])
    wanted = [torch.rand(3, generator=each.on("cpu")) for each in ranks]
    for rank, want in enumerate(wanted):
        again = Randomness(9)
        assert not random_state.restore(run, again, Told(rank, 2), torch.device("cpu"))
        assert torch.equal(torch.rand(3, generator=again.on("cpu")), want)
    fourth = Randomness(9)
    warning = random_state.restore(run, fourth, Told(3, 4), torch.device("cpu"))
    assert "of 2 processes, this is a training in 4 processes" in warning
    assert fourth.state() == Randomness(9).state()
    assert not random_state.restore(RunState(), fourth, Told(1, 2), torch.device("cpu"))


def arguments(*words: str) -> Any:
    parser = Parser("about")
    parser.add_device(several=True)
    return parser.parse(words)


@pytest.mark.parametrize(
    ("words", "devices"),
    [
        (["--gpu", "2,0"], ["cuda:2", "cuda:0"]),
        (["--gpu", "all"], ["cuda:0", "cuda:1", "cuda:2"]),
        (["--gpu", "1"], ["cuda:1"]),
        (["--processes", "2"], ["cuda:0", "cuda:1"]),
        (["--device", "cpu", "--processes", "2"], ["cpu", "cpu"]),
        ([], ["cuda"]),
    ],
)
def test_a_device_for_each_process(
    monkeypatch: pytest.MonkeyPatch, words: list[str], devices: list[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [str(device) for device in devices_of(arguments(*words))] == devices


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--gpu", "0,5"], '--gpu: no GPU "5"'),
        (["--gpu", "0,0"], "--gpu: 0,0 has a GPU twice"),
        (["--processes", "0"], "--processes: got 0; 1 or more"),
        (["--gpu", "0", "--processes", "2"], "cuda:0 is one GPU for 2 processes"),
        (["--gpu", "0,1", "--processes", "3"], "--gpu 0,1 names 2 GPUs"),
        (["--processes", "9"], "this machine has 3 GPUs for 9 processes"),
    ],
)
def test_devices_that_do_not_go_with_the_processes(
    monkeypatch: pytest.MonkeyPatch, words: list[str], what: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(CatdogError) as error:
        devices_of(arguments(*words))
    assert what in str(error.value)


def test_the_device_of_a_process_that_torchrun_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    found = [device_in(arguments(*w), Told(1, 2)) for w in ((), ("--gpu", "2,0"), TWO)]
    assert [str(device) for device in found] == ["cuda:1", "cuda:0", "cpu"]
    with pytest.raises(CatdogError, match="1 GPUs are named for 2 processes"):
        device_in(arguments("--gpu", "1"), Told(1, 2))
    with pytest.raises(CatdogError, match="this machine has 3 GPUs for 4 processes"):
        device_in(arguments(), Told(1, 4))


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    assert not is_member()
    with joined() as group:
        assert group is ALONE
    assert ALONE.leads and ALONE.speaks()


class Quiet(Group):
    """A process among several of which another has spoken already."""

    def speaks(self) -> bool:
        return False


CLOSED = RuntimeError("[gloo/transport/tcp/pair.cc:561] Connection closed by peer [127.0.0.1]")


@pytest.mark.parametrize(
    ("group", "raised", "told"),
    [
        (Group(0, 2), CatdogError("bad"), CatdogError("bad")),
        (Quiet(0, 2), CatdogError("bad"), ToldElsewhere()),
        (Quiet(0, 2), CLOSED, ToldElsewhere()),
        (Quiet(0, 2), KeyboardInterrupt(), ToldElsewhere()),
        (Group(0, 2), RuntimeError("a bug"), RuntimeError("a bug")),
        (
            Group(0, 2),
            CLOSED,
            CatdogError(
                "lost the other processes (one has ended)",
                remedy="see what ended them; --snapshot auto goes on from the newest snapshot",
            ),
        ),
    ],
)
def test_an_error_is_told_once(
    monkeypatch: pytest.MonkeyPatch, group: Group, raised: BaseException, told: BaseException
) -> None:
    monkeypatch.setattr(join, "is_member", lambda: True)
    monkeypatch.setattr(join, "_join", lambda *_: group)
    with pytest.raises(type(told)) as error, joined():
        raise raised
    assert type(error.value) is type(told)
    assert str(error.value) == str(told)


@pytest.mark.parametrize(
    ("code", "interrupts", "told"),
    [
        (2, 0, ToldElsewhere),
        (3, 0, ToldElsewhere),
        (130, 2, KeyboardInterrupt),
        (-signal.SIGKILL, 0, CatdogError),
    ],
)
def test_how_the_launcher_ends(code: int, interrupts: int, told: type[BaseException]) -> None:
    failure = ProcessFailure(local_rank=1, pid=1, exitcode=code, error_file="nowhere")
    error = failure_of(ChildFailedError("train", {1: failure}), interrupts=interrupts)
    assert type(error) is told
    if told is ToldElsewhere:
        assert error.code == code
    if told is CatdogError:
        assert str(error).startswith("process 1 was ended by SIGKILL; --snapshot auto")
