"""A net that ships, or a person's own, for other classes: data, outputs, loss, comments."""

from pathlib import Path

import pytest

from catdog.errors import CatdogError
from catdog.net.abstract import blueprint
from catdog.net.resolved import resolve
from catdog.project.net_text import NetChange, facts, net_text
from catdog.proto.caffe_pb2 import TEST
from catdog.spec import net_state, read_net, to_prototxt
from tests.project.photos import write_net

ROOT = Path(__file__).parents[2]
NETS = sorted(ROOT.glob("net_specs/*.yaml"))
#: A sigmoid alone, two losses, and boxes.
OTHERS = {"baseline64", "convnet150", "vgg8_labels", "ssd_small"}
ABOUT = ["mine: five classes", "", "  catdog train --solver solver.yaml"]


def made(path: Path, folder: Path, wanted: NetChange) -> Path:
    target = folder / "net.yaml"
    target.write_text(net_text(path, wanted, ABOUT))
    return target


def comments(path: Path) -> list[str]:
    """Comments below the first lines."""
    lines = path.read_text().splitlines()
    first = next(at for at, line in enumerate(lines) if not line.startswith("#"))
    return [line for line in lines[first:] if line.lstrip().startswith("#")]


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_every_net_is_made_to_fit_or_refused(path, tmp_path):
    try:
        net = made(path, tmp_path, NetChange(5, False, 16))
    except CatdogError as error:
        assert path.stem in OTHERS
        assert "\n" not in str(error)
        return
    own = facts(net)
    assert (own.outputs, own.batch, own.loss) == (5, 16, "SoftmaxWithLoss")
    assert own.size == facts(path).size
    assert net.read_text().startswith("# mine: five classes\n#\n#   catdog train")
    assert comments(net) == comments(path)
    text = net.read_text()
    assert "input/" not in text
    assert "cats-dogs" not in text
    data = [layer for layer in read_net(net).message.layer if layer.type == "Data"]
    assert {layer.data_param.source for layer in data} == {
        "data/train_lmdb",
        "data/validation_lmdb",
    }
    size = own.size or 32
    blueprint(resolve(read_net(net), net_state(TEST)), {"data": (2, 3, size, size), "label": (2,)})


def test_several_labels_have_a_sigmoid_each(tmp_path):
    net = made(ROOT / "net_specs/small64.yaml", tmp_path, NetChange(7, True))
    assert facts(net).loss == "SigmoidCrossEntropyLoss"
    assert facts(net).outputs == 7
    accuracy = next(layer for layer in read_net(net).message.layer if layer.type == "Accuracy")
    assert accuracy.accuracy_param.HasField("threshold")


def test_pixels_that_are_asked_for(tmp_path):
    net = made(ROOT / "net_specs/vgg8.yaml", tmp_path, NetChange(3, False, 4, 48))
    crops = {x.transform_param.crop_size for x in read_net(net).message.layer if x.type == "Data"}
    assert crops == {48}


def test_a_prototxt_becomes_yaml(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(to_prototxt(read_net(write_net(tmp_path)).message))
    assert facts(made(path, tmp_path, NetChange(4, False))).outputs == 4


def test_one_sigmoid_tells_two_classes_apart(tmp_path):
    path = ROOT / "net_specs/baseline64.yaml"
    assert facts(made(path, tmp_path, NetChange(2, False))).outputs == 1
    with pytest.raises(CatdogError, match="has one sigmoid output, which tells two classes apart"):
        net_text(path, NetChange(3, False), ABOUT)


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("small64", "class_weight", [0.6, 3]),
        # beside its label_smoothing
        ("catdog96", "class_weight", [0.6, 3]),
        ("baseline64", "pos_weight", [5]),
    ],
)
def test_classes_that_do_not_count_alike(tmp_path, name, field, expected):
    path = ROOT / f"net_specs/{name}.yaml"
    net = read_net(made(path, tmp_path, NetChange(2, False, weights=[0.6, 3.0]))).message
    (param,) = {id(x): x.loss_param for x in net.layer if getattr(x.loss_param, field)}.values()
    assert list(getattr(param, field)) == pytest.approx(expected)
    (before,) = {x.name: x for x in read_net(path).message.layer if "Loss" in x.type}.values()
    assert param.label_smoothing == before.loss_param.label_smoothing


def test_two_losses_are_too_many():
    with pytest.raises(CatdogError, match=r"vgg8_labels\.yaml: has 1 Data layers and 2 losses"):
        facts(ROOT / "net_specs/vgg8_labels.yaml")


def test_a_net_is_judged_by_the_finest_score_of_its_tests(tmp_path):
    path = write_net(tmp_path)
    whole = path.read_text()
    assert facts(path).score == "loss"
    untested = whole.replace("top: loss}", "top: loss, include: {phase: TRAIN}}")
    path.write_text(untested)
    assert facts(path).score == "accuracy"
    path.write_text(untested.replace("type: Accuracy", "type: Softmax"))
    with pytest.raises(CatdogError, match="has neither a loss nor an accuracy in its TEST phase"):
        facts(path)
