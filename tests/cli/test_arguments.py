import pytest
import torch

from catdog.cli.arguments import Parser, device_of, state_of
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import TEST, TRAIN


@pytest.fixture
def parser():
    parser = Parser("about")
    parser.add_model()
    parser.add_weights()
    parser.add_state(phase="TRAIN")
    parser.add_device()
    parser.add_shape()
    return parser


def test_flags_with_one_dash_as_caffe_takes_them(parser):
    words = ["-model", "net.prototxt", "-weights=a.caffemodel,b.caffemodel", "-phase", "test"]
    args = parser.parse(words)
    assert args.model == "net.prototxt"
    assert args.weights == ["a.caffemodel", "b.caffemodel"]
    assert state_of(args).phase == TEST


def test_weights_without_a_value_are_those_of_the_solver():
    parser = Parser("about")
    parser.add_weights(of_solver=True)
    assert parser.parse([]).weights == []
    assert parser.parse(["--weights"]).weights is None
    assert parser.parse(["--weights", "vgg16,x.h5"]).weights == ["vgg16", "x.h5"]


def test_a_state_of_phase_level_and_stages(parser):
    state = state_of(parser.parse(["--model", "x", "--level", "2", "--stage", "a,b"]))
    assert (state.phase, state.level, list(state.stage)) == (TRAIN, 2, ["a", "b"])


def test_shapes_by_name(parser):
    args = parser.parse(["--model", "x", "--shape", "data=1,3,8,9", "--shape", "label=1"])
    assert dict(args.shape) == {"data": (1, 3, 8, 9), "label": (1,)}


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--model", "x", "--shape", "data"],
        ["--model", "x", "--shape", "data=1,0"],
        ["--model", "x", "--shape", "=1"],
        ["--model", "x", "--shape", "data=a"],
        ["--model", "x", "--phase", "later"],
        ["--model", "x", "--gpu", "0", "--device", "cpu"],
        ["--model", "x", "-unknown"],
    ],
)
def test_wrong_arguments_are_errors_of_one_line(parser, words):
    with pytest.raises(CatdogError) as caught:
        parser.parse(words)
    assert "--help" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_device_is_a_gpu_where_there_is_one(parser, monkeypatch):
    args = parser.parse(["--model", "x"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of(args).type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of(args).type == "cpu"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gpu", "7"], "--gpu cuda:7: this machine has 2 GPUs; 0 to 1"),
        (["--gpu", "x"], '--gpu: no device "cuda:x"; cpu, cuda or cuda:1'),
        (["--device", "tpu"], '--device: no device "tpu"; cpu, cuda or cuda:1'),
        (["--device", "cuda:2"], "--device cuda:2: this machine has 2 GPUs; 0 to 1"),
    ],
)
def test_a_device_that_is_not_there(parser, monkeypatch, words, said):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(CatdogError) as caught:
        device_of(parser.parse(["--model", "x", *words]))
    assert str(caught.value) == said


@pytest.mark.parametrize("text", ["", ",", "a,", "a,,b"])
def test_names_are_not_empty(parser, text):
    with pytest.raises(CatdogError, match=f'argument --stage: "{text}" has an empty name'):
        parser.parse(["--model", "x", "--stage", text])


def test_a_device_that_is_there(parser, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    args = parser.parse(["--model", "x", "--gpu", "1"])
    assert device_of(args) == torch.device("cuda", 1)
    assert device_of(parser.parse(["--model", "x", "--device", "cpu"])) == torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--cpu"], "there is no --cpu; --device cpu does that"),
        (["--resume"], "there is no --resume"),
    ],
)
def test_flags_of_other_programs_are_answered_where_ours_does_the_same(flags, words):
    parser = Parser("")
    parser.add_device()
    with pytest.raises(CatdogError) as caught:
        parser.parse(flags)
    assert words in str(caught.value) or "--resume" in str(caught.value)
    assert "--snapshot" not in str(caught.value)
    parser.add_argument("--snapshot")
    with pytest.raises(CatdogError, match="there is no --resume; --snapshot auto does that"):
        parser.parse(["--resume"])


def test_a_word_in_place_of_a_required_flag_is_told_with_the_flag():
    parser = Parser("")
    parser.add_argument("--solver", required=True)
    with pytest.raises(CatdogError) as caught:
        parser.parse(["solvers/quick.yaml"])
    assert str(caught.value) == "--solver is missing; write --solver solvers/quick.yaml"
