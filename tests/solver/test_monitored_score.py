"""Which scores tests have, and how their best is found."""

import math

import pytest
from google.protobuf import text_format

from catdog.errors import SpecError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, NetParameter, ScoreState, SolverParameter
from catdog.solver.direction import Direction
from catdog.solver.events import NetTested, Output
from catdog.solver.monitored_score import (
    BestScore,
    MonitoredScore,
    declared_scores,
    default_score,
    find,
    score_of_run,
    scores,
)
from tests.runs import NET, small

PER_CLASS = NET.replace('top: "accuracy"', 'top: "accuracy" top: "each"')
LOSS_ALONE = "\n".join(line for line in NET.splitlines() if "accuracy" not in line)
NONE = SolverParameter()
TOP1 = NET.replace('top: "accuracy"', 'top: "top1"')
UP = MonitoredScore("accuracy", 0, Direction.HIGHER)
DOWN = MonitoredScore("loss", 1, Direction.LOWER)


def nets(*texts: str) -> list[Net]:
    return [small(TEST, text=text) for text in texts]


def outcome(iteration: int, value: float, name: str = "accuracy", net: int = 0) -> NetTested:
    return NetTested(iteration, net, (Output("other", 5.0), Output(name, value)))


def test_scores_are_accuracies_and_losses_of_one_number() -> None:
    found = [(str(s), s.direction) for s in scores(NONE, nets(PER_CLASS, NET))]
    assert found == [
        ("accuracy", Direction.HIGHER),
        ("loss", Direction.LOWER),
        ("accuracy (net #1)", Direction.HIGHER),
        ("loss (net #1)", Direction.LOWER),
    ]


def test_a_name_means_the_first_net_that_has_it() -> None:
    tests = nets(NET, TOP1)
    assert find(NONE, "loss", tests, "x").net == 0
    assert find(NONE, "top1", tests, "x").net == 1


def test_another_output_of_one_number_is_no_score() -> None:
    total = 'layer { name: "sum" type: "Reduction" bottom: "data" top: "sum" }'
    silence = 'layer { name: "quiet" type: "Silence" bottom: "data" }'
    assert [str(score) for score in scores(NONE, nets(NET + total + silence))] == [
        "accuracy",
        "loss",
    ]
    with pytest.raises(SpecError, match=r"; its test nets have no accuracy and no loss of one"):
        find(NONE, "sum", [], "watched_score")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("acuracy", 'snapshot_best "acuracy" is no score of a test net; did you mean "accuracy"?'),
        ("each", "its scores are accuracy, loss"),
        ("zzz", "its scores are accuracy, loss"),
    ],
)
def test_another_name_is_refused(name: str, words: str) -> None:
    with pytest.raises(SpecError) as error:
        find(NONE, name, nets(PER_CLASS), "snapshot_best")
    assert words in str(error.value)
    assert error.value.faults[0].field == "snapshot_best"


def test_rows_of_detections_are_a_score_where_the_solver_makes_them_one_number() -> None:
    text = """
    layer { name: "in" type: "Input" top: "found" top: "true"
      input_param { shape { dim: [1, 1, 4, 7] } shape { dim: [1, 1, 3, 8] } } }
    layer { name: "judge" type: "DetectionEvaluate" bottom: "found" bottom: "true" top: "map"
      detection_evaluate_param { num_classes: 3 } }"""
    solver = SolverParameter(eval_type="detection")
    judged = [Net(text_format.Parse(text, NetParameter()), phase="TEST")]
    assert list(scores(solver, judged)) == [MonitoredScore("map", 0, Direction.HIGHER)]
    assert find(solver, "map", judged, "snapshot_best").name == "map"
    assert list(scores(NONE, judged)) == []
    assert str(score_of_run(solver, [judged[0].message])) == "map"
    assert score_of_run(NONE, [judged[0].message]) is None


def test_what_is_looked_at_where_nothing_is_named() -> None:
    assert str(default_score(scores(NONE, nets(NET)))) == "accuracy"
    assert str(default_score(scores(NONE, nets(LOSS_ALONE)))) == "loss"
    assert str(default_score(scores(NONE, nets(LOSS_ALONE, NET)))) == "accuracy (net #1)"
    assert default_score([]) is None


