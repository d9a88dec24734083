from pathlib import Path

import numpy as np
import pytest

from catdog.engines.onnx_model import Form
from catdog.errors import CatdogError, DataError, SpecError, WeightsError
from catdog.export.convert import FORMS, Conversion, convert
from catdog.export.deployed_files import FileForm
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.spec.read import read_message
from catdog.spec.upgrade import upgrade_net
from catdog.weights import Weights, read_weights, write_weights

FORMATS = Path(__file__).parents[1] / "goldens/formats"
OLD = sorted(
    path for path in (FORMATS / "upgrade").glob("*.prototxt") if "upgraded" not in path.name
)


def message_of(path):
    kind = SolverParameter if path.name.startswith("solver") else NetParameter
    if path.suffix == ".pb":
        return kind.FromString(path.read_bytes())
    return read_message(path, kind()).message


@pytest.mark.parametrize("suffix", [".prototxt", ".yaml", ".pb"])
@pytest.mark.parametrize("old", OLD, ids=[path.stem for path in OLD])
def test_old_texts_become_what_caffes_tools_make_of_them(old, suffix, tmp_path):
    wanted = message_of(old.with_suffix(".upgraded.prototxt"))
    target = tmp_path / f"{old.stem}{suffix}"
    convert(Conversion(old, target))
    assert message_of(target) == wanted
    # and back: the new form is read as what it is
    convert(Conversion(target, tmp_path / f"{old.stem}_again.prototxt"))
    assert message_of(tmp_path / f"{old.stem}_again.prototxt") == wanted


@pytest.mark.parametrize("old", ["v0", "v1"])
def test_old_weights_become_what_caffes_tool_makes_of_them(old, tmp_path):
    convert(Conversion(FORMATS / f"{old}.caffemodel", tmp_path / "new.caffemodel"))
    wanted = NetParameter.FromString((FORMATS / f"{old}.upgraded.caffemodel").read_bytes())
    assert NetParameter.FromString((tmp_path / "new.caffemodel").read_bytes()) == wanted


def test_weights_through_every_form(tmp_path):
    source = FORMATS / "model.caffemodel"
    for suffix in (".caffemodel.h5", ".safetensors", ".pt", ".pth", ".caffemodel"):
        target = tmp_path / f"copy{suffix}"
        convert(Conversion(source, target))
        source = target
    found = read_weights(source)
    expected = np.load(FORMATS / "expected_models.npz")
    count = 0
    for name, blobs in found.blobs.items():
        for index, blob in enumerate(blobs):
            np.testing.assert_array_equal(blob, expected[f"model/{name}:{index}"])
            count += 1
    assert count == sum(key.startswith("model/") for key in expected)


def test_the_net_in_weights_as_text_without_them(tmp_path):
    convert(Conversion(FORMATS / "model.caffemodel", tmp_path / "net.yaml"))
    found = message_of(tmp_path / "net.yaml")
    whole = NetParameter.FromString((FORMATS / "model.caffemodel").read_bytes())
    assert any(layer.blobs for layer in whole.layer)
    for layer in whole.layer:
        del layer.blobs[:]
    assert found == upgrade_net(whole)


def test_a_mean_there_and_back_byte_for_byte(tmp_path):
    convert(Conversion(FORMATS / "mean.binaryproto", tmp_path / "mean.npy"))
    expected = np.load(FORMATS / "expected.npz")["mean"]
    np.testing.assert_array_equal(np.load(tmp_path / "mean.npy"), expected.reshape(3, 18, 22))
    convert(Conversion(tmp_path / "mean.npy", tmp_path / "mean.binaryproto"))
    written = (tmp_path / "mean.binaryproto").read_bytes()
    assert written == (FORMATS / "mean.binaryproto").read_bytes()


