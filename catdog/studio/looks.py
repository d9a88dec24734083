"""What a net looked at in a photo, computed beside the page that asks for it."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.charts import BINS, shown_range
from catdog.data.images import Pixels
from catdog.data.thumbnails import in_base64
from catdog.errors import CatdogError

#: Seconds after which nobody seems to wait any more, and that a first answer may take.
PATIENCE, FIRST = 20.0, 1.5
#: PhotoLooks that are kept, and of these under way.
_KEPT, _UNDER_WAY = 32, 6
_QUALITY = 88
_HEIGHT = 60.0


@dataclass(frozen=True)
class LookPicture:
    """A picture with its title, as a data: address."""

    title: str
    source: str


@dataclass(frozen=True)
class LookHistogram:
    """Bars in a box of 4 BINS by 60: of each its left side, top and height."""

    title: str
    bars: tuple[tuple[float, float, float], ...]
    low: float
    high: float
    median: float
    count: int


@dataclass(frozen=True)
class LookShown:
    """What there is to see."""

    title: str
    pictures: tuple[LookPicture, ...]
    histograms: tuple[LookHistogram, ...] = ()
    about: str = ""


Viewed = Callable[[int], None]
LookWork = Callable[[Viewed], LookShown]


class _Abandoned(Exception):
    """Nobody waits for it any more."""


@dataclass
class PhotoLook:
    """A look under way, or what came of it."""

    token: str
    total: int
    done: int = 0
    shown: LookShown | None = None
    error: str = ""
    asked: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)


class PhotoLooks:
    """Begins looks in threads, and ends those that nobody asks for any more."""

    def __init__(self) -> None:
        self._looks: OrderedDict[str, PhotoLook] = OrderedDict()
        self._lock = threading.Lock()
        self._over = False

    def begin(self, work: LookWork, total: int) -> PhotoLook:
        """Begin a look of so many views; it may have ended when it is given back.

        `work` is told a function that it calls with how many more views it has computed. Raises
        CatdogError where too many are under way.
        """
        look = PhotoLook(secrets.token_urlsafe(12), total)
        with self._lock:
            if sum(not each.ended.is_set() for each in self._looks.values()) >= _UNDER_WAY:
                remedy = "wait for one of them"
                raise CatdogError(f"{_UNDER_WAY} are under way", where="heat maps", remedy=remedy)
            self._looks[look.token] = look
            while len(self._looks) > _KEPT:
                self._looks.popitem(last=False)
        threading.Thread(target=self._do, args=(look, work), daemon=True).start()
        look.ended.wait(FIRST)
        return look

    def find(self, token: str) -> PhotoLook:
        """The look of a token. Raises CatdogError where it is no more."""
        with self._lock:
            look = self._looks.get(token)
        if look is None:
            raise CatdogError("is not kept any more", where="heat map", remedy="ask for it again")
        look.asked = time.monotonic()
        return look

    def stop(self) -> None:
        """End what is under way."""
        self._over = True

    def _do(self, look: PhotoLook, work: LookWork) -> None:
        def viewed(count: int) -> None:
            look.done += count
            if self._over or time.monotonic() - look.asked > PATIENCE:
                raise _Abandoned

        try:
            look.shown = work(viewed)
        except CatdogError as error:
            look.error = str(error)
        except _Abandoned:
            look.error = "was ended, since nobody waited for it"
        except Exception:
            look.error = "could not be computed"
            raise
        finally:
            look.ended.set()


def picture_of(title: str, pixels: Pixels) -> LookPicture:
    """A picture for a page."""
    return LookPicture(title, f"data:image/jpeg;base64,{in_base64(pixels, _QUALITY)}")


def histogram_of(title: str, values: NDArray[np.float32]) -> LookHistogram:
    """How many numbers there are of each size; the rare ones far off are in the last bars."""
    numbers = values.astype(np.float64).ravel()
    low, high = shown_range(numbers)
    counts, _ = np.histogram(np.clip(numbers, low, high), BINS, (low, high))
    heights: Sequence[float] = (_HEIGHT * counts / max(1, counts.max())).round(2).tolist()
    bars = tuple((4.0 * at, _HEIGHT - each, each) for at, each in enumerate(heights))
    return LookHistogram(title, bars, low, high, float(np.median(numbers)), numbers.size)
