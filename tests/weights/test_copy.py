from dataclasses import replace

import numpy as np
import pytest
import torch

from catdog.errors import WeightsError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.weights import CopyState, Weights, compare, copy_weights, read_weights, weights_of
from catdog.weights.copy import fits
from tests.weights.nets import FORMATS, PLAIN, SHARED, assert_same, flat, net, text

EXPECTED = np.load(FORMATS / "expected_models.npz")


def test_parameters_of_one_net_into_another():
    source, target = net(seed=1), net(seed=2)
    rows = copy_weights(target, weights_of(source), strict=True)
    assert_same(weights_of(target), weights_of(source))
    assert [(row.layer, row.state) for row in rows] == [
        ("block/a", CopyState.COPIED),
        ("b", CopyState.COPIED),
    ]
    assert rows[0].shapes == ((4, 3), (4,))


def test_the_table_says_what_is_copied_fresh_and_unused():
    blobs = {"b": weights_of(net()).blobs["b"], "fc": [np.zeros((2, 2), np.float32)]}
    target = net(seed=2)
    before = flat(weights_of(target))["block/a:0"].copy()
    rows = copy_weights(target, Weights(blobs))
    assert {row.layer: row.state for row in rows} == {
        "block/a": CopyState.FRESH,
        "b": CopyState.COPIED,
        "fc": CopyState.UNUSED,
    }
    assert rows[-1].shapes == ((2, 2),)
    np.testing.assert_array_equal(flat(weights_of(target))["block/a:0"], before)


def test_old_files_fit_in_the_shapes_that_caffe_gives_them():
    target = net("""
        layer { name: "data" type: "Input" top: "data"
          input_param { shape { dim: 2 dim: 3 dim: 6 dim: 6 } } }
        layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
          convolution_param { num_output: 2 kernel_size: 3 } }
        layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
        layer { name: "fc1" type: "InnerProduct" bottom: "conv1" top: "fc1"
          inner_product_param { num_output: 4 } }
        layer { name: "prob" type: "Softmax" bottom: "fc1" top: "prob" }
    """)
    copy_weights(target, read_weights(FORMATS / "v1.caffemodel"), strict=True)
    for name, array in flat(weights_of(target)).items():
        np.testing.assert_array_equal(array, EXPECTED[f"v1.loaded/{name}"])
    data = torch.from_numpy(EXPECTED["v1.forward/in:data"])
    wanted = EXPECTED["v1.forward/out:prob"]
    found = target({"data": data}).blobs["prob"].detach().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6 * wanted.max())


@pytest.mark.parametrize(
    ("given", "wanted", "same"),
    [
        ((4, 3), (4, 3), True),
        ((1, 1, 4, 3), (4, 3), True),
        ((1, 1, 1, 1), (), True),
        ((3, 4), (4, 3), False),
        ((1, 4, 3), (4, 3), False),
        ((4, 3), (1, 1, 4, 3), False),
        ((4, 3, 1, 1), (4, 3), False),
        ((1, 1, 1, 1, 3), (3,), False),
        # BN of yjxiong/caffe in PSPNet's
        ((1, 3), (1, 3, 1, 1), True),
        ((2, 3), (2, 3, 1, 1), False),
        ((3,), (1, 3, 1, 1), False),
    ],
)
def test_shapes_fit_as_in_caffe(given, wanted, same):
    assert fits(np.zeros(given, np.float32), wanted) is same


def changed(**shapes: tuple[int, ...]) -> Weights:
    """Weights of the plain net with blobs of other shapes: `b0=(...)` for blob 0 of layer b."""
    blobs = weights_of(net(seed=1)).blobs
    for name, shape in shapes.items():
        blobs[{"a": "block/a", "b": "b"}[name[0]]][int(name[1])] = np.ones(shape, np.float32)
    return Weights(blobs, source="w.caffemodel")


def test_a_shape_that_does_not_fit_changes_nothing():
    target = net(seed=2)
    before = {name: array.copy() for name, array in flat(weights_of(target)).items()}
    with pytest.raises(WeightsError) as error:
        copy_weights(target, changed(b0=(1000, 4)))
    assert str(error.value) == (
        'w.caffemodel: layer "b": blob 0 is [2, 4] in the net, [1000, 4] in the file; '
        "rename the layer to learn it from scratch"
    )
    for name, array in flat(weights_of(target)).items():
        np.testing.assert_array_equal(array, before[name])


