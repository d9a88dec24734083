"""What fits into some minutes on this machine: which net, how many photos, how many iterations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from catdog.project.advice import NetAdvice
from catdog.project.rates import Rates
from catdog.runtime.wording import counted

#: Seconds that starting tools and drawing pages takes.
OVERHEAD = 25.0
#: The share of the time that is planned for; machines have other work too.
_SHARE = 0.8
#: Seconds of an iteration of the last layer alone, on features.
_LAST_LAYER = 0.004


@dataclass(frozen=True)
class Budgeted:
    """What fits: the net, the photos that are used of all, the epochs, and why, for a person."""

    chosen: NetAdvice
    photos: int
    epochs: float
    why: str


@dataclass(frozen=True)
class Job:
    """What there is to do: photos to store, the share to train on, photos decoded a second."""

    photos: int
    training: int
    decoded: float


def within(
    minutes: float,
    job: Job,
    candidates: Sequence[NetAdvice],
    measure: Callable[[NetAdvice], Rates],
) -> Budgeted:
    """The best of the candidates that can be done within so many minutes, all of it included.

    One that knows ImageNet goes with a part of the photos rather than not at all.
    """
    time = 60 * minutes * _SHARE - OVERHEAD
    slower: list[tuple[float, NetAdvice, Rates]] = []
    for each in (each for each in candidates if each.pretrained):
        rates = measure(each)
        needed = job.photos * _per_photo(job, rates) + _training(each, job)
        if needed <= time:
            return _features(each, job, rates, time, needed, minutes)
        slower.append((needed, each, rates))
    if slower:
        needed, fastest, rates = min(slower, key=lambda found: found[0])
        return _features(fastest, job, rates, time, needed, minutes)
    return _scratch(
        [each for each in candidates if not each.pretrained], job, measure, time, minutes
    )


def _per_photo(job: Job, rates: Rates) -> float:
    """Seconds: it is decoded and stored, its features are computed, a sixth is judged twice."""
    return 1.3 / job.decoded + (1 + 2 / 6) / rates.forward


def _training(each: NetAdvice, job: Job) -> float:
    return _LAST_LAYER * max(each.least, each.epochs * job.training / each.batch)


def _features(
    each: NetAdvice, job: Job, rates: Rates, time: float, needed: float, minutes: float
) -> Budgeted:
    rate = f"{job.decoded:.0f} photos/s are decoded, {rates.forward:.0f} go through {each.net}"
    if needed <= time:
        why = f"{each.net} is the best that fits into {_in_words(minutes)}: {rate}"
        return Budgeted(each, job.photos, each.epochs, why)
    room = max(time - _LAST_LAYER * each.least, 5.0)
    photos = min(job.photos, max(60, int(room / _per_photo(job, rates))))
    part = counted(photos, "photo") + f" of {job.photos:,}" if photos < job.photos else "all photos"
    why = f"{rate}: with {part} it fits into {_in_words(minutes)}"
    return Budgeted(each, photos, each.epochs, why)


def _scratch(
    candidates: Sequence[NetAdvice],
    job: Job,
    measure: Callable[[NetAdvice], Rates],
    time: float,
    minutes: float,
) -> Budgeted:
    for each in candidates:
        rates = measure(each)
        left = time - 1.3 * job.photos / job.decoded
        epochs = left * rates.training / job.training / 1.2
        if epochs >= each.enough or each is candidates[-1]:
            fits = min(each.epochs, max(epochs, each.batch / job.training))
            shown = f"{fits:.3g} passes over {job.training:,} photos"
            why = f"{rates.training:.0f} photos/s in a training of {each.net}: {shown}"
            return Budgeted(each, job.photos, fits, f"{why} fit into {_in_words(minutes)}")
    raise AssertionError("there is always a net")


def _in_words(minutes: float) -> str:
    return f"{minutes:g} minute{'s' * (minutes != 1)}"
