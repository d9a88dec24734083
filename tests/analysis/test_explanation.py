"""Heat maps are those of the formulas, worked out in NumPy for a net of one convolution."""

from itertools import product

import cv2
import numpy as np
import pytest

from catdog.analysis.explanation import (
    GRAD_CAM,
    OCCLUSION,
    Explainer,
    covers,
    layer_to_explain,
    occlusion,
)
from catdog.errors import CatdogError
from catdog.inference.predictor import Predictor
from tests.analysis.explained_net import CHANNELS, CONVOLUTION, HEAD, SIDE, SOFTMAX, write_net
from tests.data.sources.build import pictures

OUT = SIDE - 2
POOLED = """
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
"""


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    (picture,) = pictures(1, (SIDE, SIDE, 3))
    cv2.imwrite(str(path), picture)
    return path


def blobs_of(predictor, name):
    return [blob.numpy().astype(np.float64) for blob in predictor.net.layer_blobs()[name]]


def convolved(predictor, batch):
    """The convolution as a sum over its windows, N x channels x height x width."""
    weight, bias = blobs_of(predictor, "conv")
    made = np.zeros((len(batch), CHANNELS, OUT, OUT))
    for top, left in product(range(OUT), range(OUT)):
        window = batch[:, None, :, top : top + 3, left : left + 3]
        made[:, :, top, left] = (window * weight).sum((2, 3, 4)) + bias
    return made


def probabilities(predictor, batch):
    weight, bias = blobs_of(predictor, "prob_score")
    scores = np.maximum(convolved(predictor, batch), 0).reshape(len(batch), -1) @ weight.T + bias
    exponents = np.exp(scores - scores.max(1, keepdims=True))
    return exponents / exponents.sum(1, keepdims=True)


def prepared(photo):
    """The photo as numbers, by itself."""
    return cv2.imread(str(photo)).transpose(2, 0, 1)[None] * 0.01


@pytest.mark.parametrize("layer", ["", "relu", "conv"])
@pytest.mark.parametrize("name", ["cat", "dog", "fox"])
def test_grad_cam_is_its_formula(tmp_path, photo, layer, name):
    predictor = Predictor.load(write_net(tmp_path / "net.caffemodel"))
    explainer = Explainer(predictor, [GRAD_CAM], class_name=name, layer=layer)
    counts = []
    found = explainer.explain(photo, counts.append)
    assert counts == [explainer.views] == [1]
    weight = blobs_of(predictor, "prob_score")[0][["cat", "dog", "fox"].index(name)]
    gradient = weight.reshape(CHANNELS, OUT, OUT)
    made = convolved(predictor, prepared(photo))[0]
    if layer == "conv":
        gradient = gradient * (made > 0)
    else:
        made = np.maximum(made, 0)
    expected = np.maximum((gradient.mean((1, 2))[:, None, None] * made).sum(0), 0)
    np.testing.assert_allclose(found.maps[GRAD_CAM], expected, rtol=1e-4, atol=1e-6)


def test_what_a_layer_makes_is_its_own_top_and_not_what_is_written_over_it(tmp_path, photo):
    predictor = Predictor.load(write_net(tmp_path / "net.caffemodel"))
    made = convolved(predictor, prepared(photo))[0]
    for layer, expected in (("conv", made), ("relu", np.maximum(made, 0))):
        explainer = Explainer(predictor, [GRAD_CAM], layer=layer, with_activations=True)
        found = explainer.explain(photo)
        np.testing.assert_allclose(found.activations, expected, rtol=1e-4, atol=1e-5)


def test_occlusion_is_a_loop_over_squares(tmp_path, photo):
    predictor = Predictor.load(write_net(tmp_path / "net.caffemodel"))
    explainer = Explainer(predictor, [OCCLUSION], class_name="dog")
    counts = []
    found = explainer.explain(photo, counts.append)
    batch = prepared(photo)
    whole = probabilities(predictor, batch)[0, 1]
    expected = np.zeros((SIDE, SIDE))
    # an eighth of eight pixels is one
    for top, left in product(range(SIDE), range(SIDE)):
        covered = batch.copy()
        covered[..., top, left] = batch.mean((2, 3))
        expected[top, left] = whole - probabilities(predictor, covered)[0, 1]
    np.testing.assert_allclose(found.maps[OCCLUSION], expected, atol=1e-5)
    assert sum(counts) == explainer.views == SIDE * SIDE + 1


def test_overlapping_squares_are_averaged():
    import torch

    batch = torch.rand(1, 2, 35, 17, generator=torch.Generator().manual_seed(1))

    def score(views):
        return (views * torch.arange(17.0)).sum((1, 2, 3))[:, None]

    counts = []
    found = occlusion(score, batch, 0, counts.append)
    total, times = np.zeros((35, 17)), np.zeros((35, 17))
    # a square of 4 x 2, two rows and a column further each time; the last ones are cut off
    for top, left in product(range(0, 33, 2), range(16)):
        covered = batch.clone()
        place = (slice(top, top + 4), slice(left, left + 2))
        covered[:, :, *place] = batch.mean((2, 3))[..., None, None]
        total[place] += float(score(batch) - score(covered))
        times[place] += 1
    np.testing.assert_allclose(found, total / times, rtol=1e-3, atol=1e-3)
    assert sum(counts) == covers(batch.shape) == 1 + 17 * 16


