"""OpenCV's Net: names, numbers, inputs, outputs. What is expected is what OpenCV 4.14 gives."""

import cv2
import numpy as np
import pytest

from catdog import opencv
from catdog.errors import CatdogError

NAMES = ("conv1", "bn1", "sc1", "relu1", "pool1", "drop1", "fc", "fc2", "prob")


def read(text):
    return opencv.readNetFromCaffe(text.encode())


def convolved(x, weights, bias):
    """A 3 x 3 convolution with a border of zeros, in float64."""
    padded = np.pad(np.float64(x), [(0, 0), (0, 0), (1, 1), (1, 1)])
    views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    return np.einsum("nchwij,ocij->nohw", views, weights) + bias.reshape(1, -1, 1, 1)


def test_layers_have_opencvs_names_and_numbers(net):
    assert net.getLayerNames() == NAMES
    assert [net.getLayerId(name) for name in ("conv1", "prob", "fcout", "data")] == [1, 9, -1, -1]
    assert net.getLayerId("_input") == 0
    assert net.getUnconnectedOutLayersNames() == ("fc2", "prob")
    numbers = net.getUnconnectedOutLayers()
    assert numbers.tolist() == [8, 9]
    assert numbers.dtype == np.int32
    assert net.getLayersCount("InnerProduct") == 2
    assert net.getLayersCount("LRN") == 0
    assert net.getLayerTypes() == (
        *("BatchNorm", "Convolution", "Dropout", "InnerProduct", "Pooling", "ReLU", "Scale"),
        *("Softmax", "__NetInputLayer__"),
    )


def test_a_layer_has_a_name_a_type_and_blobs(net):
    shapes = {
        number: [blob.shape for blob in net.getLayer(number).blobs] for number in range(1, 10)
    }
    assert shapes == {
        1: [(4, 3, 3, 3), (4, 1)],
        2: [(4, 1), (4, 1), (1, 1)],
        3: [(4, 1), (4, 1)],
        7: [(5, 256), (1, 5)],
        8: [(3, 256), (1, 3)],
        **{number: [] for number in (4, 5, 6, 9)},
    }
    assert (net.getLayer("fc").name, net.getLayer(np.int64(7)).type) == ("fc", "InnerProduct")
    first = net.getLayer(0)
    assert (first.name, first.type, first.blobs) == ("_input", "", ())
    assert first.outputNameToIndex("im_info") == -1


