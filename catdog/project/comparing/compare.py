"""`catdog compare-nets`: which net for so many photos, measured on a person's own."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

import torch

from catdog.errors import CatdogError, Unwritable
from catdog.inference.sorted_folders import check_apart
from catdog.project.advice import TABLE
from catdog.project.begin import looked_at, unpacked
from catdog.project.comparing.cell import LOG, CellMaker
from catdog.project.comparing.contenders import Contender, check_nets, contenders
from catdog.project.comparing.forecast import Forecast
from catdog.project.comparing.picture import draw
from catdog.project.comparing.record import (
    PICTURE,
    ROWS,
    ComparisonRecord,
    processor,
    today,
)
from catdog.project.comparing.subsets import PhotoParts, counts_of, divide
from catdog.project.comparing.told import span
from catdog.project.digest import digest_of
from catdog.project.folder import folder_for, held, resumable
from catdog.project.found import FoundPhotos
from catdog.project.measured import MeasuredNet, read_measured, write_measured
from catdog.project.request import Tell
from catdog.runtime.devices import device_or_usual
from catdog.runtime.picture_style import save_figure
from catdog.runtime.wording import counted

#: Seconds that are kept back for the picture.
_AFTER = 5.0


@dataclass(frozen=True)
class ComparisonRequest:
    """What is compared.

    Args:
        nets: their names; those of `catdog fit` where there are none.
        counts: numbers of photos to learn from; the usual ones where there are none.
        minutes: all is to be done within; 0 for no limit.
        seed: of the division and the trainings.
        device: as `--device` takes it.
    """

    nets: Sequence[str] = ()
    counts: Sequence[int] = ()
    minutes: float = 0
    seed: int = 1
    device: str = ""


@dataclass(frozen=True)
class NetComparison:
    """What came of it: the folder, all rows that it has, their source, what was left out."""

    folder: Path
    rows: list[MeasuredNet]
    source: str
    left_out: list[str] = field(default_factory=list)


def compare_nets(
    photos: Path, folder: Path | None, asked: ComparisonRequest, tell: Tell
) -> NetComparison:
    """Train nets on more and more photos and judge each by those that are held out.

    What is measured stands in comparison.csv as soon as it is there; the same call goes on where
    an earlier one was interrupted. The next is always what is foretold to take the least time, of a
    net the fewest photos first; what would not be done within the minutes is left out. Raises
    CatdogError for photos, nets and folders that are not fit.
    """
    began = monotonic()
    check_nets(asked.nets)
    folder = folder or Path(folder_for(photos, "nets"))
    check_apart(folder, [str(photos)], "--out")
    device = device_or_usual(asked.device)
    with held(folder, "catdog compare-nets"), resumable():
        before = ComparisonRecord.read(folder)
        found, seen = looked_at(unpacked(photos, folder, tell), tell)
        parts = divide(found, asked.seed)
        for line in parts.doubles():
            tell(f"warning: {line}")
        counts = counts_of(parts, asked.counts, tell)
        record = _record(photos, found, parts, asked.seed, device)
        if before:
            before.check_same(record, folder)
            record = before
            tell(f"going on in {folder}")
        maker = CellMaker(parts, seen, folder, asked.seed, device)
        ends = began + 60 * asked.minutes - _AFTER if asked.minutes else None
        race = _Race(maker, counts, ends, tell)
        race.enter(asked.nets or [each.net for each in TABLE])
        record.write(folder)
        race.run()
        return _finished(race, record)


def _record(
    photos: Path, found: FoundPhotos, parts: PhotoParts, seed: int, device: torch.device
) -> ComparisonRecord:
    held_out, digest = len(parts.held_out), digest_of(found, photos)
    name = photos.resolve().name
    return ComparisonRecord(name, found.count, held_out, digest, seed, today(), processor(device))


def _finished(race: "_Race", record: ComparisonRecord) -> NetComparison:
    if not race.rows:
        raise CatdogError(f"nothing could be measured: {race.left_out[0]}")
    save_figure(draw(race.rows, record), race.maker.folder / PICTURE)
    rows = [replace(row, source=record.source) for row in race.rows]
    return NetComparison(race.maker.folder, rows, record.source, race.left_out)


class _Race:
    """Nets that learn from more and more photos, until all is done or the time is up."""

    def __init__(
        self, maker: CellMaker, counts: Sequence[int], ends: float | None, tell: Tell
    ) -> None:
        self.maker, self._counts, self._ends, self._tell = maker, counts, ends, tell
        self._table = maker.folder / ROWS
        self.rows = read_measured(self._table) if self._table.exists() else []
        self.left_out: list[str] = []
        self._forecasts: dict[str, Forecast] = {}
        #: What each net has still to do, the fewest photos first.
        self._open: dict[str, list[int]] = {}

    def enter(self, nets: Sequence[str]) -> None:
        """Measure how fast the nets are; those that cannot be had are told and left out.

        Raises CatdogError where that are all.
        """
        away: dict[str, list[str]] = {}
        still = list(filter(self._counts_of, nets))
        if still:
            self._tell("\nhow fast the nets are on this machine, in photos a second:")
        for each in contenders(still, self.maker.device, self._tell):
            if not isinstance(each, Contender):
                away.setdefault(each.why, []).append(each.net)
                continue
            learning = "" if each.advice.pretrained else f", {each.rates.training:.0f} in training"
            self._tell(f"  {each.net}: {each.rates.forward:.0f} through it{learning}")
            parts, decoded = self.maker.parts, self.maker.seen.rate
            self._forecasts[each.net] = Forecast(each, parts, decoded)
            self._open[each.net] = self._counts_of(each.net)
        if away:
            words = "; ".join(f"{', '.join(names)} ({why})" for why, names in away.items())
            if not self._open and not self.rows:
                raise CatdogError(f"there is no net to compare: {words}")
            self._leave_out(f"left out: {words}")

    def _counts_of(self, net: str) -> list[int]:
        """The numbers of photos that a net has not learned from yet."""
        done = {row.photos for row in self.rows if row.net == net}
        return [count for count in self._counts if count not in done]

    def run(self) -> None:
        """Measure what there is to measure, within the time."""
        total, done = sum(map(len, self._open.values())), 0
        if total:
            log = self.maker.folder / LOG
            self._tell(f"\n{counted(total, 'training')}; what they print goes into {log}")
        while upcoming := self._next():
            net, count, seconds = upcoming
            if (left := self._left()) is not None and seconds > left:
                self._too_long(net, seconds, left)
                continue
            if not done:
                self._tell(f"  first {net} with {counted(count, 'photo')}, about {span(seconds)}")
            done += 1
            self._measure(net, count, f"{done} of {total}")

    def _measure(self, net: str, count: int, number: str) -> None:
        self._open[net].remove(count)
        try:
            row = self.maker.measure(self._forecasts[net].contender, count)
        except Unwritable:
            raise
        except CatdogError as error:
            self._open[net] = []
            self._leave_out(f"left out: {net} from {counted(count, 'photo')} on: {error}")
            return
        self.rows = sorted([*self.rows, row], key=lambda row: (row.photos, row.rank))
        write_measured(self._table, self.rows)
        self._tell(f"{number}: {net}, {counted(count, 'photo')}: {row.right}, {self._after(row)}")

    def _after(self, row: MeasuredNet) -> str:
        words = [span(row.seconds or 0)]
        upcoming, left = self._next(), self._left()
        if left is not None:
            words.append(f"{span(left)} left")
        elif upcoming:
            words.append(f"at most {span(self._still())} left")
        if upcoming and (left is None or upcoming[2] <= left):
            net, count, seconds = upcoming
            words.append(f"next {net} with {count:,}, about {span(seconds)}")
        return "; ".join(words)

    def _next(self) -> tuple[str, int, float] | None:
        """The net and the photos that are foretold to take the fewest seconds, with these."""
        firsts = [
            (net, counts[0], self._forecasts[net].seconds(counts[0], self.rows))
            for net, counts in self._open.items()
            if counts
        ]
        return min(firsts, key=lambda each: each[2], default=None)

    def _still(self) -> float:
        """Seconds that all that is open is foretold to take."""
        return sum(
            self._forecasts[net].seconds(count, self.rows)
            for net, counts in self._open.items()
            for count in counts
        )

    def _left(self) -> float | None:
        return None if self._ends is None else max(0.0, self._ends - monotonic())

    def _too_long(self, net: str, seconds: float, left: float) -> None:
        *counts, last = (f"{count:,}" for count in self._open[net])
        counted_up = f"{', '.join(counts)} and {last}" if counts else last
        self._open[net] = []
        about = f"about {span(seconds)}{' for the first' * bool(counts)}"
        self._leave_out(
            f"left out: {net} with {counted_up} photos: that would take {about}, {span(left)} are "
            "left; with more --minutes the same command goes on"
        )

    def _leave_out(self, line: str) -> None:
        self.left_out.append(line)
        self._tell(line)