@pytest.mark.parametrize("order", ["BGR", "RGB", "GRAY"])
def test_the_picture_is_what_the_net_gets(tmp_path, photo, order):
    predictor = Predictor.load(write_net(tmp_path / "net.caffemodel", order=order))
    picture, batch = predictor.prepared(photo)
    shown = cv2.imread(str(photo))
    if order == "GRAY":
        shown = cv2.cvtColor(cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    np.testing.assert_allclose(picture, shown, atol=order == "GRAY")
    planes = {"BGR": shown, "RGB": shown[..., ::-1], "GRAY": shown[..., :1]}[order]
    np.testing.assert_allclose(batch[0], 0.01 * planes.transpose(2, 0, 1), atol=0.011)


def test_the_net_runs_afterwards_as_before(tmp_path, photo):
    predictor = Predictor.load(write_net(tmp_path / "net.caffemodel"))
    before = [node.layer.in_place for node in predictor.net], predictor(photo).row
    Explainer(predictor, [GRAD_CAM]).explain(photo)
    assert not predictor.net.step_by_step
    assert [node.layer.in_place for node in predictor.net] == before[0]
    np.testing.assert_array_equal(predictor(photo).row, before[1])


def test_the_layer_is_the_last_one_with_space_that_is_no_pooling(tmp_path):
    layers = CONVOLUTION + POOLED + SOFTMAX.replace('bottom: "conv"', 'bottom: "pool"')
    net = Predictor.load(write_net(tmp_path / "net.caffemodel", layers)).net
    chosen = layer_to_explain(net, "prob")
    assert chosen
    assert chosen.name == "relu"
    named = layer_to_explain(net, "prob", "pool")
    assert named
    assert named.name == "pool"
    with pytest.raises(CatdogError, match=r'"prob_score" has no height and width; name one of'):
        layer_to_explain(net, "prob", "prob_score")
    with pytest.raises(CatdogError, match=r'"cnv" is no layer .* did you mean "conv"'):
        layer_to_explain(net, "prob", "cnv")


@pytest.mark.parametrize("sign", [-1, 1])
def test_of_one_sigmoid_each_class_has_its_own_map(tmp_path, photo, sign):
    head = HEAD % {"blob": "prob", "bottom": "conv", "count": 1, "kind": "Sigmoid"}
    path = tmp_path / "net.caffemodel"
    predictor = Predictor.load(write_net(path, CONVOLUTION + head, names=("cat", "dog")))
    name = "dog" if sign > 0 else "cat"
    found = Explainer(predictor, class_name=name).explain(photo)
    assert found.number == (sign > 0)
    weight = sign * blobs_of(predictor, "prob_score")[0].reshape(CHANNELS, OUT, OUT)
    made = np.maximum(convolved(predictor, prepared(photo))[0], 0)
    expected = np.maximum((weight.mean((1, 2))[:, None, None] * made).sum(0), 0)
    np.testing.assert_allclose(found.maps[GRAD_CAM], expected, rtol=1e-4, atol=1e-6)


def test_a_class_of_another_head_is_explained_by_that_head(tmp_path, photo):
    several = HEAD % {"blob": "tags", "bottom": "conv", "count": 2, "kind": "Sigmoid"}
    predictor = Predictor.load(
        write_net(tmp_path / "net.caffemodel", CONVOLUTION + SOFTMAX + several)
    )
    explainer = Explainer(predictor, class_name="1")
    found = explainer.explain(photo)
    assert (found.head.blob, found.number, len(found.row)) == ("tags", 1, 2)
    weight = blobs_of(predictor, "tags_score")[0][1].reshape(CHANNELS, OUT, OUT)
    made = np.maximum(convolved(predictor, prepared(photo))[0], 0)
    expected = np.maximum((weight.mean((1, 2))[:, None, None] * made).sum(0), 0)
    np.testing.assert_allclose(found.maps[GRAD_CAM], expected, rtol=1e-4, atol=1e-6)


def test_where_no_gradient_comes_to_the_layer_it_is_said(tmp_path, photo):
    cut = 'layer { name: "cut" type: "Threshold" bottom: "conv" top: "cut" }'
    head = HEAD % {"blob": "prob", "bottom": "cut", "count": 3, "kind": "Softmax"}
    predictor = Predictor.load(write_net(tmp_path / "net.caffemodel", CONVOLUTION + cut + head))
    explainer = Explainer(predictor, [GRAD_CAM], layer="conv")
    with pytest.raises(CatdogError, match='no gradient comes from prob to layer "conv"'):
        explainer.explain(photo)