def test_outputs_of_layers_in_place_are_their_own(net, photo):
    net.setInput(photo)
    conv, norm, scaled, positive = net.forward(["conv1", "bn1", "sc1", "relu1"])
    weights, bias = net.getLayer("conv1").blobs
    np.testing.assert_allclose(conv, convolved(photo, weights, bias), rtol=1e-4, atol=1e-5)
    mean, variance, _ = (blob.reshape(1, -1, 1, 1) for blob in net.getLayer("bn1").blobs)
    np.testing.assert_allclose(norm, (conv - mean) / np.sqrt(variance + 1e-5), rtol=1e-4, atol=1e-5)
    slope, offset = (blob.reshape(1, -1, 1, 1) for blob in net.getLayer("sc1").blobs)
    np.testing.assert_allclose(scaled, slope * norm + offset, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(positive, np.maximum(scaled, 0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(net.forward("relu1"), positive, rtol=1e-5, atol=1e-6)


def test_forward_gives_one_array_or_a_tuple(net, photo):
    net.setInput(photo)
    prob = net.forward()
    assert prob.shape == (1, 5)
    assert prob.dtype == np.float32
    assert np.isclose(prob.sum(), 1)
    for same in (net.forward(""), net.forward("prob"), net.forward(outputName="prob")):
        np.testing.assert_allclose(same, prob, rtol=1e-5)
    for several in (net.forward([]), net.forward(["prob"]), net.forward(("prob",))):
        assert isinstance(several, tuple)
        np.testing.assert_allclose(several[0], prob, rtol=1e-5)
    first, second = net.forward(outBlobNames=["prob", "fc2"])
    assert (first.shape, second.shape) == ((1, 5), (1, 3))
    assert [[a.shape for a in each] for each in net.forwardAndRetrieve(["fc2", "prob"])] == [
        [(1, 3)],
        [(1, 5)],
    ]
    assert isinstance(net.forward("prob", np.zeros((1, 5))), tuple)
    assert isinstance(net.forward(None, "prob"), tuple)


def test_what_forward_gave_stays_and_what_was_set_may_change(net, photo):
    given = photo.copy()
    net.setInput(given)
    given[:] = 0
    before = net.forward()
    kept = before.copy()
    net.setInput(photo * 2)
    net.forward()
    np.testing.assert_array_equal(before, kept)
    net.setInput(photo)
    np.testing.assert_allclose(net.forward(), kept, rtol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float64, np.float16])
def test_any_numbers_may_be_set_and_are_scaled(net, kind):
    blob = np.random.default_rng(5).integers(0, 255, (1, 3, 16, 16)).astype(kind)
    mean = np.float32([10, 20, 30]).reshape(1, 3, 1, 1)
    net.setInput((blob.astype(np.float32) - mean) * np.float32(0.5))
    wanted = net.forward("fc2")
    net.setInput(blob, "data", 0.5, (10, 20, 30))
    np.testing.assert_allclose(net.forward("fc2"), wanted, rtol=1e-5)
    net.setInput(blob, scalefactor=0.5, mean=(10, 20, 30, 0))
    np.testing.assert_allclose(net.forward("fc2"), wanted, rtol=1e-5)


def test_a_scalar_is_the_mean_of_the_first_channel():
    net = read(
        'input: "x" input_shape { dim: 1 dim: 2 }'
        'layer { name: "p" type: "Power" bottom: "x" top: "p" }'
    )
    net.setInput(np.ones((1, 2)), "", 2.0, 1)
    assert net.forward().tolist() == [[0, 2]]
    net.setInput(np.ones(5))
    assert net.forward().shape == (5, 1)
    with pytest.raises(opencv.NetError, match="5 channels"):
        net.setInput(np.ones((1, 5)), "", 1.0, (1, 2))


def test_the_net_takes_the_size_and_the_number_of_what_is_set(net, photo):
    larger = np.random.default_rng(6).normal(size=(2, 3, 20, 28)).astype(np.float32)
    net.setInput(larger)
    assert net.forward("pool1").shape == (2, 4, 10, 14)
    with pytest.raises(opencv.NetError, match=r'layer "fc": .*\[\(5, 560\), \(5,\)\]'):
        net.forward()
    net.setInput(np.concatenate([photo, photo * 2]))
    pair = net.forward("fc2")
    net.setInput(photo)
    np.testing.assert_allclose(pair[:1], net.forward("fc2"), rtol=1e-5)


def test_parameters_are_set_at_any_time(net, photo):
    net.setInput(photo)
    net.forward()
    weights, bias = np.zeros((4, 3, 3, 3)), np.arange(4).reshape(1, 4)
    net.getLayer(net.getLayerId("conv1")).blobs = [weights, bias]
    assert net.forward("conv1")[0, :, 0, 0].tolist() == [0, 1, 2, 3]
    net.setParam("conv1", 1, np.ones((4, 1)))
    assert net.getParam("conv1", 1).tolist() == [[1], [1], [1], [1]]
    assert np.all(net.forward("conv1") == 1)
    # without a bias it is 0
    net.getLayer("conv1").blobs = [weights]
    assert np.all(net.forward("conv1") == 0)
    one = net.getParam(1)
    one[:] = 7
    assert not net.getParam("conv1").any()


def test_several_inputs_come_by_name():
    net = read(
        'layer { name: "in" type: "Input" top: "a" top: "b" input_param {'
        " shape { dim: 1 dim: 2 } shape { dim: 1 dim: 2 } } }"
        'layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "s"'
        " eltwise_param { coeff: 1 coeff: -1 } }"
        'layer { name: "cut" type: "Slice" bottom: "s" top: "x" top: "y" }'
        'layer { name: "sum" type: "Sigmoid" bottom: "x" top: "x" }'
    )
    assert net.getLayerNames() == ("sum", "cut", "sum_1")
    net.setInput(np.float32([[3, 4]]), "a")
    with pytest.raises(opencv.NetError, match="no blob for input b"):
        net.forward()
    net.setInput(np.float32([[1, 1]]), "b")
    assert net.forward("sum").tolist() == [[2, 3]]
    net.setInputsNames(["left", "right"])
    net.setInput(np.float32([[1, 1]]), "left")
    assert net.forward("sum").tolist() == [[0, 0]]


def test_a_net_without_a_size_takes_any():
    net = read(
        'layer { name: "x" type: "Input" top: "x" }'
        'layer { name: "r" type: "ReLU" bottom: "x" top: "r" }'
    )
    net.setInput(np.float32([[-1, 2]]))
    assert net.forward().tolist() == [[0, 2]]
    net.setInput(np.float32([[1, -2, 3]]))
    assert net.forward().tolist() == [[1, 0, 3]]


def test_a_loss_without_labels_gives_its_probabilities():
    net = read(
        'input: "x" input_shape { dim: 1 dim: 2 }'
        'layer { name: "prob" type: "SoftmaxWithLoss" bottom: "x" top: "prob" }'
    )
    net.setInput(np.zeros((1, 2)))
    assert net.forward().tolist() == [[0.5, 0.5]]


NORM = """
layer {{ name: "data" type: "Input" top: "data"
  input_param {{ shape {{ dim: 1 dim: 2 dim: 2 dim: 2 }} }} }}
layer {{ name: "norm" type: "BatchNorm" bottom: "data" top: "norm" {} }}
layer {{ name: "drop" type: "Dropout" bottom: "norm" top: "drop" phase: TRAIN }}
"""


def test_a_phase_of_a_layers_own_does_not_count():
    net = read(NORM.format("phase: TRAIN"))
    net.getLayer("norm").blobs = [np.float32([2, 4]), np.float32([8, 18]), np.float32([2])]
    given = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2)
    net.setInput(given)
    mean, variance = (np.reshape(each, (2, 1, 1)) for each in ([1, 2], [4, 9]))
    np.testing.assert_allclose(net.forward(), (given - mean) / np.sqrt(variance + 1e-5), rtol=1e-5)


def test_statistics_of_the_batch_are_warned_of():
    with pytest.warns(UserWarning, match='"norm" .* depends on the others in its batch'):
        net = read(NORM.format("batch_norm_param { use_global_stats: false }"))
    net.getLayer("norm").blobs = [np.float32([2, 4]), np.float32([8, 18]), np.float32([2])]
    given = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2) ** 2
    net.setInput(given)
    axes = {"axis": (0, 2, 3), "keepdims": True}
    wanted = (given - given.mean(**axes)) / np.sqrt(given.var(**axes) + 1e-5)
    np.testing.assert_allclose(net.forward(), wanted, rtol=1e-5, atol=1e-6)


