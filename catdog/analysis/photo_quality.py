"""What is wrong with a photo as a picture, by cleanvision: dark, light, blurred, of odd size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
from PIL import Image

from catdog.data.images import Pixels
from catdog.runtime.optional import optional

#: cleanvision's kinds of fault and what a person is told.
KINDS = {
    "dark": "dark",
    "light": "overexposed",
    "blurry": "blurred",
    "low_information": "nearly empty",
    "odd_aspect_ratio": "odd shape",
    "odd_size": "odd size",
}
#: Raw numbers of a photo, by cleanvision's names.
Measures = Mapping[str, float]
#: Pixels of the longer side that brightness and information are measured on.
_SIDE = 512


@dataclass(frozen=True)
class PhotoFault:
    """A fault of KINDS, as a person is told, with cleanvision's score: 0 is worst, 1 is good."""

    kind: str
    score: float


def check_ready() -> None:
    """Raise CatdogError, with the command to run, where cleanvision is not installed."""
    _manager()


def measure(pixels: Pixels) -> Measures:
    """The raw numbers of a picture, BGR or grey."""
    full = Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    small = full.copy()
    # percentiles of millions of pixels take long, and say the same
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    found: dict[str, float] = {}
    for kind, each in _properties().items():
        # these are of the sides, the others of what is seen
        found |= each.calculate(full if kind.startswith("odd") else small)
    return found


def photo_faults(measured: Sequence[Measures]) -> list[list[PhotoFault]]:
    """The faults of each of some photos that belong together, by cleanvision's own thresholds.

    Whether a size is odd depends on the sizes of the others.
    """
    if not measured:
        return []
    frame = optional("pandas", "this needs pandas", "pip install pandas").DataFrame(measured)
    manager = _manager()
    manager.issues = frame[[]].copy()
    manager.update_issues(frame, list(KINDS))
    columns = [
        (told, manager.issues[f"{kind}_score"], manager.issues[f"is_{kind}_issue"])
        for kind, told in KINDS.items()
    ]
    return [
        [PhotoFault(told, float(score[at])) for told, score, bad in columns if bad[at]]
        for at in range(len(measured))
    ]


@cache
def _properties() -> dict[str, Any]:
    found: dict[str, Any] = _manager().image_properties
    # light is measured with dark
    return {kind: found[kind] for kind in KINDS if kind != "light"}


def _manager() -> Any:
    module = "cleanvision.issue_managers.image_property_issue_manager"
    found = optional(module, "this needs cleanvision", "pip install 'catdog-torch[review]'")
    return found.ImagePropertyIssueManager()
