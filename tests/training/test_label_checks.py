"""Labels of lists and HDF5 files against the classes of a net."""

import cv2
import h5py
import numpy as np
import pytest

from catdog.errors import SpecError
from catdog.training.check import inspect
from catdog.training.options import Options
from catdog.training.train import train

IMAGES = """layer { name: "d" type: "ImageData" top: "data" top: "label"
  image_data_param { source: "list.txt" batch_size: 2 } }
"""
HDF5 = """layer { name: "d" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param { source: "files.txt" batch_size: 2 } }
"""
FC = """layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 3 } }
layer { name: "relu" type: "ReLU" bottom: "fc" top: "fc" }
layer { name: "drop" type: "Dropout" bottom: "fc" top: "dropped" }
"""
LOSS = """layer { name: "loss" type: "SoftmaxWithLoss" bottom: "dropped" bottom: "label"
  top: "loss" LOSS }
"""
SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 2 snapshot_prefix: "out/x"'


@pytest.fixture(params=[IMAGES, HDF5])
def write(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def net(labels, loss="", layers=FC + LOSS):
        pixels = np.zeros((4, 4, 3), np.uint8)
        (tmp_path / "a.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        (tmp_path / "list.txt").write_text("".join(f"a.png {label}\n" for label in labels))
        (tmp_path / "files.txt").write_text("a.h5\n")
        with h5py.File("a.h5", "w") as file:
            file["data"] = np.zeros((len(labels), 3, 4, 4), np.float32)
            file["label"] = np.array(labels, np.float32)
        (tmp_path / "net.prototxt").write_text(
            request.param + layers.replace("LOSS }", loss + " }")
        )
        (tmp_path / "solver.prototxt").write_text(SOLVER)
        return "net.prototxt"

    return net


def told(path):
    return [line for line in inspect(path) if "data have" in line]


def test_a_label_beyond_the_classes_names_what_mends_it(write):
    path = write([0, 1, 2, 3])
    with pytest.raises(SpecError) as caught:
        inspect(path)
    (fault,) = map(str, caught.value.faults)
    assert fault.endswith(
        "(SoftmaxWithLoss) the data have label 3, but dropped has 3 classes: labels 0 to 2; "
        "--set net.fc.inner_product_param.num_output=4, or correct the labels"
    )
    assert not told(write([0, 1, 2]))


def test_it_is_found_before_the_first_iteration_and_mended(write, tmp_path):
    write([0, 1, 2, 3])
    with pytest.raises(SpecError, match=r"num_output=4"):
        train("solver.prototxt", Options())
    assert not list(tmp_path.glob("out/*.caffemodel"))
    train("solver.prototxt", Options(overrides=["net.fc.inner_product_param.num_output=4"]))


@pytest.mark.parametrize(
    ("labels", "remedy"),
    [
        ([1, 2, 3], "number the classes from 0 without a gap; found 1, 2, 3"),
        ([0, 1, -1], "number the classes from 0 without a gap; found -1, 0, 1"),
        ([0, 20160300], "number the classes from 0 without a gap; found 0, 20160300"),
    ],
)
def test_labels_that_are_not_counted_from_zero(write, labels, remedy):
    with pytest.raises(SpecError, match=remedy):
        inspect(write(labels))


def test_a_label_that_is_ignored_is_no_fault(write):
    assert not told(write([0, 1, 2, -1], "loss_param { ignore_label: -1 }"))


def test_one_class_and_missing_ones_are_told(write):
    assert told(write([0, 0, 0])) == [
        'all data have label 0: layer "loss" learns to answer nothing else'
    ]
    assert told(write([1, 2, 1])) == [
        'layer "loss" has 3 classes, the data have labels 1, 2: the others are never learned'
    ]


def test_accuracy_has_classes_too(write):
    accuracy = LOSS.replace("SoftmaxWithLoss", "Accuracy").replace("loss", "accuracy")
    with pytest.raises(SpecError, match=r"\(Accuracy\) the data have label 3"):
        inspect(write([0, 1, 2, 3], layers=FC + accuracy))
    binary = "accuracy_param { threshold: 0.5 }"
    fc = FC.replace("num_output: 3", "num_output: 1")
    assert not told(write([0, 1, 2, 3], binary, fc + accuracy.replace("LOSS", binary)))