def test_a_net_to_onnx(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net, weights = FORMATS / "features_net.prototxt", FORMATS / "model.caffemodel"
    convert(Conversion(net, tmp_path / "net.onnx", weights))
    assert (tmp_path / "net.onnx").stat().st_size > 1000


@pytest.mark.parametrize("suffix", [".onnx", ".pt2"])
def test_weights_alone_to_what_runs(suffix, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    told: list[str] = []
    target = tmp_path / f"net{suffix}"
    source = FORMATS / "model.caffemodel"
    convert(Conversion(source, target, shapes={"data": (1, 3, 8, 8)}, tell=told.append))
    assert target.exists()
    (line,) = told
    assert line.partition(": ")[2].startswith("prob (2 x 3): differs by ")


def refused(conversion):
    with pytest.raises(CatdogError) as caught:
        convert(conversion)
    assert "\n" not in str(caught.value)
    assert not conversion.target.exists()
    return str(caught.value)


def test_forms_between_which_there_is_no_way(tmp_path):
    told = refused(Conversion(FORMATS / "mean.binaryproto", tmp_path / "mean.yaml"))
    assert told.endswith("mean.binaryproto: cannot become mean.yaml; it can become .npy")
    told = refused(Conversion(FORMATS / "list.txt", tmp_path / "list.zip"))
    assert "it can become .yaml" in told
    told = refused(Conversion(tmp_path / "x.zip", tmp_path / "x.yaml"))
    assert all(suffix in told for suffix in FORMS)


def test_weights_are_for_onnx_alone(tmp_path):
    conversion = Conversion(
        FORMATS / "features_net.prototxt", tmp_path / "net.yaml", FORMATS / "v1.caffemodel"
    )
    assert "are for ONNX and .pt2" in refused(conversion)
    form = Conversion(conversion.source, conversion.target, file_form=FileForm(Form(20)))
    assert "--opset, --dynamic and --int8 are for ONNX" in refused(form)
    source = FORMATS / "v1.caffemodel"
    twice = Conversion(source, tmp_path / "net.onnx", FORMATS / "v1.caffemodel")
    assert "--weights is for the text of a net" in refused(twice)
    for form, flag in ((FileForm(Form(20)), "--opset"), (FileForm(photos=["x"]), "--int8")):
        told = refused(Conversion(source, tmp_path / "net.pt2", file_form=form))
        assert f"{flag} is for ONNX" in told


@pytest.mark.parametrize(
    ("name", "content", "target", "error"),
    [
        ("a.prototxt", b"layer { nam: 'x' }", "b.yaml", SpecError),
        ("a.pb", b"\xff\xff", "b.yaml", CatdogError),
        ("a.caffemodel", b"\xff\xff", "b.h5", WeightsError),
        ("a.caffemodel", b"\xff\xff", "b.yaml", CatdogError),
        ("a.npy", b"no array", "b.binaryproto", DataError),
        ("a.binaryproto", b"\xff\xff", "b.npy", DataError),
    ],
)
def test_damaged_files(tmp_path, name, content, target, error):
    (tmp_path / name).write_bytes(content)
    conversion = Conversion(tmp_path / name, tmp_path / target)
    assert name in refused(conversion)
    with pytest.raises(error):
        convert(conversion)


@pytest.mark.parametrize("name", ["a.yaml", "a.pb", "a.caffemodel", "a.npy", "a.binaryproto"])
def test_files_that_are_not_there(tmp_path, name):
    target = {"a.npy": "b.binaryproto", "a.binaryproto": "b.npy"}.get(name, "b.yaml")
    assert name in refused(Conversion(tmp_path / name, tmp_path / target))


def test_an_array_of_objects_is_not_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object))
    assert "is no array of numbers" in refused(
        Conversion(tmp_path / "a.npy", tmp_path / "b.binaryproto")
    )


def test_weights_become_their_new_self_in_their_own_place(tmp_path):
    path = tmp_path / "v1.caffemodel"
    path.write_bytes((FORMATS / "v1.caffemodel").read_bytes())
    convert(Conversion(path, tmp_path / "new.caffemodel"))
    convert(Conversion(path, path))
    assert path.read_bytes() == (tmp_path / "new.caffemodel").read_bytes()


