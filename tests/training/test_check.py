import numpy as np
import pytest

from catdog.errors import CatdogError, SpecError
from catdog.pycaffe.install import install
from catdog.training.check import Inspection, inspect
from catdog.weights import Weights, write_weights

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
  convolution_param: {num_output: 5, kernel_size: 3, weight_filler: {type: xavier}}
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
MEMORY = "memory of the {} net"
SAME_DATA = (
    "trained and tested on the same data, nowhere: the test says nothing of others; give the test "
    "net validation data"
)
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


def inspected(path, tell=lambda _: None, **arguments):
    return inspect(path, Inspection(**arguments), tell)


def faults(path, tell=lambda _: None, **arguments):
    with pytest.raises(SpecError) as caught:
        inspected(path, tell, **arguments)
    return [str(fault) for fault in caught.value.faults]


def test_a_sound_net_in_both_phases(write):
    assert inspected(write("net.yaml", NET), given={"data": (4, 3, 8, 8)}) == [
        "net.yaml: OK",
        "net.yaml TRAIN: 5 layers, 232 parameters, outputs loss",
        "net.yaml TEST: 5 layers, 232 parameters, outputs loss",
        SAME_DATA,
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
    lines = inspected(write("net.yaml", only_train), given={"data": (4, 3, 8, 8)})
    assert lines[1:] == ["net.yaml TRAIN: 5 layers, 232 parameters, outputs loss"]


def test_weights_of_zeros_that_stay_so_are_told_unless_they_are_copied(write):
    write("net.yaml", NET.replace(", weight_filler: {type: xavier}", ""))
    assert any("weights of conv, fc are all 0" in line for line in inspected("net.yaml"))
    weights = Weights({"fc": [np.zeros((2, 63845), np.float32), np.zeros(2, np.float32)]})
    write_weights("some.caffemodel", weights)
    solver = write("solver.yaml", SOLVER + "weights: some.caffemodel\n")
    assert not any("are all 0" in line for line in inspected(solver))


def test_a_solver_and_its_nets(write):
    write("net.yaml", NET)
    solver = write("solver.yaml", SOLVER + "test_interval: 5\ntest_iter: 2\n")
    lines = inspected(solver, given={"data": (4, 3, 8, 8)})
    assert lines[0] == "solver.yaml: OK"
    phases = ("TRAIN", "TEST")
    titles = [title for phase in phases for title in (f"net.yaml {phase}", MEMORY.format(phase))]
    assert [line.split(":")[0] for line in lines[1:5]] == titles
    assert lines[5:] == [SAME_DATA]


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
    assert found.startswith('solver.yaml:2:1: no such file "net.yaml" in /')
    assert found.endswith("or beside the solver, and no net that ships with catdog; check the path")


def test_a_solver_without_a_net(write):
    (found,) = faults(write("solver.yaml", SOLVER.replace("net: net.yaml", "")))
    assert found.startswith("solver.yaml:3:1: names no net to train")


def test_nothing_to_read():
    with pytest.raises(CatdogError, match="no such file"):
        inspect("nothing.yaml")


FOREIGN = """
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "perm" type: "Resample" bottom: "data" top: "perm" resample_param { width: 0 } }
layer { name: "perm2" type: "Resample" bottom: "data" top: "perm2" resample_param { width: 0 } }
layer { name: "dw" type: "DeformableConvolution" bottom: "data" top: "dw"
  convolution_param { num_output: 3 kernel_size: 3 group: 3 } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { kernel_size: 3 torch_pooling: false } }
layer { name: "odd" type: "Convolutoin" bottom: "data" top: "odd" }
layer { name: "odd2" type: "Convolutoin" bottom: "data" top: "odd2" }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 2 kernel_size: 99 } }
"""


WAYS_OUT = (
    "write it in Python (`catdog check NET --stub` prints the class), or drop it from the "
    "deploy net"
)


def test_layers_of_forks_unknown_types_unknown_fields_and_shapes_in_one_go(write):
    found = faults(write("net.prototxt", FOREIGN))
    assert [fault.split(": ", 1)[1] for fault in found] == [
        'layer "perm": layer type "Resample" (2 layers) belongs to FlowNet2 '
        f"(lmb-freiburg/flownet2), not to Caffe itself; {WAYS_OUT}",
        'layer "dw": layer type "DeformableConvolution" belongs to frcnn-makefile '
        f"(makefile/frcnn), caffe-priv-soeaver, not to Caffe itself; {WAYS_OUT}",
        'layer "pool" (Pooling): unknown field "torch_pooling"; did you mean "global_pooling"?',
        'layer "odd": unknown layer type "Convolutoin" (also odd2); did you mean "Convolution"?',
        'layer "conv": (Convolution) has no room for kernel [99, 99] with dilation [1, 1] and pad '
        "[0, 0] in its bottom [1, 3, 8, 8]; change the kernel, the pad or the layers before it",
    ]


def test_a_net_of_a_solver_is_judged_beyond_the_faults_of_its_text(write):
    write("net.yaml", NET.replace("kernel_size: 2", "kernal_size: 2").replace("[fc, ", "[cf, "))
    found = faults(write("solver.yaml", SOLVER.replace("lr_policy", "lr_polcy")))
    assert [fault.split(": ", 1)[0] for fault in found] == [
        "solver.yaml:4:1",
        "net.yaml:17:19",
        "net.yaml:25:12",
    ]


def test_the_fault_of_a_data_layer_is_the_only_one(write):
    data = """
- name: data
  type: HDF5Data
  top: [data, label]
  include: {phase: %s}
  hdf5_data_param: {source: %s.txt, batch_size: 8}"""
    layers = "\n- name: conv" + NET.split("- name: conv")[1]
    both = "layer:" + data % ("TRAIN", "train") + data % ("TEST", "test") + layers
    found = faults(write("net.yaml", both))
    # each at its own place, though both layers have one name
    assert [fault.split(", ")[0] for fault in found] == [
        'net.yaml:6:21: layer "data": (HDF5Data) no data at train.txt',
        'net.yaml:11:21: layer "data": (HDF5Data) no data at test.txt',
    ]


def test_a_blob_that_a_stage_makes_is_told_once_with_the_flag(write):
    staged = NET.replace("type: Data\n", "type: Data\n  include: {stage: noisy}\n", 1)
    (found,) = faults(write("net.yaml", staged))
    assert found.endswith(
        'unknown bottom "data"; layer "data", which makes it, is only there with --stage noisy'
    )
    lines = inspected("net.yaml", stages=["noisy"], given={"data": (4, 3, 8, 8)})
    assert lines[0] == "net.yaml: OK"
    (found,) = faults("net.yaml", stages=["nosiy"])
    assert found == '--stage: no layer of the net looks at stage "nosiy"; did you mean "noisy"?'


def test_what_was_assumed_is_told_before_what_follows_from_it(write):
    told = []
    small = NET.replace("kernel_size: 3", "kernel_size: 500")
    found = faults(write("net.yaml", small), told.append)
    assert "kernel [500, 500]" in found[0]
    assert "assumed to be 4 x 3 x 227 x 227; --shape data=4,3,227,227" in told[0]
    # a fault that does not come of a shape
    told.clear()
    faults(write("net.yaml", NET.replace("[fc, label]", "[fcc, label]")), told.append)
    assert not told


def test_fields_can_be_set(write):
    write("net.yaml", NET)
    field = "net.fc.inner_product_param.num_output=3"
    lines = inspected("net.yaml", overrides=[field], given={"data": (4, 3, 8, 8)})
    assert "278 parameters" in lines[1]
    solver = write("solver.yaml", SOLVER)
    lines = inspected(solver, overrides=[field, "max_iter=3"], given={"data": (4, 3, 8, 8)})
    assert "278 parameters" in lines[1]
    (found,) = faults(solver, overrides=["max_itr=3"])
    assert found == '--set max_itr=3: unknown field "max_itr"; did you mean "max_iter"?'
    (found,) = faults("net.yaml", overrides=["max_iter=3"])
    assert found == (
        "--set max_iter=3: net.yaml is a net, and only its layers have fields to set; "
        "write net.LAYER.FIELD=VALUE"
    )


PYTHON = NET.replace("type: Data\n", "type: Python\n").replace(
    "data_param: {source: nowhere, batch_size: 4}",
    "python_param: {module: nine_by_nine, layer: Nines}",
)
NINES = """
import caffe

class Nines(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(4, 3, 9, 9)
        top[1].reshape(4)
"""


def test_a_python_layer_for_data_has_shapes_by_hand_or_by_its_code(write, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(tmp_path))
    write("nine_by_nine.py", NINES)
    (found,) = faults(write("net.yaml", PYTHON))
    assert found.endswith(
        "only its code knows the shape of data, label; say it: --shape data=N,C,H,W "
        "--shape label=N,C,H,W, or --allow-python if you trust the spec"
    )
    by_hand = inspected("net.yaml", given={"data": (4, 3, 8, 8), "label": (4,)})
    assert "232 parameters" in by_hand[1]
    assert "302 parameters" in inspected("net.yaml", provide_caffe=install)[1]


def test_a_path_of_another_machine_is_looked_for_beside_the_spec(write):
    write("net.yaml", NET)
    for there in ("/home/someone/caffe/net.yaml", r"C:\caffe\models\net.yaml"):
        (found,) = faults(write("solver.yaml", SOLVER.replace("net.yaml", there)))
        assert found == (
            f'solver.yaml:2:1: no such file "{there}"; net.yaml has that name: write net: net.yaml'
        )
    write("stored", "")
    lines = inspected(write("net.yaml", NET.replace("source: nowhere", "source: /data/stored")))
    assert "no data at /data/stored (stored has that name), so data was assumed" in lines[2]


def test_data_that_make_lmdb_builds_are_told_with_the_command(write):
    net = NET.replace("source: nowhere", "source: input/train_lmdb")
    lines = inspected(write("net.yaml", "# make lmdb SIZE=8\n" + net))
    told = "input/train_lmdb: no such LMDB; `catdog create_lmdb --size 8` builds it"
    assert lines.count(told) == 1


def test_a_type_that_nobody_knows_is_one_line_for_all_its_layers(write):
    wrong = NET.replace("type: Convolution", "type: convolution").replace(
        "- name: pool\n  type: Pooling", "- name: pool\n  type: convolution"
    )
    given = {"data": (4, 3, 8, 8)}
    line = 'layer "conv": unknown layer type "convolution" (also pool); did you mean "Convolution"?'
    assert faults(write("net.yaml", wrong), given=given) == [f"net.yaml:9:3: {line}"]
    # beside a field that nobody knows either
    found = faults(write("net.yaml", wrong.replace("stride: 2", "strid: 2")), given=given)
    assert "strid" in found[0]
    assert found[1:] == [f"net.yaml:9:3: {line}"]


def test_what_is_set_is_blamed_on_set(write):
    write("net.yaml", NET)
    solver = write("solver.yaml", SOLVER)
    told = faults(solver, overrides=["base_lr=-1", "net.loss.bottom=x"])
    assert told[0] == "--set base_lr=-1: base_lr must be 0 or more"
    assert told[1].startswith('--set net.loss.bottom=x: layer "loss": (SoftmaxWithLoss) has 1 bot')
    with pytest.raises(CatdogError, match=r"lr=1: .* did you mean .base_lr"):
        inspected(solver, overrides=["lr=1"])
