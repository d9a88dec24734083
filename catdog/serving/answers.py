"""What a net says of photos, as JSON."""

from collections.abc import Sequence

from catdog.errors import CatdogError, one_line
from catdog.inference.heads import Head
from catdog.inference.photo_prediction import PhotoPrediction, photo_predictions, told_apart
from catdog.serving.batcher import Rows

Json = dict[str, object]


def answer(name: str, outcome: Rows | CatdogError | None, heads: Sequence[Head], top: int) -> Json:
    """Of one photo its name and the likeliest classes, at most `top`, or why there are none."""
    if isinstance(outcome, tuple):
        rows, foreign = told_apart(outcome, heads)
        said = _said(photo_predictions(name, rows, heads), top)
        if foreign:
            said |= {"neither": foreign.is_refused, "foreign": foreign.score}
        return {"name": name, **said}
    return {"name": name, "error": reason(name, outcome)}


def reason(name: str, error: CatdogError | None) -> str:
    """In one line why there is no answer for a photo."""
    what = error.what if error else "was not looked at"
    remedy = error.remedy if error else ""
    return one_line(str(CatdogError(what, where=name, remedy=remedy)))


def _said(found: PhotoPrediction, top: int) -> Json:
    kind = "score" if found.head.scores else "probability"
    said: Json = {"label": found.label, kind: found.probability}
    if found.head.several:
        said["labels"] = found.labels
    if found.head.sets:
        said["within"] = found.within
    said["classes"] = [{"name": name, kind: number} for name, number in found.top(top)]
    if found.others:
        said["others"] = {title: _said(each, top) for title, each in found.others.items()}
    return said
