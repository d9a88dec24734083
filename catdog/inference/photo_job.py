"""Photos through a predictor, batch by batch, to all that takes predictions."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from catdog.data.images import Readable, Unreadable
from catdog.inference.heads import Head
from catdog.inference.multi_process import PhotoPredictor, predict_all
from catdog.inference.predictor import BATCH, Outcome
from catdog.inference.row_file import RowFile
from catdog.inference.submission import row_of
from catdog.inference.tally import Tally, nothing_read
from catdog.runtime.columns import Picked
from catdog.runtime.distributed.group import ALONE, Group

#: Photos by their ids, with what became of them.
Batch = Sequence[tuple[str, Outcome]]

_LATE = "could not be read when its row was due"


class Taker(Protocol):
    """What predictions go to, in the order of the photos."""

    def lacks(self, at: int) -> bool:
        """Whether it has not got the photo at this place, which has had its row before."""

    def take(self, at: int, batch: Batch) -> None:
        """Photos of which the first is at this place."""


@dataclass(frozen=True)
class PhotoJob:
    """Photos that are predicted, their ids, and by what: by this process, or by several."""

    predictor: PhotoPredictor
    files: Sequence[Readable]
    ids: Sequence[str]
    group: Group = ALONE

    @property
    def heads(self) -> Sequence[Head]:
        """What the net tells of a photo."""
        return self.predictor.heads

    def run(
        self,
        rows: RowFile,
        tally: Tally,
        takers: Sequence[Taker] = (),
        *,
        probability: bool = False,
        progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Predict what has no row yet; the process that leads writes the rows and feeds the others.

        `progress` hears of so many photos. Raises DataError where none could be read.
        """
        leads = self.group.leads
        at = before = self.group.gather(rows.done)[0]
        progress(before)
        if leads and before:
            self._again(rows, tally, takers)
        left = Picked(self.files, range(before, len(self.files)))
        with closing(predict_all(self.predictor, left, self.group)) as batches:
            for batch in batches:
                if leads:
                    named = list(zip(self.ids[at : at + len(batch)], batch, strict=True))
                    for taker in takers:
                        taker.take(at, named)
                    self._write(rows, tally, named, probability=probability)
                at += len(batch)
                progress(len(batch))
        if leads and not rows.rows:
            raise nothing_read(tally.skipped)

    def _write(self, rows: RowFile, tally: Tally, named: Batch, *, probability: bool) -> None:
        for name, outcome in named:
            tally.add(name, outcome)
        rows.add(
            row_of(name, found, self.heads, probability=probability)
            for name, found in named
            if not isinstance(found, Unreadable)
        )

    def _again(self, rows: RowFile, tally: Tally, takers: Sequence[Taker]) -> None:
        """What an interrupted run would have told and given, of photos that have their rows."""
        for at in range(0, rows.done, BATCH):
            lacking = [taker for taker in takers if taker.lacks(at)]
            if not lacking and tally.is_full:
                continue
            (found,) = self.predictor.batches(self.files[at : at + BATCH])
            named = list(zip(self.ids[at : at + BATCH], found, strict=True))
            for taker in lacking:
                taker.take(at, named)
            for name, outcome in named:
                tally.show(name, outcome)
        for (each,) in map(self.predictor.batches, ([self.files[at]] for at in rows.without)):
            tally.skipped += [
                one if isinstance(one, Unreadable) else Unreadable(_LATE, where=str(one.path))
                for one in each
            ]
