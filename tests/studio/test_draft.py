"""A net and a solver as texts: faults with their places, and what they would be."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.spec import read_net, read_solver, to_prototxt
from catdog.studio.draft import draft
from catdog.studio.place import StudioFolder
from catdog.studio.spec_text import PROTOTXT, YAML, form_of
from catdog.weights import Weights, write_weights
from tests.small_solver import NET, SOLVER, write_small


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("studio")
    write_small(path)
    return path


@pytest.fixture(autouse=True)
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


def faults_of(net, solver, folder):
    found = draft(net, solver, StudioFolder(folder))
    assert not found.is_whole
    return [(each.text, each.line, each.what) for each in found.faults]


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


def test_a_whole_draft(folder):
    found = draft(NET, SOLVER, StudioFolder(folder))
    assert found.is_whole and not found.faults
    assert (found.iterations, found.tests) == (8, 3)
    rows = {row.name: row for row in found.net.rows}
    # 3 channels of 3 x 3 to 6, and a bias each
    assert rows["conv1"].parameters == 6 * 3 * 9 + 6
    assert found.net.batch == 4
    assert found.rates.rates == pytest.approx((0.01,) * 8)
    assert found.rates.iterations == tuple(range(8))


def test_what_is_frozen_and_fresh(folder):
    start = draft(NET, SOLVER, StudioFolder(folder)).start
    frozen = {row.layer for row in start.layers if row.frozen}
    assert frozen == {"conv1", "bn1", "scale1", "fc1"}
    assert {row.weights for row in start.layers} == {"fresh"}
    assert start.learning == next(row.parameters for row in start.layers if row.layer == "fc2")


def test_what_weights_bring(folder):
    conv = [np.zeros((6, 3, 3, 3), np.float32), np.zeros(6, np.float32)]
    write_weights(folder / "some.caffemodel", Weights({"conv1": conv, "old": conv}))
    found = draft(
        NET, f"{SOLVER}weights: some.caffemodel\nfresh_lr_mult: 10\n", StudioFolder(folder)
    )
    rows = {row.layer: row for row in found.start.layers}
    assert rows["conv1"].weights == "copied"
    assert rows["fc2"].weights == "fresh" and rows["fc2"].rates == (10, 10)
    assert found.start.unused == ("old",)


def test_weights_that_do_not_fit_are_a_fault_at_their_line(folder):
    write_weights(folder / "other.caffemodel", Weights({"fc2": [np.zeros((3, 9), np.float32)]}))
    solver = f"{SOLVER}weights: other.caffemodel\n"
    (fault,) = draft(NET, solver, StudioFolder(folder)).faults
    assert (fault.text, fault.line) == ("solver", line_of(solver, "weights"))
    assert 'layer "fc2"' in fault.what and "rename" in fault.remedy


def test_faults_have_their_places(folder):
    net = NET.replace("kernel_size: 3", "kernal_size: 3").replace("bottom: pool1", "bottom: pool")
    found = draft(net, SOLVER.replace("max_iter", "max_itr"), StudioFolder(folder))
    told = {(each.text, each.line, each.column): each for each in found.faults}
    line = line_of(net, "kernal_size")
    typed = told["net", line, net.splitlines()[line - 1].index("kernal_size") + 1]
    assert "kernal_size" in typed.what and "kernel_size" in typed.remedy
    assert ("solver", line_of(SOLVER, "max_iter")) in {key[:2] for key in told}
    assert not any(str(folder) in each.what + each.remedy for each in found.faults)


def test_texts_that_are_no_spec(folder):
    assert faults_of("a: [", SOLVER, folder)[0][0] == "net"
    assert faults_of("layer {", "", folder)[0][:2] == ("net", 1)
    assert "is a solver" in faults_of(SOLVER + "zzz: 1\n", SOLVER, folder)[0][2]
    assert faults_of(NET, "[]", folder)[0][0] == "solver"


def test_prototxt_is_taken_too(folder):
    net = to_prototxt(read_net(folder / "net.yaml").message)
    solver = to_prototxt(read_solver(folder / "solver.yaml").message)
    found = draft(net, solver, StudioFolder(folder))
    assert found.is_whole
    wrong = net.replace("num_output: 10", "num_output: ten")
    (fault,) = draft(wrong, solver, StudioFolder(folder)).faults
    assert fault.line == line_of(wrong, "num_output: ten")


@pytest.mark.parametrize("name", ["net.yaml", "solver.yaml"])
def test_the_form_of_a_text(folder, name):
    read = read_net if name.startswith("net") else read_solver
    assert form_of((folder / name).read_text()) == YAML
    text = to_prototxt(read(folder / name).message)
    assert form_of(text) == (PROTOTXT if "{" in text else YAML)
    assert form_of("test_iter: 3\ntest_iter: 4\n") == PROTOTXT
    assert form_of("layer\r\n{\r\n  name: 'a'\r\n}\r\n") == PROTOTXT
    assert form_of("layer:\r\n- name: a\r\n") == YAML
    # each would take hours where a pattern looks across lines
    for text in ("\n" * 1_000_000, "a" + " " * 1_000_000, "a: \n" * 200_000 + "b"):
        assert form_of(text) == YAML


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("source: train", "source: /etc", "/etc"),
        ("source: train", "source: ../train", "../train"),
        ("source: train", "source: s3://bucket/train", "s3://"),
        ("source: train", "source: ~/train", "~/train"),
        ("scale: 0.01", "mean_file: ../../mean.binaryproto", "mean.binaryproto"),
        ("type: ReLU", "type: Python", "code of its own"),
    ],
)
def test_what_a_page_may_not_ask_of_a_net(folder, old, new, word):
    net = NET.replace(old, new, 1)
    (found,) = faults_of(net, SOLVER, folder)
    assert word in found[2]
    # of two layers of one name the right one is shown
    assert found[1] == line_of(net, new) or "Python" in new


@pytest.mark.parametrize(
    "line",
    [
        "snapshot_prefix: /tmp/out",
        "snapshot_prefix: ../out",
        "weights: ../x.caffemodel",
        "weights: [resnet18, /x.pth]",
        "train_net: net.yaml",
        "net_param: {name: inline}",
    ],
)
def test_what_a_page_may_not_ask_of_a_solver(folder, line):
    solver = f"{SOLVER}{line}\n"
    (found,) = faults_of(NET, solver, folder)
    assert found[:2] == ("solver", line_of(solver, line))


def test_a_path_below_the_folder_may_be_whole(folder):
    assert draft(
        NET.replace("source: train", f"source: {folder}/train"), SOLVER, StudioFolder(folder)
    ).is_whole


def test_the_net_of_a_solver_is_found(folder):
    assert draft("", SOLVER, StudioFolder(folder)).is_whole
    assert draft("", SOLVER.replace("net.yaml", "small64"), StudioFolder(folder)).net.parameters
    (found,) = faults_of("", SOLVER.replace("net.yaml", "../net.yaml"), folder)
    assert "net" in found[2]


def test_a_net_alone(folder):
    found = draft(NET, "", StudioFolder(folder))
    assert not found.faults and found.net and not found.is_whole
    assert draft("", "", StudioFolder(folder)).net is None


def test_a_huge_net_takes_no_memory(folder):
    net = NET.replace("num_output: 9", "num_output: 1000000000")
    (found,) = faults_of(net, SOLVER, folder)
    assert "too large" in found[2]
    assert "letters" in faults_of("x" * 600_000, SOLVER, folder)[0][2]


def test_rates_of_a_solver_whose_net_is_wrong(folder):
    solver = SOLVER.replace("fixed", "step") + "gamma: 0.1\nstepsize: 4\n"
    found = draft("name: x\nlayer: {typ: 1}\n", solver, StudioFolder(folder))
    assert found.faults and dict(zip(found.rates.iterations, found.rates.rates, strict=True)) == {
        each: pytest.approx(0.01 if each < 4 else 0.001) for each in range(8)
    }


def test_a_rate_that_is_no_number_is_left_out(folder):
    solver = SOLVER.replace("fixed", "exp").replace("max_iter: 8", "max_iter: 90000")
    rates = draft(NET, f"{solver}gamma: 1.5\n", StudioFolder(folder)).rates
    assert rates.rates and all(rate < 4e38 for rate in rates.rates)


PIECES = [*re.split(r"(\s+)", NET + SOLVER), *"{}[]<>\"':,#&*-\\\n\t", "-1", "1e99", "\x00", "é"]


@settings(max_examples=60)
@given(data=st.data())
def test_any_text_gives_faults_or_a_draft(folder, data):
    def changed(text):
        for _ in range(data.draw(st.integers(0, 3))):
            begin = data.draw(st.integers(0, len(text)))
            end = data.draw(st.integers(begin, min(len(text), begin + 40)))
            text = text[:begin] + data.draw(st.sampled_from(PIECES)) + text[end:]
        return text

    found = draft(changed(NET), changed(SOLVER), StudioFolder(folder))
    assert found.faults or found.is_whole or not found.iterations
    assert all(each.what and each.text in ("net", "solver") for each in found.faults)


@settings(max_examples=40)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_letters_give_faults_or_a_draft(folder, net, solver):
    assert isinstance(draft(net, solver, StudioFolder(folder)).is_whole, bool)
