"""How SSD scores detections: the mean over classes of the average precision (SSD's solver.cpp)."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from catdog.errors import Fault, SpecError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import SolverParameter

Floats = NDArray[np.float32]

#: What eval_type says where tests score detections.
DETECTION = "detection"
_EVAL_TYPES = ("classification", DETECTION)
#: Numbers of a row of DetectionEvaluate.
_COLUMNS = 5


def average_precision(scores: Floats, right: Floats, truths: int, version: str) -> float:
    """The average precision of the detections of a class; 0 without any, or without true boxes.

    `right` is 1 where a detection is right, else 0. By ap_version: 11point (VOC 2007) is the mean
    over recalls of 0, 0.1 ... 1 of the best precision at that recall or more, Integral the sum of
    precision times rise of the recall. MaxIntegral takes in its place the best precision from the
    detection before on, as the fork does; VOC 2012 takes it from the detection itself on.
    """
    if not len(scores) or not truths:
        return 0.0
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    precision = (hits / np.arange(1, len(hits) + 1)).astype(np.float32)
    # the fork's recalls are float32, which decides whether 0.7 is reached
    recall = (hits / truths).astype(np.float32)
    if version == "11point":
        best = [precision[recall >= level / 10].max(initial=0) for level in range(11)]
        return float(np.mean(best))
    if version == "MaxIntegral":
        best_from = np.maximum.accumulate(precision[::-1])[::-1]
        precision = np.concatenate((best_from[:1], best_from[:-1]))
    return float(np.sum(precision * np.diff(recall, prepend=np.float32(0))))


#: The values of ap_version.
VERSIONS = ("11point", "MaxIntegral", "Integral")


@dataclass
class DetectionScores:
    """The rows of DetectionEvaluate over a test: true boxes of each class, and its detections."""

    truths: Counter[int] = field(default_factory=Counter)
    found: defaultdict[int, list[Floats]] = field(default_factory=lambda: defaultdict(list))

    def add(self, blob: Tensor) -> None:
        """Take the rows of a batch, ... x 5: image, class, score, right, wrong."""
        rows = blob.detach().float().reshape(-1, _COLUMNS).cpu().numpy()
        totals = rows[:, 0] == -1
        for _, label, number, *_ in rows[totals]:
            self.truths[int(label)] += int(number)
        # neither right nor wrong is what hits a difficult box
        judged = rows[~totals & (rows[:, 3:].sum(1) > 0)]
        for label in np.unique(judged[:, 1]):
            self.found[int(label)].append(judged[judged[:, 1] == label, 2:4])

    def merge(self, other: "DetectionScores") -> None:
        """Take what another process has."""
        self.truths.update(other.truths)
        for label, rows in other.found.items():
            self.found[label] += rows

    def classes(self, version: str) -> dict[int, float]:
        """The average precision of each class, one without detections 0."""
        none = [np.empty((0, 2), np.float32)]
        joined = {
            label: np.concatenate(self.found.get(label) or none) for label in sorted(self.truths)
        }
        return {
            label: average_precision(rows[:, 0], rows[:, 1], self.truths[label], version)
            for label, rows in joined.items()
        }

    def mean(self, version: str) -> float:
        """The mean over all classes, those without a true box among them, as SSD takes it."""
        values = self.classes(version).values()
        return sum(values) / len(values) if values else 0.0


def scores_detections(param: SolverParameter) -> bool:
    """Whether the tests of a solver score detections."""
    return param.eval_type == DETECTION


def ap_version_of(param: SolverParameter) -> str:
    """How the tests of a solver score detections; empty where they do not."""
    return param.ap_version if scores_detections(param) else ""


def is_judged(shape: Sequence[int]) -> bool:
    """Whether a blob of this shape has the rows of DetectionEvaluate."""
    return len(shape) > 1 and shape[-1] == _COLUMNS


def check_judged(param: SolverParameter, tests: Sequence[Net]) -> None:
    """Raise SpecError where detections are to be scored and a test net does not judge them."""
    for net in tests if scores_detections(param) else ():
        if not any(is_judged(net.shapes[name]) for name in net.outputs):
            what = f'eval_type "{DETECTION}" needs a test net that ends in DetectionEvaluate'
            raise SpecError(
                [Fault(what, "add the layer, or leave eval_type out", field="eval_type")]
            )


def faults(solver: SolverParameter) -> Iterator[Fault]:
    """Fields of this module that cannot work."""
    if solver.eval_type not in _EVAL_TYPES:
        what = f'unknown eval_type "{solver.eval_type}"'
        yield Fault(what, f"one of {', '.join(_EVAL_TYPES)}", field="eval_type")
    if solver.ap_version not in VERSIONS:
        what = f'unknown ap_version "{solver.ap_version}"'
        yield Fault(what, f"one of {', '.join(VERSIONS)}", field="ap_version")
    if solver.show_per_class_result and not scores_detections(solver):
        what = f'show_per_class_result says nothing without eval_type: "{DETECTION}"'
        yield Fault(what, "leave it out", field="show_per_class_result")
