"""What the layer classes say of themselves, held against what the layers do.

The recorded cases of Caffe stand for all that a layer can be; where a question has no answer in
them, the layer is built here.
"""

import inspect
import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from catdog.data.sources import SOURCES
from catdog.layers import LAYERS
from catdog.layers.base import ONE, Family, Layer
from catdog.layers.loss import Loss
from catdog.layers.overwritten import Rereading
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.data_layers import DATA_LAYERS
from tests.layers import harness
from tests.layers.single import build, run

CASES = harness.entries()
IDS = [f"{entry['type']}-{entry['case']}" for entry in CASES]
#: What a recorded case cannot hold: code of the user's, a file to write, no top at all.
UNRECORDED = {"Python", "HDF5Output", "Silence"}
FIELDS = LayerParameter.DESCRIPTOR.fields_by_name
#: Messages of which only `engine` is accepted, which changes no number.
WITHOUT_NUMBERS = {"sigmoid_param", "tanh_param", "softmax_param"}

every_case = pytest.mark.parametrize("entry", CASES, ids=IDS)
every_type = pytest.mark.parametrize("kind", LAYERS.values(), ids=list(LAYERS))


@pytest.fixture(autouse=True)
def beside_the_infogain_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(harness.GOLDENS / "InfogainLoss")


def run_again(layer: Layer, bottoms: list[torch.Tensor]) -> list[torch.Tensor]:
    tops = layer(*bottoms)
    return list(tops) if isinstance(tops, tuple) else [tops]


def test_every_type_has_cases():
    assert {entry["type"] for entry in CASES} == LAYERS.keys() - UNRECORDED


@every_type
def test_messages_are_those_that_its_code_reads(kind):
    family = [each for each in kind.__mro__ if issubclass(each, Layer) and each is not Layer]
    code = "".join(inspect.getsource(each) for each in family)
    read = set(re.findall(r"\bparam\.(\w+_param)\b", code))
    if issubclass(kind, Loss) and not kind.takes_loss_param:
        read.discard("loss_param")  # looked at to refuse it
    assert read <= set(kind.messages)
    assert set(kind.messages) - read <= WITHOUT_NUMBERS


@pytest.mark.parametrize("kind", [*LAYERS.values(), *SOURCES.values()])
def test_the_first_message_is_that_of_the_type(kind):
    assert all(message in FIELDS for message in kind.messages)
    own = [name for name in FIELDS if name.replace("_", "") == f"{kind.__name__}Param".lower()]
    assert list(kind.messages[:1]) == own or not own


def test_every_data_layer_has_a_source():
    assert SOURCES.keys() == DATA_LAYERS
    assert all(isinstance(kind.caption(LayerParameter()), str) for kind in SOURCES.values())


@every_type
def test_every_type_can_be_drawn(kind):
    assert isinstance(kind.caption(LayerParameter()), str)
    assert kind.family is not Family.OTHER or kind.__name__ == "Python"


@every_case
def test_examples_are_alone_where_the_layer_says_so(entry):
    case = harness.load(entry)
    found = harness.forward(case)
    if not found.layer.per_example() or found.layer.is_random():
        return
    bottoms = [bottom.detach() for bottom in found.bottoms]
    count = len(bottoms[0])
    # the last example all over, and the first at the end: what leans on others or on a place shows
    rows = torch.tensor([count - 1] * (count - 1) + [0])
    # of bottom 1 of Crop only the shape counts
    taken = [bottom[rows] if len(bottom) == count else bottom for bottom in bottoms]
    again = run_again(found.layer, taken)
    for before, after in zip(found.tops, again, strict=True):
        torch.testing.assert_close(after, before[rows], equal_nan=True)