@pytest.mark.parametrize("fold", [False, True])
def test_a_text_is_not_written_over_itself(fold, tmp_path):
    path, link = tmp_path / "net.prototxt", tmp_path / "link.txt"
    path.write_text('# worth keeping\nname: "n"\n')
    link.symlink_to(path)
    for target in (path, link):
        with pytest.raises(CatdogError, match="over itself, without its comments; name another"):
            convert(Conversion(path, target, fold=fold))
    assert path.read_text().startswith("# worth keeping")


def test_an_ending_alone_is_no_name(tmp_path):
    told = refused(Conversion(FORMATS / "features_net.prototxt", tmp_path / ".onnx"))
    assert told.endswith(".onnx: is an ending without a name; name it, such as net.onnx")


def test_batch_normalisation_is_folded_in_a_net_and_in_its_weights(tmp_path):
    model, weights = tmp_path / "net.prototxt", tmp_path / "weights.pt"
    model.write_text(
        'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: [1, 3, 4, 4] } } }\n'
        'layer { name: "c" type: "Convolution" bottom: "d" top: "c"\n'
        "  convolution_param { num_output: 2 kernel_size: 1 bias_term: false } }\n"
        'layer { name: "n" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param { eps: 0 } }\n'
    )
    ones, factor = np.ones(2, np.float32), np.array([2], np.float32)
    kernels = np.full((2, 3, 1, 1), 4, np.float32)
    write_weights(weights, Weights({"c": [kernels], "n": [6 * ones, 8 * ones, factor]}))
    folded = tmp_path / "folded.caffemodel"
    with pytest.raises(WeightsError, match=r"weights\.pt: does not tell its layers"):
        convert(Conversion(weights, folded, fold=True))
    convert(Conversion(weights, folded, fold=True, model=model))
    (weight, bias), *others = read_weights(folded).blobs.values()
    assert not others
    np.testing.assert_array_equal(weight, kernels / 2)
    np.testing.assert_array_equal(bias, -3 * ones / 2)
    convert(Conversion(model, tmp_path / "folded.yaml", fold=True))
    assert [x.type for x in message_of(tmp_path / "folded.yaml").layer] == ["Input", "Convolution"]


def test_folding_is_for_nets_and_weights(tmp_path):
    mean = FORMATS / "mean.binaryproto"
    with pytest.raises(CatdogError, match="--fold-batch-norm is for text of a net and for weights"):
        convert(Conversion(mean, tmp_path / "mean.npy", fold=True))
    with pytest.raises(CatdogError, match="--model is for --fold-batch-norm"):
        convert(Conversion(mean, tmp_path / "mean.npy", model=mean))


def test_fields_that_caffe_lacks_are_told_where_caffe_would_read_them(tmp_path):
    loss = "{name: l, type: SoftmaxWithLoss, bottom: [a, b], top: l, loss_param: {%s}}"
    ours, theirs = tmp_path / "ours.yaml", tmp_path / "theirs.yaml"
    ours.write_text(f"layer: [{loss % 'class_weight: [1, 2], label_smoothing: 0.1'}]")
    theirs.write_text(f"layer: [{loss % 'ignore_label: 1'}]")
    told: list[str] = []
    for source in (ours, theirs):
        for suffix in (".yaml", ".prototxt"):
            convert(Conversion(source, tmp_path / f"new{suffix}", tell=told.append))
    (line,) = told
    assert line.startswith("Caffe itself does not have, and refuses: ")
    assert set(line.partition(": ")[2].split(", ")) == {"class_weight", "label_smoothing"}


def test_boxes_of_drawn_weights_are_no_example(tmp_path):
    model = Path(__file__).parents[1] / "goldens_forks/composites/ssd_deploy.prototxt"
    told = refused(Conversion(model, tmp_path / "ssd.onnx"))
    assert told.endswith("its weights are drawn: give trained ones with --weights")
