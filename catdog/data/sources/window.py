"""WindowData: windows of pictures as R-CNN samples them (caffe/layers/window_data_layer.cpp)."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from catdog.data.sources.base import Batch, Context, Source, batch_size_of
from catdog.data.sources.image import decode_picture, read_bytes
from catdog.data.sources.window_list import LabelledWindow, WindowList, read_windows
from catdog.data.transform import Picture, Transform, shape_text
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape

_CHANNELS = 3


@dataclass(frozen=True)
class Placement:
    """The part of a picture to take (corners inclusive), its size in the net, and where it goes."""

    x1: int
    y1: int
    x2: int
    y2: int
    width: int
    height: int
    left: int = 0
    top: int = 0


class WindowData(Source):
    """Batches of background windows (label 0), then a fraction of object windows, at random.

    A window with an overlap of fg_threshold or more is an object, one below bg_threshold is
    background, others are not used. Each is warped to crop_size; with context_pad, or as a
    square, it takes in what is around it, and what lies outside the picture is 0 in the net.

    crop_size, mirror, mean and scale come from transform_param. Mean and scale are applied here,
    since the padding has none. There is no end and no order: `size` is None.
    """

    least_tops = most_tops = 2
    messages = ("window_data_param", "transform_param")

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        self.param = layer.window_data_param
        self.batch_size = batch_size_of(self, self.param.batch_size)
        self._rules = Transform(layer, self.context.phase, self.context.locate)
        self._crop = layer.transform_param.crop_size
        self._check_fields()
        self._mean = self._read_mean()
        path = self.context.locate(self.param.source)
        self._objects, self._background = self._sort(read_windows(path), str(path))
        self._cache: dict[str, bytes] = {}

    @property
    def shapes(self) -> dict[str, Shape]:
        data = (self.batch_size, _CHANNELS, self._crop, self._crop)
        return dict(zip(self.tops, (data, (self.batch_size,)), strict=True))

    def next(self) -> Batch:
        generator = self.generator("batch", self.position, self.context.rank)
        data = np.zeros((self.batch_size, _CHANNELS, self._crop, self._crop), np.float32)
        windows = self._sample(generator)
        mirrored = torch.rand(len(windows), generator=generator) < 0.5
        for target, window, mirror in zip(data, windows, mirrored.tolist(), strict=True):
            self._draw_into(target, window, mirror=mirror and self._rules.param.mirror)
        labels = torch.tensor([window.label for window in windows], dtype=torch.float32)
        self.position += 1
        return Batch(dict(zip(self.tops, (torch.from_numpy(data), labels), strict=True)))

    def _sample(self, generator: torch.Generator) -> list[LabelledWindow]:
        objects = int(np.float32(self.batch_size) * np.float32(self.param.fg_fraction))
        wanted = ((self._background, self.batch_size - objects), (self._objects, objects))
        return [
            windows[index]
            for windows, count in wanted
            if count
            for index in torch.randint(len(windows), (count,), generator=generator).tolist()
        ]

    def _draw_into(
        self, target: NDArray[np.float32], window: LabelledWindow, *, mirror: bool
    ) -> None:
        """Write a window's numbers into its part of the batch, channels x crop x crop of zeros."""
        picture = self._picture(window)
        at = self._placement(window, picture, mirror=mirror)
        part = picture[at.y1 : at.y2 + 1, at.x1 : at.x2 + 1]
        warped = cv2.resize(part, (at.width, at.height), interpolation=cv2.INTER_LINEAR)
        pixels = (warped[:, ::-1] if mirror else warped).transpose(2, 0, 1).astype(np.float32)
        rows, columns = slice(at.top, at.top + at.height), slice(at.left, at.left + at.width)
        mean = self._mean if self._mean.shape[1:] == (1, 1) else self._mean[:, rows, columns]
        target[:, rows, columns] = (pixels - mean) * np.float32(self._scale)

    def _placement(self, window: LabelledWindow, picture: Picture, *, mirror: bool) -> Placement:
        square = self.param.crop_mode == "square"
        if not self.param.context_pad and not square:
            corners = (window.x1, window.y1, window.x2, window.y2)
            return self._inside(Placement(*corners, self._crop, self._crop), window, picture)
        expanded = expand(window, self._crop, self.param.context_pad, square=square)
        return fit(expanded, picture.shape, self._crop, mirror=mirror)

    def _inside(self, at: Placement, window: LabelledWindow, picture: Picture) -> Placement:
        height, width = picture.shape[:2]
        if not (0 <= at.x1 <= at.x2 < width and 0 <= at.y1 <= at.y2 < height):
            raise DataError(
                f"window {window.x1} {window.y1} {window.x2} {window.y2} is not inside "
                f"{window.picture}, which is {width} wide and {height} high",
                where=self.param.source,
                remedy="correct the window file, or set context_pad",
            )
        return at

    def _picture(self, window: LabelledWindow) -> Picture:
        path = self.context.locate(self.param.root_folder + window.picture)
        content = self._cache.get(window.picture)
        if content is None:
            content = read_bytes(path)
            if self.param.cache_images:
                self._cache[window.picture] = content
        return decode_picture(content, path, color=True)

    @property
    def _scale(self) -> float:
        # Caffe looks in window_data_param alone, which its own upgrade empties
        named = self.param.HasField("scale")
        return self.param.scale if named else self._rules.param.scale

    def _check_fields(self) -> None:
        if not self._crop:
            raise self.error("needs crop_size in transform_param", field="crop_size")
        if self.layer.transform_param.HasField("augment_param"):
            raise self.error(
                "does not augment its windows",
                field="augment_param",
                remedy="leave it out; mirror works",
            )
        if self.param.crop_mode not in ("warp", "square"):
            raise self.error(
                f'crop_mode "{self.param.crop_mode}" is not known',
                field="crop_mode",
                remedy='"warp" or "square"',
            )
        if 2 * self.param.context_pad >= self._crop:
            raise self.error(
                f"context_pad {self.param.context_pad} leaves nothing of crop_size {self._crop}",
                field="context_pad",
                remedy="make it less than half of crop_size",
            )

    def _read_mean(self) -> NDArray[np.float32]:
        """The mean where the batch is, channels x crop x crop, or channels x 1 x 1."""
        picture = self._rules.mean_picture
        if picture is None:
            values = list(self._rules.param.mean_value) or [0.0]
            self._rules.shape((_CHANNELS, self._crop, self._crop))
            return np.array(values, np.float32).reshape(-1, 1, 1)
        # one offset for both axes, from the width, as in Caffe
        start = (picture.shape[2] - self._crop) // 2
        cut = picture[:, start : start + self._crop, start : start + self._crop]
        if start < 0 or cut.shape != (_CHANNELS, self._crop, self._crop):
            raise DataError(
                f'layer "{self.name}": the mean is {shape_text(picture.shape)}, '
                f"crop_size is {self._crop}",
                where=self._rules.param.mean_file,
                remedy="compute a mean of pictures of at least crop_size, or give mean_value",
            )
        return cut

    def _sort(
        self, found: WindowList, where: str
    ) -> tuple[list[LabelledWindow], list[LabelledWindow]]:
        objects = [w for w in found.windows if w.overlap >= self.param.fg_threshold]
        background = [
            replace(window, label=0, overlap=0.0)
            for window in found.windows
            if window.overlap < min(self.param.bg_threshold, self.param.fg_threshold)
        ]
        if found.channels != _CHANNELS:
            raise DataError(
                f"gives pictures of {found.channels} channels; they are read in colour",
                where=where,
                remedy=f"write {_CHANNELS}",
            )
        if any(window.label < 1 for window in objects):
            raise DataError("an object window has a label below 1", where=where)
        for kind, windows in (("object", objects), ("background", background)):
            if not windows:
                raise DataError(
                    f"has no {kind} window", where=where, remedy="see fg_threshold, bg_threshold"
                )
        return objects, background


