import pytest

from catdog.errors import CatdogError
from catdog.training.sweep import parse_axis


@pytest.mark.parametrize(
    ("text", "low", "high", "log", "whole"),
    [
        ("base_lr=1e-4..1e-1:log", 1e-4, 1e-1, True, False),
        ("momentum=0.5..0.9", 0.5, 0.9, False, False),
        ("max_iter=100..200", 100, 200, False, True),
        ("momentum=0..1", 0, 1, False, False),
        ("net.fc.1.inner_product_param.num_output=4..64:log", 4, 64, True, True),
        ("net.drop.dropout_param.dropout_ratio=0..1", 0, 1, False, False),
    ],
)
def test_ranges(text, low, high, log, whole):
    axis = parse_axis(text)
    assert (axis.low, axis.high, axis.log, axis.whole) == (low, high, log, whole)
    assert not axis.choices


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("momentum=0.9,0.95", ("0.9", "0.95")),
        ("type=SGD, Adam,Nesterov", ("SGD", "Adam", "Nesterov")),
        ("stepvalue=[100,200],[300]", ("[100,200]", "[300]")),
        (
            "net.fc.param=[{lr_mult: 1, decay_mult: 2}],[{lr_mult: 3}]",
            ("[{lr_mult: 1, decay_mult: 2}]", "[{lr_mult: 3}]"),
        ),
        ("stages=a,b+c", ("a", "b+c")),
        ("stages=,b", ("", "b")),
        ("net=../a.yaml,../b.yaml", ("../a.yaml", "../b.yaml")),
    ],
)
def test_choices(text, choices):
    assert parse_axis(text).choices == choices


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base_lr", "is no FIELD=VALUES; write FIELD=LOW..HIGH"),
        ("base_lr=", "is no FIELD=VALUES"),
        ("base_lr=0.1", "leaves nothing to choose; to set a field for all trials: --set"),
        ("base_lr=0.1,0.1,0.2", "has a value twice"),
        ("base_lr=0.1,,0.2", "has a value twice, or an empty one"),
        ("base_lr=0.1..", "is no range"),
        ("base_lr=a..b", "takes two numbers"),
        ("base_lr=0.2..0.1", "0.2 is not below 0.1"),
        ("base_lr=0..0.1:log", "begins above 0"),
        ("base_lr=0.01..0.1:lin", 'no scale "lin"'),
        ("max_iter=1.5..3", "takes whole numbers"),
    ],
)
def test_what_is_no_axis(text, words):
    with pytest.raises(CatdogError, match=words):
        parse_axis(text)


def test_what_a_command_line_says():
    assert parse_axis("base_lr=1e-4..1:log").assignments("0.5") == ["base_lr=0.5"]
    stages = parse_axis("stages=,b+c")
    assert stages.assignments("b+c", 2) == [
        "train_state.stage=[b, c]",
        "test_state=[{stage: [b, c]}, {stage: [b, c]}]",
    ]
    assert stages.assignments("") == []


def test_ends_and_words():
    assert parse_axis("base_lr=1e-4..0.12345678").ends == ("0.0001", "0.123457")
    assert parse_axis("max_iter=1..20").word(7.0) == "7"
    assert parse_axis("type=SGD,Adam").ends == ("SGD", "Adam")
