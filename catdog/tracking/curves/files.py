"""Logs to a picture file of their learning curves."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from catdog.runtime.picture_style import save_figure
from catdog.tracking.curves.comparison import compare
from catdog.tracking.curves.data import Style, log_path, read_curves
from catdog.tracking.curves.single import draw


def plot(
    paths: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    style: Style | None = None,
) -> Path:
    """Draw the curve of a log, or the curves of several; gives the picture's path.

    Args:
        paths: logs, or folders of runs with a train.log.
        out: the picture; by default it lies beside the log, that of several here.
        style: how to draw.

    Raises CatdogError where a log has no curve or the picture cannot be written.
    """
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    curves, style = read_curves(listed, style or Style())
    figure: Figure
    if len(curves) == 1:
        figure = draw(curves[0].log, curves[0].name, style)
    else:
        figure = compare(curves, style)
    target = Path(out) if out else _beside(listed)
    save_figure(figure, target, dpi=150)
    return target


def _beside(paths: Sequence[str | Path]) -> Path:
    log = log_path(paths[0])
    return log.with_name(f"{log.name}.png") if len(paths) == 1 else Path("curves.png")