def test_all_that_does_not_fit_is_said_at_once():
    rows = compare(net(), changed(a1=(5,), b1=(1,)))
    assert [row.state for row in rows] == [CopyState.MISMATCHED, CopyState.MISMATCHED]
    with pytest.raises(WeightsError, match=r'"block/a": blob 1 .*"b": blob 1'):
        copy_weights(net(), changed(a1=(5,), b1=(1,)))


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_blobs(count):
    weights = changed()
    weights.blobs["b"] = (weights.blobs["b"] * 2)[:count]
    with pytest.raises(WeightsError, match=f'"b": the net has 2 blobs, the file {count}'):
        copy_weights(net(), weights)


def test_weights_of_another_net_are_refused():
    other = Weights({"conv1": [np.zeros(1, np.float32)]}, source="x.h5")
    with pytest.raises(WeightsError, match=r"x.h5: has none.*block/a, b, the file conv1"):
        copy_weights(net(), other)


def caffenet(classes: int) -> str:
    """A thin net with CaffeNet's layers, which is known by its first one."""
    names = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    text, bottom = (
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }',
        "x",
    )
    for name in names:
        outputs = {"conv1": 96, "fc8": classes}.get(name, 2)
        text += (
            f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" '
            f"inner_product_param {{ num_output: {outputs} }} }}"
        )
        bottom = name
    return text


def test_weights_of_another_known_net_are_named_with_the_solver_that_takes_them():
    weights = replace(weights_of(net(caffenet(1000))), source="bvlc.caffemodel")
    with pytest.raises(WeightsError) as error:
        copy_weights(net(), weights)
    assert str(error.value) == (
        "bvlc.caffemodel: holds the weights of caffenet, which is another net; "
        "solvers/s2.yaml starts from them"
    )
    # of the same net a layer may have another size
    with pytest.raises(WeightsError) as error:
        copy_weights(net(caffenet(2)), weights)
    assert str(error.value) == (
        'bvlc.caffemodel: layer "fc8": blob 0 is [2, 2] in the net, [1000, 2] in the file; '
        "rename the layer to learn it from scratch, as solvers/s2.yaml does"
    )


def test_weights_of_an_unknown_net_say_its_name():
    other = Weights({"conv1": [np.zeros(1, np.float32)]}, NetParameter(name="GoogleNet"), "x.h5")
    with pytest.raises(
        WeightsError, match="has none of the net's layers, but those of the net \"Goo"
    ):
        copy_weights(net(), other)


def test_strict_wants_every_layer():
    some = Weights({"b": weights_of(net()).blobs["b"]}, source="x.h5")
    with pytest.raises(WeightsError, match=r"x\.h5: has no weights for block/a"):
        copy_weights(net(), some, strict=True)


def test_a_net_without_parameters_takes_any_file():
    empty = net('layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 } } }')
    (row,) = copy_weights(empty, Weights({"a": [np.zeros(1, np.float32)]}))
    assert row.state is CopyState.UNUSED


def test_sharing_stays_and_the_last_of_different_values_counts():
    target, blobs = net(SHARED, seed=2), weights_of(net(SHARED, seed=1)).blobs
    blobs["third"] = [np.full((3, 3), 7, np.float32), np.zeros(3, np.float32)]
    copy_weights(target, Weights(blobs))
    assert len(target.learnable) == 3
    for layer in ("left", "right", "third"):
        assert (target.node(layer).layer.blobs[0] == 7).all()


def test_layers_that_share_all_with_a_fresh_layer_are_fresh():
    blobs = {"other": [np.zeros(1, np.float32)]}
    states = {row.layer: row.state for row in compare(net(SHARED), Weights(blobs))}
    assert states["third"] is CopyState.FRESH


def test_the_statistics_of_batch_norm_are_copied():
    content = PLAIN + 'layer { name: "bn" type: "BatchNorm" bottom: "b" top: "bn" }'
    source, target = net(content, seed=1), net(content, seed=2)
    with torch.no_grad():
        for i, value in enumerate((3, 4, 5)):
            source.node("bn").layer.blobs.parameter(i).fill_(value)
    copy_weights(target, weights_of(source), strict=True)
    assert [blob.flatten()[0].item() for blob in target.node("bn").layer.blobs] == [3, 4, 5]


def test_a_net_of_shapes_alone_is_filled_first():
    shapes = Net(text(PLAIN), fill=False)
    with pytest.raises(ValueError, match="fill"):
        copy_weights(shapes, weights_of(net()))
