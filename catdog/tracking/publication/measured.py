"""What a report of `evaluate.py` says of the weights that are published."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catdog.errors import CatdogError
from catdog.weights.published import is_on_hub


@dataclass(frozen=True)
class Measured:
    """Scores of a net on labelled photos it was judged on, as in its report.

    `data` is the name of the store or folder without its place on the machine; `auc` is None where
    a class is missing, `views` is the value of --tta.
    """

    data: str
    photos: int
    accuracy: float
    log_loss: float
    calibration_error: float
    auc: float | None = None
    views: str = ""
    temperature: float = 1.0


def evaluate_command(weights: Path | str) -> str:
    """The command that makes the report of some weights."""
    # what is on the Hub has no place beside it
    place = " report.html" if is_on_hub(str(weights)) else ""
    return f"catdog evaluate --weights {weights} --data LABELLED --report{place}"


def read_measured(report: Path, weights: Path) -> Measured:
    """The scores in the .json of a report.

    Raises CatdogError for a file that is none, for a report on other weights, and for one from
    before these weights were written.
    """
    remedy = evaluate_command(weights)
    try:
        content = json.loads(report.read_bytes())
        said = Path(content["weights"])
        found = _measured(content)
    except FileNotFoundError:
        raise CatdogError("no such file", where=str(report), remedy=remedy) from None
    except OSError as error:
        raise CatdogError(str(error.strerror), where=str(report)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        what = "is no report in JSON"
        raise CatdogError(what, where=str(report), remedy=remedy) from None
    if said.name != weights.name:
        what = f"is a report on {said.name}, and {weights.name} are published"
        raise CatdogError(what, where=str(report), remedy=remedy)
    if report.stat().st_mtime_ns < weights.stat().st_mtime_ns:
        what = f"is older than {weights.name}, which it is to tell of"
        raise CatdogError(what, where=str(report), remedy=remedy)
    return found


def _measured(content: dict[str, Any]) -> Measured:
    auc = content["auc"]
    return Measured(
        Path(content["data"]).name,
        int(content["photos"]),
        _number(content["accuracy"]),
        _number(content["log_loss"]),
        _number(content["calibration_error"]),
        None if auc is None else _number(auc),
        str(content["tta"] or ""),
        _number(content["temperature"]),
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return float(value)
