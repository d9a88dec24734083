"""Average precision against sums written out in float64, and a test of a net that detects."""

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import SpecError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, NetParameter, SolverParameter
from catdog.solver.average_precision import (
    VERSIONS,
    DetectionScores,
    average_precision,
    check_judged,
    faults,
)
from catdog.solver.test_pass import Means


def plain(scores: list[float], right: list[int], truths: int, version: str) -> float:
    """The same by loops over the detections, best first."""
    pairs = sorted(zip(scores, right, strict=True), key=lambda pair: -pair[0])
    points, hits = [], 0
    for count, (_, good) in enumerate(pairs, 1):
        hits += good
        points.append((hits / truths, hits / count))
    if version == "11point":
        levels = [level / 10 for level in range(11)]
        return sum(max((p for r, p in points if r >= at), default=0) for at in levels) / 11
    total, before = 0.0, 0.0
    for index, (recall, precision) in enumerate(points):
        if version == "MaxIntegral":
            precision = max(p for _, p in points[max(0, index - 1) :])
        total += (recall - before) * precision
        before = recall
    return total


cases = st.lists(
    st.tuples(st.integers(0, 10**6), st.booleans()), max_size=40, unique_by=lambda c: c[0]
)


# numbers of true boxes whose tenths no recall meets but for rounding
@given(cases, st.sampled_from([3, 7, 9, 11, 13, 16, 32]), st.sampled_from(VERSIONS))
def test_the_average_precision_of_drawn_detections(
    drawn: list[tuple[int, bool]], truths: int, version: str
) -> None:
    left, right = truths, []
    for _, good in sorted(drawn, reverse=True):
        right.append(int(good and left > 0))
        left -= right[-1]
    scores = sorted((score / 10**6 for score, _ in drawn), reverse=True)
    found = average_precision(
        np.array(scores, np.float32), np.array(right, np.float32), truths, version
    )
    want = plain(scores, right, truths, version) if scores else 0.0
    assert found == pytest.approx(want, abs=1e-5)


@pytest.mark.parametrize(
    ("version", "value"),
    [
        # precisions 1, 1/2, 2/3 at recalls 1/4, 1/4, 1/2
        ("Integral", 1 / 4 + 1 / 6),
        ("MaxIntegral", 1 / 4 + 2 / 3 / 4),
        ("11point", (3 * 1 + 3 * 2 / 3) / 11),
    ],
)
def test_three_detections_by_hand(version: str, value: float) -> None:
    scores, right = np.array([0.9, 0.8, 0.7], np.float32), np.array([1, 0, 1], np.float32)
    assert average_precision(scores, right, 4, version) == pytest.approx(value)
    assert average_precision(scores[::-1], right, 4, version) == pytest.approx(value)
    assert average_precision(scores, right, 0, version) == 0
    assert average_precision(scores[:0], right[:0], 4, version) == 0


TOTALS = [[-1, 1, 2, -1, -1], [-1, 2, 1, -1, -1], [-1, 3, 0, -1, -1]]
ROWS = [
    [*TOTALS, [0, 1, 0.9, 1, 0], [0, 1, 0.2, 0, 1], [1, 2, 0.4, 0, 0]],
    [[-1, 1, 2, -1, -1], [-1, 2, 0, -1, -1], [-1, 3, 0, -1, -1], [0, 1, 0.5, 1, 0]],
]


def test_rows_of_several_batches_count_together() -> None:
    scores = DetectionScores()
    for rows in ROWS:
        scores.add(torch.tensor(rows).view(1, 1, -1, 5))
    # two of four found, then a wrong one; what hits a difficult box counts for nothing
    assert scores.classes("Integral") == {1: pytest.approx(0.5), 2: 0, 3: 0}
    assert scores.mean("Integral") == pytest.approx(0.5 / 3)
    first, second = DetectionScores(), DetectionScores()
    first.add(torch.tensor(ROWS[0]))
    second.add(torch.tensor(ROWS[1]))
    first.merge(second)
    assert first.classes("11point") == scores.classes("11point")
    assert DetectionScores().mean("Integral") == 0


def test_means_hold_the_score_of_all_batches() -> None:
    means = Means("Integral")
    for rows in ROWS:
        blobs = {
            "eval": torch.tensor(rows).view(1, 1, -1, 5),
            "loss": torch.tensor(len(rows) * 1.0),
        }
        means.add(blobs, torch.tensor(0.0), 1)
    assert means.blobs()["eval"].item() == pytest.approx(0.5 / 3)
    assert means.blobs()["loss"].item() == 5
    assert list(means.classes()) == ["class1: 0.5", "class2: 0", "class3: 0"]


def test_fields_that_cannot_work() -> None:
    def told(**fields: object) -> list[str]:
        return [str(fault) for fault in faults(SolverParameter(**fields))]

    assert told(eval_type="detection", ap_version="11point", show_per_class_result=True) == []
    assert told(eval_type="x") == ['unknown eval_type "x"; one of classification, detection']
    assert told(ap_version="y") == ['unknown ap_version "y"; one of 11point, MaxIntegral, Integral']
    assert told(show_per_class_result=True)[0].startswith("show_per_class_result says nothing")


def test_a_test_net_has_to_judge_its_detections() -> None:
    text = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 3 dim: 4 } } }'
    message = text_format.Parse(text, NetParameter())
    message.state.phase = TEST
    with pytest.raises(SpecError, match="ends in DetectionEvaluate"):
        check_judged(SolverParameter(eval_type="detection"), [Net(message)])
    check_judged(SolverParameter(), [Net(message)])