@pytest.mark.parametrize("text", [PER_CLASS, NET, LOSS_ALONE, TOP1])
def test_what_layers_declare_is_what_nets_have(text: str) -> None:
    tests = nets(text, NET)
    assert list(declared_scores(NONE, [test.message for test in tests])) == list(
        scores(NONE, tests)
    )


@pytest.mark.parametrize(
    ("texts", "fields", "score"),
    [
        ([TOP1], {}, "top1"),
        ([LOSS_ALONE, TOP1], {}, "top1 (net #1)"),
        ([LOSS_ALONE], {}, "loss"),
        ([TOP1], {"watched_score": "loss", "snapshot_best": "top1"}, "loss"),
        ([TOP1, NET], {"snapshot_best": "accuracy"}, "accuracy (net #1)"),
        ([], {}, "None"),
    ],
)
def test_what_a_run_is_compared_by(texts: list[str], fields: dict[str, str], score: str) -> None:
    messages = [test.message for test in nets(*texts)]
    assert str(score_of_run(SolverParameter(**fields), messages)) == score


def course(score: MonitoredScore, values: list[float], **fields: float) -> BestScore:
    progress = BestScore(score, **fields)
    for iteration, value in enumerate(values):
        progress.take(outcome(iteration, value, score.name, score.net))
    return progress


@pytest.mark.parametrize(
    ("score", "values", "delta", "best", "at", "waited"),
    [
        (UP, [0.5, 0.7, 0.7, 0.6], 0.0, 0.7, 1, 2),
        (DOWN, [0.5, 0.4, 0.45, 0.4], 0.0, 0.4, 1, 2),
        (UP, [0.5, 0.54, 0.58, 0.62], 0.05, 0.58, 2, 1),
        (DOWN, [0.5, 0.48, 0.46, 0.44], 0.05, 0.44, 3, 0),
        (DOWN, [0.5, 0.48, 0.46], 0.05, 0.5, 0, 2),
        (UP, [math.nan, 0.1, math.nan], 0.0, 0.1, 1, 1),
        (DOWN, [math.nan, 5.0, math.inf], 0.0, 5.0, 1, 1),
        (DOWN, [math.inf, math.nan, 5.0], 0.0, 5.0, 2, 0),
    ],
)
def test_the_best_and_how_long_ago(
    score: MonitoredScore, values: list[float], delta: float, best: float, at: int, waited: int
) -> None:
    state = course(score, values, min_delta=delta).state
    assert (state.best, state.iteration, state.waited) == (best, at, waited)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("score", [UP, DOWN])
def test_what_is_no_number_is_never_the_best(score: MonitoredScore, value: float) -> None:
    progress = BestScore(score)
    assert not progress.take(outcome(1, value, score.name, score.net))
    assert not progress.state.HasField("best") and progress.state.waited == 1
    assert progress.take(outcome(2, 0.1, score.name, score.net))
    assert (progress.state.best, progress.state.waited) == (0.1, 0)
    assert not progress.take(outcome(3, value, score.name, score.net))


def test_a_test_counts_once_and_other_nets_do_not() -> None:
    progress = course(UP, [0.5, 0.4])
    assert progress.state.waited == 1
    assert not progress.take(outcome(1, 0.9))
    assert progress.state.waited == 1
    assert not progress.take(outcome(2, 0.9, net=1))
    assert progress.state.best == 0.5
    assert not progress.take(outcome(2, 0.9, name="top5"))
    assert progress.take(outcome(2, 0.9))
    assert not progress.take(outcome(3, 0.8))


def test_a_snapshot_of_another_score_says_nothing() -> None:
    progress = BestScore(UP)
    progress.load(ScoreState(name="loss", best=0.1, waited=7))
    assert not progress.state.HasField("best") and progress.state.name == "accuracy"
    progress.load(ScoreState(name="accuracy", best=0.1, waited=7))
    assert (progress.state.best, progress.state.waited) == (0.1, 7)
