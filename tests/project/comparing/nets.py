"""Comparisons whose trainings take no time: a clock that they set, and what they would find."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from catdog.errors import CatdogError
from catdog.project.advice import NetAdvice
from catdog.project.comparing import compare
from catdog.project.comparing.cell import CellMaker
from catdog.project.comparing.contenders import Contender, NetLeftOut
from catdog.project.measured import SCRATCH, MeasuredNet, judged
from catdog.project.rates import Rates
from tests.clock import Clock


def row_of(net: str, photos: int, right: int = 15, **others: object) -> MeasuredNet:
    """A row of 20 photos held out."""
    values = {
        **judged(right, 20),
        "log_loss": 0.5,
        "iterations": 100,
        "seconds": 10.0,
        "cpu_seconds": 8.0,
        "ms_per_photo": 1.5,
        "megabytes": 0.25,
        "weights": SCRATCH,
    }
    return MeasuredNet(net, photos, **{**values, **others})


@dataclass
class FakeNets:
    """What takes the place of the machine.

    Args:
        seconds: of a net, for each photo that it learns from.
        away: nets that cannot be had, and why.
        faults: what is raised in the place of a training.
        done: the trainings in their order.
    """

    clock: Clock
    seconds: dict[str, float] = field(default_factory=dict)
    away: dict[str, str] = field(default_factory=dict)
    faults: dict[tuple[str, int], BaseException] = field(default_factory=dict)
    done: list[tuple[str, int]] = field(default_factory=list)

    def contenders(self, nets, device, tell):
        del device, tell
        for net in nets:
            if net in self.away:
                yield NetLeftOut(net, self.away[net])
                continue
            # all of the time is that of the photos, but for the start
            advice = NetAdvice(net, 16, epochs=0.01, least=0, pretrained=True)
            yield Contender(net, advice, SCRATCH, Rates(1 / self.seconds[net], 1.0))

    def measure(self, maker: CellMaker, contender: Contender, count: int) -> MeasuredNet:
        fault = self.faults.get((contender.net, count))
        if fault is not None:
            raise fault
        took = self.seconds[contender.net] * (count + len(maker.parts.held_out))
        self.clock.now += took
        self.done.append((contender.net, count))
        return row_of(contender.net, count, seconds=took, iterations=1)


def faked(
    monkeypatch: pytest.MonkeyPatch, seconds: Mapping[str, float], **others: object
) -> FakeNets:
    """Nets that take so many seconds a photo, in the place of those of the machine."""
    fake = FakeNets(Clock(), dict(seconds), **others)
    monkeypatch.setattr(compare, "monotonic", fake.clock)
    monkeypatch.setattr(compare, "contenders", fake.contenders)
    # reading takes no time
    whole = compare.looked_at

    def looked_at(source, tell):
        found, seen = whole(source, tell)
        return found, replace(seen, rate=1e9)

    monkeypatch.setattr(compare, "looked_at", looked_at)
    monkeypatch.setattr(CellMaker, "measure", lambda maker, *words: fake.measure(maker, *words))
    return fake


def diverged() -> CatdogError:
    """What a training raises."""
    return CatdogError("the loss is nan", where="catdog train", remedy="lower base_lr")
