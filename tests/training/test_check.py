import pytest

from catdog.errors import CatdogError, SpecError
from catdog.training.check import inspect

NET = """
name: small
layer:
- name: data
  type: Data
  top: [data, label]
  data_param: {source: nowhere, batch_size: 4}
- name: conv
  type: Convolution
  bottom: data
  top: conv
  convolution_param: {num_output: 5, kernel_size: 3}
- name: pool
  type: Pooling
  bottom: conv
  top: pool
  pooling_param: {kernel_size: 2, stride: 2}
- name: fc
  type: InnerProduct
  bottom: pool
  top: fc
  inner_product_param: {num_output: 2}
- name: loss
  type: SoftmaxWithLoss
  bottom: [fc, label]
  top: loss
"""
SOLVER = """
net: net.yaml
base_lr: 0.1
lr_policy: fixed
max_iter: 10
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        (tmp_path / name).write_text(text)
        return name

    return write


def faults(path, **arguments):
    with pytest.raises(SpecError) as caught:
        inspect(path, **arguments)
    return [str(fault) for fault in caught.value.faults]


def test_a_sound_net_in_both_phases(write):
    assert inspect(write("net.yaml", NET), given={"data": (4, 3, 8, 8)}) == [
        "net.yaml: OK",
        "net.yaml TRAIN: 5 layers, 232 parameters, outputs loss",
        "net.yaml TEST: 5 layers, 232 parameters, outputs loss",
    ]


def test_what_was_assumed_is_said_once(write):
    lines = inspect(write("net.yaml", NET))
    assert sum("assumed" in line for line in lines) == 1


def test_all_faults_in_the_order_of_the_net_each_once(write):
    wrong = (
        NET.replace("kernel_size: 3", "kernel_size: 999")
        .replace("num_output: 2", "axis: 9")
        .replace("[fc, label]", "[fcc, label]")
    )
    write("net.yaml", wrong)
    given = {"data": (4, 3, 8, 8)}
    # the loss is unknown wiring, the convolution has no room; what needs it cannot be judged
    assert [fault.split(": ", 2)[1] for fault in faults("net.yaml", given=given)] == [
        'layer "loss"',
        'layer "conv"',
    ]


def test_two_layers_with_faults_on_two_branches(write):
    wrong = NET.replace("bottom: pool\n", "bottom: data\n").replace("num_output: 2", "axis: 9")
    write("net.yaml", wrong.replace("kernel_size: 3", "kernel_size: 999"))
    found = faults("net.yaml", given={"data": (4, 3, 8, 8)})
    assert [fault.split(" ")[:2] for fault in found] == [
        ["net.yaml:12:3:", "layer"],
        ["net.yaml:22:3:", "layer"],
    ]


def test_faults_of_the_text_have_line_and_column(write):
    write("net.yaml", NET.replace("kernel_size: 2", "kernal_size: 2"))
    assert faults("net.yaml") == [
        'net.yaml:17:19: layer "pool" (Pooling): unknown field "kernal_size"; '
        'did you mean "kernel_size"?'
    ]


def test_a_net_for_training_alone_is_not_tested(write):
    only_train = NET.replace("top: [data, label]", "top: [data, label]\n  include: {phase: TRAIN}")
    lines = inspect(write("net.yaml", only_train), given={"data": (4, 3, 8, 8)})
    assert lines[1:] == ["net.yaml TRAIN: 5 layers, 232 parameters, outputs loss"]


def test_a_solver_and_its_nets(write):
    write("net.yaml", NET)
    solver = write("solver.yaml", SOLVER + "test_interval: 5\ntest_iter: 2\n")
    lines = inspect(solver, given={"data": (4, 3, 8, 8)})
    assert lines[0] == "solver.yaml: OK"
    assert [line.split(":")[0] for line in lines[1:]] == ["net.yaml TRAIN", "net.yaml TEST"]


def test_faults_of_a_solver_and_of_its_net_together(write):
    write("net.yaml", NET.replace("kernel_size: 2", "kernel_size: 0"))
    write("solver.yaml", SOLVER.replace("fixed", "stepp").replace("max_iter: 10", "max_iter: -1"))
    found = faults("solver.yaml", given={"data": (4, 3, 8, 8)})
    assert [fault.split(" ")[0] for fault in found] == [
        "solver.yaml:4:1:",
        "solver.yaml:5:1:",
        "net.yaml:17:3:",
    ]
    assert 'did you mean "step"?' in found[0]


def test_a_solver_whose_net_is_not_there(write):
    (found,) = faults(write("solver.yaml", SOLVER))
    assert found.startswith("net.yaml: no such file")


def test_a_solver_without_a_net(write):
    (found,) = faults(write("solver.yaml", SOLVER.replace("net: net.yaml", "")))
    assert found.startswith("solver.yaml:3:1: names no net to train")


def test_nothing_to_read():
    with pytest.raises(CatdogError, match="no such file"):
        inspect("nothing.yaml")
