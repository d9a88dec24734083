"""`readNetFromCaffe` and `readNet`: files and buffers, in OpenCV's ways to call them."""

import cv2
import numpy as np
import pytest

from catdog import opencv


def buffers(files, kind):
    content = [path.read_bytes() for path in files]
    return [np.frombuffer(each, np.uint8) if kind == "array" else each for each in content]


@pytest.fixture
def wanted(files, photo):
    return answer(opencv.readNetFromCaffe(*map(str, files)), photo)


def answer(net, photo):
    net.setInput(photo)
    return net.forward()


def test_paths_and_buffers_give_one_net(files, photo, wanted):
    text, weights = files
    for net in (
        opencv.readNetFromCaffe(prototxt=str(text), caffeModel=str(weights)),
        opencv.readNetFromCaffe(*files),
        opencv.readNetFromCaffe(*buffers(files, "bytes")),
        opencv.readNetFromCaffe(*map(bytearray, buffers(files, "bytes"))),
        opencv.readNetFromCaffe(*buffers(files, "array")),
        opencv.readNetFromCaffe(bufferProto=text.read_bytes(), bufferModel=weights.read_bytes()),
    ):
        np.testing.assert_array_equal(answer(net, photo), wanted)


def test_read_net_takes_files_in_any_order_and_buffers(files, photo, wanted):
    text, weights = map(str, files)
    proto, model = buffers(files, "array")
    for net in (
        opencv.readNet(text, weights),
        opencv.readNet(weights, text),
        opencv.readNet(weights, text, "Caffe"),
        opencv.readNet(model=weights, config=text, framework="caffe"),
        opencv.readNet("caffe", model, proto),
        opencv.readNet("caffe", bufferModel=model.tobytes(), bufferConfig=proto.tobytes()),
    ):
        np.testing.assert_array_equal(answer(net, photo), wanted)


def test_a_net_of_another_framework_is_cv2s(tmp_path):
    with pytest.raises(cv2.error) as raised:
        opencv.readNet(str(tmp_path / "missing.onnx"))
    assert not isinstance(raised.value, opencv.NetError)


def test_weights_may_come_from_the_program(files, photo, wanted):
    whole, net = opencv.readNetFromCaffe(*files), opencv.readNetFromCaffe(files[0])
    net.setInput(photo)
    with pytest.raises(opencv.NetError, match="no weights for conv1, bn1, sc1, fc"):
        net.forward()
    assert net.getLayer("conv1").blobs == ()
    for name in net.getLayerNames():
        blobs = whole.getLayer(name).blobs
        if blobs:
            net.getLayer(name).blobs = blobs
    np.testing.assert_allclose(net.forward(), wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (lambda *_: opencv.readNetFromCaffe("no.prototxt"), "no.prototxt: no such file"),
        (lambda text, _: opencv.readNetFromCaffe(text, "no.caffemodel"), "no such file"),
        (lambda *_: opencv.readNetFromCaffe(), "no net"),
        (lambda *_: opencv.readNetFromCaffe(b"layer {"), "buffer.prototxt:1"),
        (lambda *_: opencv.readNetFromCaffe(b"\xff\xfe\x00"), "is not text"),
        (lambda *_: opencv.readNetFromCaffe(np.zeros(3)), "not of float64"),
        (
            lambda text, _: opencv.readNetFromCaffe(text, b"nothing"),
            "^the buffer of the weights: is",
        ),
        (lambda _, model: opencv.readNet(model), "the text of the net is missing"),
        (
            lambda *_: opencv.readNetFromCaffe(b'layer { name: "a" type: "Foo" top: "a" }'),
            'buffer.prototxt:1:.*unknown layer type "Foo"',
        ),
    ],
)
def test_a_mistake_is_a_line(files, wrong, what):
    with pytest.raises(opencv.NetError, match=what):
        wrong(*map(str, files))
