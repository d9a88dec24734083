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

    With 1 or 3 channels it is scikit-image's resize, with pixel centres at halves, of the picture
    stretched to 0 .. 1; with others SciPy's zoom, with corners on corners. interp_order is 0, 1
    or 3.
    """
    height, width = (int(extent) for extent in np.asarray(new_dims))
    source = np.asarray(im, np.float32)
    if source.shape[-1] not in (1, 3):
        return _zoom(source, height, width, interp_order).astype(np.float32)
    low, high = source.min(), source.max()
    if low == high:
        return np.full((height, width, source.shape[-1]), low, np.float32)
    stretched = _resize((source - low) / (high - low), height, width, interp_order)
    resized: NDArray[np.float32] = (stretched * (high - low) + low).astype(np.float32)
    return resized


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
    return _sampled(_sampled(image, rows, 0, order), columns, 1, order)


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
        weights = (kernel(index - places) * inside).astype(np.float32)
        taken = image.take(index.clip(0, size - 1), axis)
        part = taken * weights.reshape([-1 if i == axis else 1 for i in range(image.ndim)])
        total = part if total is None else total + part
    assert total is not None  # every kernel reaches at least two pixels
    return total