def test_many_types_treat_examples_alone():
    """So that the test above is not empty."""
    alone = {e["type"] for e in CASES if harness.forward(harness.load(e)).layer.per_example()}
    assert LAYERS.keys() - alone == {
        *UNRECORDED,
        *("Parameter", "Filter", "BatchReindex", "Accuracy"),
        *("ROIPooling", "PSROIPooling", "BoxAnnotatorOHEM", "Proposal"),
        *("YoloDetectionOutput", "Yolov3DetectionOutput"),
        *("PriorBox", "PriorBoxClustered", "DetectionOutput", "DetectionEvaluate"),
        *("RNN", "LSTM", "LSTMUnit", "SegAccuracy"),
        *(name for name, kind in LAYERS.items() if kind.is_loss),
    }


@every_case
def test_zeros_stay_zeros_where_the_layer_says_so(entry):
    case = harness.load(entry)
    found = harness.forward(case)
    layer = found.layer
    # what has learnt statistics, and windows without a number
    other = getattr(layer, "uses_global_stats", False) or entry["case"].endswith("empty_window")
    if not (layer.keeps_zeros or layer.stops_at_zero()) or other:
        return
    zeros = [torch.zeros_like(bottom).requires_grad_() for bottom in found.bottoms]
    tops = run_again(layer, [bottom.clone() for bottom in zeros])
    assert not layer.keeps_zeros or not any(top.any() for top in tops)
    if layer.stops_at_zero():
        sum(top.sum() for top in tops).backward()
        assert not any(bottom.grad.any() for bottom in zeros)


@every_case
def test_random_numbers_are_drawn_where_the_layer_says_so(entry):
    case = harness.load(entry)
    layer = harness.forward(case).layer
    generator = layer.setting.randomness.on("cpu")
    before = generator.get_state()
    layer(*(case.tensor(f"in:{name}") for name in case.param.bottom))
    assert torch.equal(before, generator.get_state()) is not layer.is_random()


@every_case
def test_blobs_change_where_the_layer_says_so(entry):
    case = harness.load(entry)
    layer = harness.forward(case).layer
    before = [case.tensor(key) for key in case.numbered("param")]
    same = [torch.equal(a, b) for a, b in zip(before, layer.blobs, strict=True)]
    assert all(same) is not layer.updates_blobs()
    assert all(layer.keeps(index) for index, stays in enumerate(same) if not stays)


@every_case
def test_gradients_reach_what_the_layer_says(entry):
    case = harness.load(entry)
    found = harness.forward(case)
    if not found.layer.passes_gradient():
        return
    wanted = [b for i, b in enumerate(found.bottoms) if i not in found.layer.no_gradient]
    learning = [i for i in range(len(found.layer.blobs)) if not found.layer.keeps(i)]
    wanted += [found.layer.blobs.parameter(i) for i in learning]
    for top in found.tops if wanted else []:
        gradients = torch.autograd.grad(top.sum(), wanted, retain_graph=True, allow_unused=True)
        assert None not in gradients


@every_case
def test_multiply_adds_are_those_that_torch_counts(entry):
    case = harness.load(entry)
    with FlopCounterMode(display=False) as counter:
        found = harness.forward(case)
    shapes = (
        [tuple(each.shape) for each in each_side] for each_side in (found.bottoms, found.tops)
    )
    # torch counts a multiply-add as two
    assert 2 * found.layer.multiply_adds(*shapes) == counter.get_total_flops()


@every_type
def test_statistics_pass_through_what_has_one_bottom_and_no_parameters(kind):
    cases = [harness.load(entry) for entry in CASES if LAYERS[entry["type"]] is kind]
    has_blobs = any(case.numbered("param") for case in cases)
    assert kind.passes_statistics is (kind.bottoms == ONE and not has_blobs)


@every_case
def test_signs_stay_where_the_layer_says_so(entry):
    found = harness.forward(harness.load(entry))
    if found.layer.keeps_signs():
        (x,), (y,) = found.bottoms, found.tops
        assert ((y.sign() == x.sign()) | (y == 0)).all()


