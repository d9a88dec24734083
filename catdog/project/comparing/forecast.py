"""How long a net will take with so many photos: by its speed, and by what it took with fewer."""

from collections.abc import Iterable
from dataclasses import dataclass

from catdog.project.choice import plan_of
from catdog.project.comparing.contenders import Contender
from catdog.project.comparing.subsets import PhotoParts
from catdog.project.measured import MeasuredNet
from catdog.project.request import Request

#: Seconds that starting the tools takes.
_START = 3.0
#: Decoding and storing a photo, of the time that decoding it took.
_STORED = 1.3
#: An iteration, of what its passes through the net took.
_ITERATION = 1.2
#: Seconds of an iteration of the last layer alone, on features.
_LAST_LAYER = 0.004
#: Tests of a training.
_TESTS = 20


@dataclass(frozen=True)
class Forecast:
    """Foretells the seconds of a net, for data and training.

    Args:
        contender: the net.
        parts: the photos.
        decoded: photos a second that this machine reads.
    """

    contender: Contender
    parts: PhotoParts
    decoded: float

    def seconds(self, count: int, rows: Iterable[MeasuredNet]) -> float:
        """With so many photos, if the training does not end early.

        What the net took with fewer photos, in `rows`, says by which factor the speeds that were
        measured are off.
        """
        factors = [
            row.seconds / self._by_speed(row.photos, row.iterations)
            for row in rows
            if row.net == self.contender.net and row.photos < count
            if row.seconds is not None and row.iterations is not None
        ]
        return max(factors, default=1.0) * self._by_speed(count, self._planned(count))

    def _planned(self, count: int) -> int:
        part, advice = self.parts.part(count), self.contender.advice
        return plan_of(part, part.count, advice, advice.epochs, Request("")).iterations

    def _by_speed(self, count: int, iterations: int) -> float:
        rates, held_out = self.contender.rates, len(self.parts.held_out)
        stored = count + held_out
        seconds = _START + _STORED * stored / self.decoded
        if self.contender.advice.pretrained:
            return seconds + stored / rates.forward + _LAST_LAYER * iterations
        batch = min(self.contender.advice.batch, count)
        seconds += _ITERATION * iterations * batch / rates.training
        return seconds + _TESTS * held_out / rates.forward
