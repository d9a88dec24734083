"""Numbers and times as the pages write them."""

import math
from datetime import datetime
from pathlib import PurePath
from urllib.parse import quote

from catdog.runtime.room import amount


def clock(seconds: float | None) -> str:
    """`42 s`, `3:07 min`, `2:05 h`; a dash for none."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def short(number: float | None) -> str:
    """A number in four digits; a dash for none."""
    return "–" if number is None or not math.isfinite(number) else f"{number:.4g}"


def score(value: float | None, name: str) -> str:
    """A score by what it is: shares of a whole in percent, others in four digits."""
    if value is not None and "accuracy" in name.lower() and 0 <= value <= 1:
        return f"{100 * value:.2f} %"
    return short(value)


def share(value: float) -> str:
    """A probability as `97.3 %`; what is none in four digits."""
    return f"{100 * value:.1f} %" if 0 <= value <= 1 else short(value)


def day(text: str) -> str:
    """A time as `29 Nov, 22:40`; as it is where it is none."""
    try:
        return f"{datetime.fromisoformat(text):%d %b, %H:%M}".lstrip("0")
    except ValueError:
        return text


def grouped(number: int) -> str:
    """`25,000`."""
    return f"{number:,}"


def counted_short(number: float) -> str:
    """A large number as `1.2 G`."""
    for unit in ("", " k", " M", " G"):
        if number < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g} T"


def seconds(number: float) -> str:
    """A short time as `3.1 ms` or `2.4 s`."""
    return f"{1000 * number:.3g} ms" if number < 1 else f"{number:.3g} s"


def size(number: float) -> str:
    """Bytes as `61 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError


def last_name(path: str) -> str:
    """The last part of a path."""
    return PurePath(path).name


def in_address(text: str) -> str:
    """A text as a part of an address."""
    return quote(text, safe="")


def spark(values: tuple[float, ...]) -> str:
    """The points of a spark line in a box of 100 by 24, for SVG."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    last = len(values) - 1
    pairs = (
        (100 * place / last, 22 - 20 * (value - low) / span) for place, value in enumerate(values)
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


FILTERS = {
    "clock": clock,
    "short": short,
    "score": score,
    "share": share,
    "day": day,
    "grouped": grouped,
    "amount": amount,
    "counted_short": counted_short,
    "seconds": seconds,
    "size": size,
    "last_name": last_name,
    "in_address": in_address,
    "spark": spark,
}