@every_case
def test_slopes_are_those_of_autograd(entry):
    found = harness.forward(harness.load(entry))
    if isinstance(found.layer, Rereading):
        (x,), (y,) = found.bottoms, found.tops
        (expected,) = torch.autograd.grad(y.sum(), x)
        with torch.no_grad():
            slope = found.layer.slope(x, y, found.layer.kept(x)).expand_as(x)
        torch.testing.assert_close(slope, expected)


@every_case
def test_channels_scale_with_the_blobs_of_what_a_norm_folds_into(entry):
    case = harness.load(entry)
    found = harness.forward(case)
    if not found.layer.folds_norm(case.param):
        return
    factors = torch.arange(2.0, 2 + found.tops[0].shape[1])
    with torch.no_grad():
        for blob in found.layer.blobs:
            blob.mul_(factors.view(-1, *[1] * (blob.dim() - 1)))
        (again, *_) = run_again(found.layer, found.bottoms)
    wide = factors.view(-1, *[1] * (again.dim() - 2))
    torch.testing.assert_close(again, found.tops[0] * wide, rtol=1e-5, atol=1e-5)


LABELS = torch.tensor([0.0, 2, 1, 2])
SURE = torch.nn.functional.one_hot(LABELS.long(), 3).float()
SCORING = [name for name, kind in LAYERS.items() if kind.scores_classes]


def score(name, scores, **how):
    """The first top for these scores and the labels; an infogain matrix is the identity."""
    matrix = [torch.eye(3)] if name == "InfogainLoss" else []
    found = run(f'type: "{name}"', scores, LABELS, *matrix, **how)
    return (found[0] if isinstance(found, tuple) else found).item()


@pytest.mark.parametrize("name", SCORING)
def test_right_scores_are_better_than_wrong_ones(name):
    right, wrong = score(name, SURE), score(name, SURE.roll(1, 1))
    assert (right > wrong) is LAYERS[name].higher_is_better
    assert right != wrong


@every_type
def test_a_loss_is_better_when_it_is_lower(kind):
    assert kind.higher_is_better is (False if kind.is_loss else kind.higher_is_better)


@pytest.mark.parametrize("name", SCORING)
def test_the_loss_of_equal_scores(name):
    bottoms = [(4, 3), (4,), (3, 3)][: 3 if name == "InfogainLoss" else 2]
    layer = build(f'type: "{name}"', *bottoms)
    even = layer.even_label((4, 3))
    chance = None if even is None else layer.guessing_loss(even)
    equal = torch.full((4, 3), 1 / 3)
    assert chance is None or chance == pytest.approx(score(name, equal))
    known = "SoftmaxWithLoss", "SoftmaxWithLossOHEM", "MultinomialLogisticLoss"
    assert (chance is None) is (name not in known)


@pytest.mark.parametrize("name", SCORING)
def test_the_largest_loss(name):
    largest = LAYERS[name].largest_loss
    assert largest is None or largest == pytest.approx(score(name, SURE * -1e4))
    assert (largest is None) is (not name.startswith("SoftmaxWithLoss"))


@every_type
def test_the_probabilities_of_a_loss(kind):
    param = LayerParameter(type=kind.__name__)
    made = kind.probability_layer(param)
    if made is None:
        return
    assert kind.is_loss and made.type in LAYERS
    scores = torch.tensor([[0.5, -1, 2], [1, 0, 0], [0, 3, -2], [0.1, 0.2, 0.3]])
    probabilities = run(f'type: "{made.type}"', scores)
    if kind.scores_classes:
        expected = -probabilities.gather(1, LABELS.long().unsqueeze(1)).log().sum() / 4
        assert score(kind.__name__, scores) == pytest.approx(expected.item())
    else:
        likely = torch.where(SURE > 0, probabilities, 1 - probabilities)
        given = run(f'type: "{kind.__name__}"', scores, SURE)
        torch.testing.assert_close(given, -likely.log().sum() / 4)
