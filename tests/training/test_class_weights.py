"""--class-weights: counted from the data as scikit-learn does, put into the nets of a run, told."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

import catdog
from catdog.data.datum import write_raw
from catdog.data.sources.index_file import write_index
from catdog.errors import CatdogError, LayerError
from catdog.proto.caffe_pb2 import NetParameter
from catdog.solver.events import Noted
from catdog.spec import read_solver
from catdog.tracking.run_file import read_run, run_path
from catdog.training.class_weights import BALANCED, balanced, with_class_weights
from catdog.training.cross_validation import cross_validate
from catdog.training.options import Options, resolved_nets
from catdog.training.train import train
from tests.data.sources.build import pictures, write_values
from tests.tiny_solver import NET, write_solver

#: The labels of the tiny solver's training data: 8 of 24 are 1.
LABELS = [int(n % 3 == 0) for n in range(24)]
LOSS = "- {name: loss, type: SoftmaxWithLoss, bottom: [score, label], top: loss}"
SIGMOID = LOSS.replace("SoftmaxWithLoss", "SigmoidCrossEntropyLoss")
DATA = """  transform_param: {scale: 0.01}
  data_param: {source: train_lmdb, batch_size: 6, backend: LMDB}"""


@pytest.fixture(autouse=True)
def solver(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_solver(tmp_path)


def weights(solver, given=BALANCED, *overrides, field="class_weight", layer="loss"):
    options = with_class_weights(solver, Options(class_weights=given, overrides=overrides))
    nets = resolved_nets(read_solver(solver), options)
    found = [
        list(getattr(each.loss_param, field))
        for net in nets
        for each in net.message.layer
        if each.name == layer
    ]
    assert not any(found[1:]), "the test nets have none"
    return found[0]


def sklearn(labels):
    return compute_class_weight("balanced", classes=np.unique(labels), y=labels)


@pytest.mark.parametrize("counts", [[5, 5], [10, 1, 3], [1, 1000]])
def test_balanced_is_scikit_learns(counts):
    assert balanced(counts) == pytest.approx(sklearn(np.repeat(range(len(counts)), counts)))
    assert balanced([*counts, 0]) == pytest.approx([*balanced(counts), 1])


def test_all_labels_of_the_store_are_counted(solver):
    assert weights(solver) == pytest.approx(sklearn(LABELS))
    write_index(solver.parent / "some.txt", [0, 3, 6, 1])
    index = "train_net.data.data_param.index_file=some.txt"
    assert weights(solver, BALANCED, index) == pytest.approx(sklearn([1, 1, 1, 0]))


def test_those_of_a_list_and_of_hdf5_too(solver):
    (solver.parent / "list.txt").write_text("".join(f"{n}.png {v}\n" for n, v in enumerate(LABELS)))
    image = DATA.replace("data_param", "image_data_param").replace("train_lmdb", "list.txt")
    write(solver, NET.replace("type: Data", "type: ImageData", 1).replace(DATA, image[:-16] + "}"))
    assert weights(solver) == pytest.approx(sklearn(LABELS))
    with h5py.File(solver.parent / "a.h5", "w") as file:
        file["data"], file["label"] = np.zeros((24, 1, 2, 3), np.float32), np.array(LABELS)
    (solver.parent / "files.txt").write_text("a.h5\n")
    hdf5 = "  hdf5_data_param: {source: files.txt, batch_size: 6}"
    write(solver, NET.replace("type: Data", "type: HDF5Data", 1).replace(DATA, hdf5))
    assert weights(solver) == pytest.approx(sklearn(LABELS))


def test_an_ignored_label_is_not_counted(solver):
    ignoring = "top: loss, loss_param: {ignore_label: 1}}"
    write(solver, NET.replace(LOSS, LOSS.replace("top: loss}", ignoring)))
    assert weights(solver) == [1]


@pytest.mark.parametrize("given", ["1,2.5", [1, 2.5], np.array([1, 2.5])])
def test_numbers_are_taken_as_they_are(solver, given):
    assert weights(solver, given) == [1, 2.5]


def test_one_sigmoid_weighs_its_ones(solver):
    write(solver, NET.replace(LOSS, SIGMOID).replace("num_output: 2", "num_output: 1"))
    assert weights(solver, field="pos_weight") == [16 / 8]


def test_several_sigmoids_weigh_each_its_own(solver):
    vectors = np.array([[1, 0], [0, 0], [0, 0], [1, 1]] * 6, np.float32)
    pairs = [
        (f"{n:04d}".encode(), write_raw(image, 0, vector))
        for n, (image, vector) in enumerate(zip(pictures(24, (1, 2, 3)), vectors, strict=True))
    ]
    write_values(solver.parent / "several", pairs)
    write(solver, NET.replace(LOSS, SIGMOID).replace("source: train_lmdb", "source: several"))
    assert weights(solver, field="pos_weight") == [1, 3]


@pytest.mark.parametrize(
    ("net", "given", "told"),
    [
        (NET.replace("SoftmaxWithLoss", "HingeLoss"), BALANCED, "no SoftmaxWithLoss or Sigmoid"),
        (NET.replace(LOSS, LOSS.replace("label]", "fc]")), "1,1", "no SoftmaxWithLoss or Sigmoid"),
        (NET, "even", "'even' is no weight for each class; balanced, or numbers"),
        (NET, [None], "None.* is no weight for each class"),
        (NET, "", "'' is no weight for each class"),
        (NET, [], r"\[\] is no weight for each class"),
        (NET, np.array([]), "is no weight for each class"),
    ],
)
def test_what_cannot_be_weighed_is_one_line(solver, net, given, told):
    write(solver, net)
    with pytest.raises(CatdogError, match=told) as caught:
        with_class_weights(solver, Options(class_weights=given))
    assert "--class-weights" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_few_weights_are_told_before_anything_is_written(solver):
    with pytest.raises(LayerError, match="in class_weight for 2 classes"):
        train(solver, Options(class_weights="1,2,3"))
    assert not list((solver.parent / "out").glob("train.log*"))


@pytest.mark.parametrize("kind", ["EuclideanLoss", "L1Loss", "SmoothL1Loss"])
def test_a_run_with_a_loss_that_has_none_tells_nothing(solver, kind):
    net = NET.replace(LOSS, LOSS.replace("SoftmaxWithLoss", kind)).replace("output: 2", "output: 1")
    write(solver, net.replace("Accuracy", "Accuracy, accuracy_param: {threshold: 0.5}"))
    events = []
    train(solver, Options(), listeners=[events.append])
    assert not any("weight for each" in e.what for e in events if isinstance(e, Noted))


def test_a_run_has_them_in_its_record_and_tells_them(solver):
    events = []
    train(solver, Options(class_weights=BALANCED), listeners=[events.append])
    lines = [event.what for event in events if isinstance(event, Noted)]
    at = lines.index('layer "loss" has a class_weight for each class:')
    assert [line.split() for line in lines[at + 1 : at + 4]] == [
        ["class", "examples", "weight"],
        ["0", "16", "0.75"],
        ["1", "8", "1.5"],
    ]
    record = read_run(run_path(str(solver.parent / "out/tiny")))
    assert "class_weight: 0.75" in record["train_net"]
    assert "class_weight" not in record["test_nets"][0]
    stored = NetParameter.FromString((solver.parent / "out/tiny_iter_4.caffemodel").read_bytes())
    (loss,) = (layer for layer in stored.layer if layer.name == "loss")
    assert list(loss.loss_param.class_weight) == [0.75, 1.5]


def test_they_change_what_is_learned_and_a_resumed_run_goes_on_with_them(solver):
    def trained(prefix, given, **more):
        where = str(solver.parent / prefix / "tiny")
        run = catdog.train(solver, class_weights=given, snapshot_prefix=where, **more)
        return run.net.node("score").layer.blobs.parameter(0).detach().numpy()

    whole = trained("whole", BALANCED)
    trained("parts", BALANCED, max_iter=2)
    np.testing.assert_array_equal(trained("parts", BALANCED, snapshot="auto"), whole)
    np.testing.assert_allclose(trained("said", [0.75, 1.5]), whole, rtol=1e-6)
    assert np.abs(trained("plain", None) - whole).max() > 1e-4


def test_folds_weigh_alike(solver):
    seen = []

    def one(options):
        seen.append(options.overrides)
        train(solver, options)
        return False

    list(cross_validate(solver, Options(class_weights=BALANCED), 2, one))
    given = "train_net.loss.loss_param.class_weight=[0.75, 1.5]"
    assert [given in overrides for overrides in seen] == [True, True]


def write(solver, net):
    (solver.parent / "net.yaml").write_text(net)
