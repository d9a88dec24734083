"""A folder of photos predicted by one process, or by several that each take a part."""

from collections.abc import Callable, Iterable, Sequence

from catdog.data.images import Readable, Unreadable
from catdog.inference.predictor import BATCH, Prediction, Predictor
from catdog.runtime.distributed.group import ALONE, Group

Watch = Callable[[Iterable[Prediction]], Iterable[Prediction]]


def portion(photos: Sequence[Readable], group: Group) -> list[Readable]:
    """The photos of this process, in whole batches: numbers do not depend on who computes them."""
    starts = range(group.rank * BATCH, len(photos), group.world * BATCH)
    return [photo for start in starts for photo in photos[start : start + BATCH]]


def predict_all(
    predictor: Predictor,
    photos: Sequence[Readable],
    group: Group = ALONE,
    watch: Watch = lambda found: found,
) -> tuple[list[Prediction], list[Unreadable]]:
    """Predictions in the order of the photos, and those that could not be read; for all processes.

    `watch` sees this process's predictions as they come.
    """
    skipped: list[Unreadable] = []
    found = list(watch(predictor.predict(portion(photos, group), skipped)))
    order = {str(photo): number for number, photo in enumerate(photos)}
    parts = group.gather((found, skipped))
    return (
        sorted((each for part, _ in parts for each in part), key=lambda p: order[str(p.path)]),
        sorted((each for _, part in parts for each in part), key=lambda e: order[e.where]),
    )