def test_shapes_memory_and_operations(net):
    ids, reads, makes = net.getLayersShapes((1, 3, 16, 16))
    assert ids.tolist() == list(range(10))
    assert [a.tolist() for a in reads[1]] == [[1, 3, 16, 16]]
    assert [a.tolist() for a in makes[7]] == [[1, 5]]
    assert net.getMemoryConsumption((1, 3, 16, 16)) == (8740, 21556)
    assert net.getMemoryConsumption(1, (1, 3, 16, 16)) == (448, 4096)
    assert net.getFLOPS(1, (1, 3, 16, 16)) == 56320
    assert net.getFLOPS([(1, 3, 16, 16)]) == 56320 + 5 * 513 + 3 * 513


def test_the_time_of_layers_is_told_in_ticks(net, photo):
    assert net.getPerfProfile()[0] == 0
    net.setInput(photo)
    began = cv2.getTickCount()
    net.forward()
    spent = cv2.getTickCount() - began
    total, each = net.getPerfProfile()
    assert each.shape == (9,)
    assert total == each.sum()
    assert 0 < total < spent


def test_what_is_not_chosen_here_is_answered(net, tmp_path):
    net.setPreferableBackend(opencv.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(opencv.DNN_TARGET_CPU)
    net.enableFusion(False)
    net.enableWinograd(True)
    net.setHalideScheduler("")
    net.dumpToFile(str(tmp_path / "net.dot"))
    assert (tmp_path / "net.dot").read_text() == net.dump()
    assert '"conv1" -> "bn1"' in net.dump()
    assert not net.empty()
    assert opencv.Net().empty()
    assert opencv.Net().getLayerNames() == ()


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (lambda net: net.forward("fcout"), 'that is a blob of layer "fc"'),
        (lambda net: net.forward("conv"), 'no layer is called "conv"; did you mean "conv1"'),
        (lambda net: net.getLayer(10), "no layer has id 10; ids are 1 to 9"),
        (lambda net: net.getLayer(None), "by name or number"),
        (lambda net: net.getParam("relu1"), 'layer "relu1": has 0 parameter blobs'),
        (lambda net: net.setParam("fc", 0, np.zeros(3)), r"blob 0 is \[5, 256\], not \[3\]"),
        (lambda net: setattr(net.getLayer("fc"), "blobs", []), "0 blobs for the 2"),
        (lambda net: setattr(net.getLayer(0), "blobs", []), "has no parameters"),
        (lambda net: net.setInput(np.zeros(3), "date"), 'no input is called "date"'),
        (lambda net: net.setInput("photo.jpg"), "an array of numbers"),
        (lambda net: net.setInput(np.zeros(3, complex)), "an array of numbers: not of complex128"),
        (lambda net: net.setInput([None]), "an array of numbers: not of object"),
        (lambda net: net.setInput(np.zeros((1, 3)), "", 1.0, "mean"), "an array of numbers"),
        (lambda net: net.forward(9), "names of layers, not 9"),
        (lambda net: net.getLayer(1.5), "by name or number, not by 1.5"),
        (lambda net: net.dumpToFile("/dev/null/net.dot"), "/dev/null"),
        (lambda _: read('layer { type: "Input" top: "x" }').forward(), "inputs alone"),
        (lambda net: net.setInput(None) or net.forward(), "no blob for input data"),
        (lambda net: net.getFLOPS([(1, 3), (1, 3)]), "2 shapes for the inputs data"),
        (lambda net: net.setInputsNames(["a", "b"]), "2 names for the inputs data"),
        (lambda net: net.setInputShape("data", (1, 3, 8, 8)), 'layer "fc"'),
        (lambda net: net.forwardAsync(), "no Net.forwardAsync"),
        (lambda net: net.quantize([], 0, 0), "catdog convert --int8"),
        (lambda net: net.getInputDetails(), "not quantised"),
        (lambda _: opencv.Net().forward(), "the net is empty"),
        (lambda _: opencv.Net().setInput(np.zeros(3)), "the net is empty"),
    ],
)
def test_a_mistake_is_one_line(net, photo, wrong, what):
    net.setInput(photo)
    with pytest.raises(cv2.error, match=what) as raised:
        wrong(net)
    assert isinstance(raised.value, CatdogError)
    assert "\n" not in str(raised.value)
