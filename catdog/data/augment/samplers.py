"""Windows drawn on a picture with boxes: AnnotatedData's batch_sampler (SSD's sampler.cpp)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from catdog.data.augment.objects import Rows, Window, coverages, overlaps
from catdog.errors import Fault
from catdog.proto.caffe_pb2 import BatchSampler, SampleConstraint

#: More trials than anybody has asked for; each takes memory.
_MOST_TRIALS = 100_000


def draw_window(
    samplers: Sequence[BatchSampler], corners: Rows, rng: np.random.Generator
) -> Window | None:
    """One of all windows that the samplers find on a picture with these boxes; None without any.

    Each sampler tries max_trials windows and keeps those, up to max_sample, that satisfy its
    constraint.
    """
    found = [_sample(each, corners, rng) for each in samplers if each.use_original_image]
    windows = np.concatenate(found) if found else np.empty((0, 4), np.float32)
    if not len(windows):
        return None
    xmin, ymin, xmax, ymax = windows[rng.integers(len(windows))].tolist()
    return xmin, ymin, xmax, ymax


def _sample(sampler: BatchSampler, corners: Rows, rng: np.random.Generator) -> Rows:
    tried = _draw(sampler, rng)
    found = tried[_satisfied(tried, corners, sampler.sample_constraint)]
    return found[: sampler.max_sample] if sampler.HasField("max_sample") else found


def _draw(sampler: BatchSampler, rng: np.random.Generator) -> Rows:
    """max_trials windows of random scale and aspect, anywhere in the picture."""
    limits, count = sampler.sampler, sampler.max_trials
    scale = rng.uniform(limits.min_scale, limits.max_scale, count)
    aspect = rng.uniform(limits.min_aspect_ratio, limits.max_aspect_ratio, count)
    # no side longer than the picture's
    aspect = np.clip(aspect, scale**2, 1 / scale**2)
    sides = np.stack((scale * np.sqrt(aspect), scale / np.sqrt(aspect)), 1)
    low = rng.uniform(0, 1, (count, 2)) * np.maximum(1 - sides, 0)
    return np.clip(np.concatenate((low, low + sides), 1), 0, 1).astype(np.float32)


def _satisfied(windows: Rows, corners: Rows, constraint: SampleConstraint) -> NDArray[np.bool_]:
    """Which windows have an object that is within all limits that are given."""
    if not constraint.ListFields():
        return np.ones(len(windows), np.bool_)
    tried, boxes = windows[:, None], corners[None]
    good = np.ones((len(windows), len(corners)), np.bool_)
    for name, values in (
        ("jaccard_overlap", overlaps(tried, boxes)),
        ("sample_coverage", coverages(tried, boxes)),
        ("object_coverage", coverages(np.broadcast_to(boxes, (*good.shape, 4)), tried)),
    ):
        if constraint.HasField(f"min_{name}"):
            good &= values >= np.float32(getattr(constraint, f"min_{name}"))
        if constraint.HasField(f"max_{name}"):
            good &= values <= np.float32(getattr(constraint, f"max_{name}"))
    return np.asarray(good.any(1))


def sampler_faults(samplers: Sequence[BatchSampler]) -> Iterator[Fault]:
    """Limits of samplers that cannot work."""
    for each in samplers:
        limits = each.sampler
        if not 0 < limits.min_scale <= limits.max_scale <= 1:
            what = f"has scales from {limits.min_scale:g} to {limits.max_scale:g}"
            yield Fault(what, "give 0 < min_scale <= max_scale <= 1", field="batch_sampler")
        if not 0 < limits.min_aspect_ratio <= limits.max_aspect_ratio < np.inf:
            least, most = limits.min_aspect_ratio, limits.max_aspect_ratio
            what = f"has aspect ratios from {least:g} to {most:g}"
            remedy = "give 0 < min_aspect_ratio <= max_aspect_ratio"
            yield Fault(what, remedy, field="batch_sampler")
        if each.max_trials > _MOST_TRIALS:
            what = f"has max_trials {each.max_trials}"
            yield Fault(what, f"give {_MOST_TRIALS} at most", field="batch_sampler")
