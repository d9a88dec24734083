"""Pictures to another size as scikit-image and SciPy did for Caffe, without either of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catdog.errors import CatdogError

Floats = NDArray[np.floating[Any]]

#: How far a pixel reaches, and its weight at a distance, by order of interpolation.
Kernel = Callable[[Floats], Floats]


def resize_image(im: Floats, new_dims: ArrayLike, interp_order: int = 1) -> NDArray[np.float32]:
    """An H x W x C picture resized to new_dims (height, width), as float32.

    With 1 or 3 channels it is `resize` of the picture stretched to 0 .. 1; with others SciPy's
    zoom, with corners on corners. interp_order is 0, 1 or 3. Raises CatdogError for another.
    """
    height, width = (int(extent) for extent in np.asarray(new_dims))
    source = np.asarray(im, np.float32)
    if source.shape[-1] not in (1, 3):
        return _zoom(source, height, width, interp_order).astype(np.float32)
    low, high = source.min(), source.max()
    if low == high:
        return np.full((height, width, source.shape[-1]), low, np.float32)
    stretched = _resize((source - low) / (high - low), height, width, interp_order).clip(0, 1)
    resized: NDArray[np.float32] = (stretched * (high - low) + low).astype(np.float32)
    return resized


def resize(
    image: NDArray[Any],
    output_shape: ArrayLike,
    order: int = 1,
    mode: str = "constant",
    cval: float = 0.0,
    clip: bool = True,
    preserve_range: bool = False,
) -> NDArray[np.float64]:
    """A picture, H x W or H x W x C, in another size, as the scikit-image of Caffe's time did it.

    Pixel centres are at halves, what lies outside is `cval`, and nothing is smoothed before a
    picture is made smaller. Whole numbers become 0 .. 1 unless the range is preserved; the result
    is cut to the range of the picture where `clip` is true. `order` is 0, 1 or 3.

    Raises CatdogError for another order or mode, or another number of channels.
    """
    source, shape = np.asarray(image), tuple(int(extent) for extent in np.asarray(output_shape))
    if mode != "constant" or shape[2:] not in ((), source.shape[2:]) or source.ndim not in (2, 3):
        raise CatdogError(
            f'cannot resize {source.shape} to {shape} with mode "{mode}"',
            where="caffe.io.resize",
            remedy="use skimage.transform.resize",
        )
    whole = np.issubdtype(source.dtype, np.integer) and not preserve_range
    numbers = source / float(np.iinfo(source.dtype).max) if whole else source.astype(np.float64)
    resized = _resize(numbers - cval, shape[0], shape[1], order) + cval
    clipped = resized.clip(numbers.min(), numbers.max()) if clip else resized
    # what lies outside altogether stays
    return np.where(resized == cval, cval, clipped)


def _resize(image: Floats, height: int, width: int, order: int) -> Floats:
    """An H x W x C picture in another size, pixel centres at halves (skimage.transform.resize).

    What lies outside counts as 0, so that the outermost pixels of a larger picture fade; there is
    no smoothing before a picture is made smaller. `order` is 0 (nearest), 1 (linear) or 3 (cubic).
    """
    rows = (np.arange(height) + 0.5) * image.shape[0] / height - 0.5
    columns = (np.arange(width) + 0.5) * image.shape[1] / width - 0.5
    return _sampled(_sampled(image, rows, 0, order), columns, 1, order)


def _zoom(image: Floats, height: int, width: int, order: int) -> Floats:
    """An H x W x C picture in another size, corner pixels on corners (scipy.ndimage.zoom)."""
    rows = np.linspace(0, image.shape[0] - 1, height)
    columns = np.linspace(0, image.shape[1] - 1, width)
    sampled = _splined if order == 3 else _sampled
    return sampled(sampled(image, rows, 0, order), columns, 1, order)


def _splined(image: Floats, places: Floats, axis: int, _order: int) -> Floats:
    """The cubic B-spline through the pixels of an axis, mirrored at its ends, at places of it."""
    size = image.shape[axis]
    through = _spline_weights(np.arange(size, dtype=float), size)
    weights = _spline_weights(places, size) @ np.linalg.inv(through)
    return np.moveaxis(np.tensordot(weights, image, (1, axis)), 0, axis)


def _spline_weights(places: Floats, size: int) -> Floats:
    """The weight of each coefficient of a cubic B-spline at each place: places x size."""
    weights = np.zeros((len(places), size))
    for offset in range(-1, 3):
        index = np.floor(places).astype(int) + offset
        d = np.abs(places - index)
        weight = np.where(d < 1, 2 / 3 - d * d * (1 - d / 2), np.maximum(2 - d, 0) ** 3 / 6)
        last = max(size - 1, 1)
        mirrored = last - np.abs(last - np.abs(index) % (2 * last))
        np.add.at(weights, (np.arange(len(places)), mirrored.clip(0, size - 1)), weight)
    return weights


def _nearest(distance: Floats) -> Floats:
    return ((distance > -0.5) & (distance <= 0.5)).astype(distance.dtype)


def _linear(distance: Floats) -> Floats:
    weights: Floats = np.maximum(1 - np.abs(distance), 0)
    return weights


def _cubic(distance: Floats) -> Floats:
    """The cubic through four points with the tension of Catmull and Rom."""
    d = np.abs(distance)
    near = 1 + d * d * (1.5 * d - 2.5)
    far = 2 - d * (4 - d * (2.5 - 0.5 * d))
    weights: Floats = np.where(d <= 1, near, np.where(d < 2, far, 0))
    return weights


_KERNELS: dict[int, tuple[int, Kernel]] = {0: (1, _nearest), 1: (1, _linear), 3: (2, _cubic)}


def _sampled(image: Floats, places: Floats, axis: int, order: int) -> Floats:
    """The picture at fractional places of an axis."""
    if order not in _KERNELS:
        raise CatdogError(f"there is no interpolation of order {order}", remedy="use 0, 1 or 3")
    reach, kernel = _KERNELS[order]
    size, floor = image.shape[axis], np.floor(places).astype(int)
    total: Floats | None = None
    for offset in range(1 - reach, 1 + reach):
        index = floor + offset
        inside = (index >= 0) & (index < size)
        weights = (kernel(index - places) * inside).astype(image.dtype)
        taken = image.take(index.clip(0, size - 1), axis)
        part = taken * weights.reshape([-1 if i == axis else 1 for i in range(image.ndim)])
        total = part if total is None else total + part
    assert total is not None  # every kernel reaches at least two pixels
    return total