def expand(
    window: LabelledWindow, crop: int, pad: int, *, square: bool
) -> tuple[int, int, int, int]:
    """Corners with `pad` pixels of context once warped to `crop`; may lie outside the picture."""
    scale = np.float32(crop) / np.float32(crop - 2 * pad)
    half_height = np.float32((window.y2 - window.y1 + 1) / 2)
    half_width = np.float32((window.x2 - window.x1 + 1) / 2)
    x, y = np.float32(window.x1) + half_width, np.float32(window.y1) + half_height
    if square:
        half_width = half_height = max(half_width, half_height)
    return (
        _round(x - half_width * scale),
        _round(y - half_height * scale),
        _round(x + half_width * scale),
        _round(y + half_height * scale),
    )


def fit(corners: tuple[int, int, int, int], shape: Shape, crop: int, *, mirror: bool) -> Placement:
    """Clip corners to the picture (height x width ...) and place what is left in the crop."""
    x1, y1, x2, y2 = corners
    outside_left, outside_right = max(0, -x1), max(0, x2 - shape[1] + 1)
    outside_top, outside_bottom = max(0, -y1), max(0, y2 - shape[0] + 1)
    scale_x = np.float32(crop) / np.float32(x2 - x1 + 1)
    scale_y = np.float32(crop) / np.float32(y2 - y1 + 1)
    x1, x2 = x1 + outside_left, x2 - outside_right
    y1, y2 = y1 + outside_top, y2 - outside_bottom
    left = _round(np.float32(outside_right if mirror else outside_left) * scale_x)
    top = _round(np.float32(outside_top) * scale_y)
    width = _round(np.float32(x2 - x1 + 1) * scale_x)
    height = _round(np.float32(y2 - y1 + 1) * scale_y)
    return Placement(x1, y1, x2, y2, min(width, crop - left), min(height, crop - top), left, top)


def _round(value: np.float32) -> int:
    """Round halves away from zero, as C does."""
    return int(math.copysign(math.floor(abs(float(value)) + 0.5), float(value)))


TABLE: dict[str, type[Source]] = {"WindowData": WindowData}
