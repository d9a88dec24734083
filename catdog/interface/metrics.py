"""The table of a run as arrays."""

import csv
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.errors import CatdogError
from catdog.runtime.optional import optional
from catdog.tracking.metrics_csv import number

Column = NDArray[np.float64]

#: So many rows are shown in a notebook, the first and the last ones.
_ROWS = 12


class RunMetrics(dict[str, Column]):
    """The columns of metrics.csv by name, float64, nan where a row has no value.

        run.metrics["accuracy"].max()
        run.metrics.frame().plot("epoch", "accuracy")

    A dict of NumPy arrays of one length, whether pandas is installed or not: what comes back does
    not depend on the machine. `frame` makes a DataFrame of it.
    """

    def frame(self) -> Any:
        """A pandas DataFrame, its iterations and whole numbers as such.

        Raises CatdogError where pandas is not installed.
        """
        pandas = optional("pandas", "a DataFrame needs pandas", "pip install pandas")
        whole = "iteration"
        frame = pandas.DataFrame(dict(self))
        return frame.astype({whole: "int64"}) if whole in self else frame

    def __repr__(self) -> str:
        rows = len(next(iter(self.values()), ()))
        return f"<{rows} rows of {', '.join(self)}>"

    def _repr_html_(self) -> str:
        """A table, for a notebook."""
        columns = list(self.values())
        count = len(columns[0]) if columns else 0
        half = _ROWS // 2
        shown = range(count) if count <= _ROWS else [*range(half), *range(count - half, count)]
        head = "".join(f"<th>{escape(name)}</th>" for name in self)
        lines = [
            "<tr>" + "".join(f"<td>{_word(column[row])}</td>" for column in columns) + "</tr>"
            for row in shown
        ]
        if count > _ROWS:
            lines.insert(half, f"<tr><td colspan='{len(columns)}'>&hellip;</td></tr>")
        return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def read_metrics(path: Path) -> RunMetrics:
    """The table of a run. Raises CatdogError where there is none."""
    try:
        with path.open(encoding="utf-8", newline="", errors="replace") as file:
            head, *rows = csv.reader(file)
    except FileNotFoundError:
        raise CatdogError("no such table", where=str(path), remedy="a training writes it") from None
    except (OSError, ValueError, csv.Error) as error:
        what = getattr(error, "strerror", None) or "is no table of a run"
        raise CatdogError(what, where=str(path)) from None
    # the last row of a training that is under way may not be whole
    cells = [row for row in rows if len(row) == len(head)]
    return RunMetrics(
        (name, np.array([number(row[at]) for row in cells], np.float64))
        for at, name in enumerate(head)
    )


def _word(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.5g}"
