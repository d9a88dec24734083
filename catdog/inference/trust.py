"""What a net is asked about its own answers: sets of classes, and photos that it refuses."""

from dataclasses import dataclass, replace

from catdog.engines.table import TORCH
from catdog.errors import CatdogError
from catdog.inference.conformal import carried_least
from catdog.inference.foreign import ForeignScore, rejection
from catdog.inference.heads import ClassSets, Head
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import ConfidenceParameter


@dataclass(frozen=True)
class Trust:
    """What is asked, as of `Predictor`: `coverage`, `reject`, and with which views and engine."""

    coverage: float
    reject: float
    views: str
    engine: str

    def of(
        self, head: Head, carried: ConfidenceParameter, net: Net
    ) -> tuple[Head, ForeignScore | None]:
        """A head that tells what is asked, by what weights carry, and the score that refuses.

        Raises CatdogError where they do not carry it, and for a head that it is not for.
        """
        for share, flag in ((self.coverage, "--coverage"), (self.reject, "--reject")):
            if share:
                _check(share, head, flag)
        if self.coverage:
            least = carried_least(carried, self.coverage, self.views)
            head = replace(head, sets=ClassSets(self.coverage, least))
        if not self.reject:
            return head, None
        if self.engine != TORCH:
            what = "--reject is computed by torch"
            raise CatdogError(what, where="--engine", remedy="leave one of the two out")
        score, limit = rejection(carried, self.reject, net, self.views)
        return replace(head, reject=limit), score


def _check(share: float, head: Head, flag: str) -> None:
    if not 0 < share < 1:
        raise CatdogError(f"{share:g} is no share between 0 and 1", where=flag)
    if head.several or head.scores:
        kind = "several labels" if head.several else "scores"
        what = f"the net gives {kind}, and this is for classes with probabilities"
        raise CatdogError(what, where=flag, remedy="leave it out")
