"""The transformation of pictures between the LMDB and the net (caffe/data_transformer.cpp).

The randomness is drawn first (`draw`), then pictures are cropped and mirrored as bytes (`gather`),
then a whole batch is converted to floats on its device (`apply`). What
augment_param changes is drawn and applied by `catdog.data.augment`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from catdog.data.augment import Changes, Recipe
from catdog.data.augment.geometry import CropWindow
from catdog.data.mean import read_mean
from catdog.errors import DataError, LayerError
from catdog.proto.caffe_pb2 import TRAIN, LayerParameter, Phase
from catdog.runtime.buffers import Buffers
from catdog.runtime.parallel import share
from catdog.spec.shape import Shape

#: A picture: channels x height x width, uint8 or float32, BGR.
Picture = npt.NDArray[Any]
Locate = Callable[[str], Path]


class Cut(NamedTuple):
    """What was drawn for a picture: the corner of the crop, and whether it is mirrored."""

    top: int
    left: int
    mirrored: bool


#: Pictures: fewer are done before a thread has begun.
_WORTH_A_THREAD = 8

#: The cuts of a batch.
Draw = tuple[Cut, ...]


class CropTooLarge(DataError):
    """Data that are smaller than what a net crops from them."""


class Transform:
    """The transform_param of a data layer; `mean`, C x H x W, replaces the one of mean_file.

    Raises LayerError for fields that contradict each other and DataError for a mean file that
    cannot be read.
    """

    def __init__(
        self,
        layer: LayerParameter,
        phase: Phase,
        locate: Locate = Path,
        *,
        mean: npt.NDArray[np.float32] | None = None,
    ) -> None:
        self.param = layer.transform_param
        self.layer, self.phase = layer.name, phase
        if (self.param.HasField("mean_file") or mean is not None) and self.param.mean_value:
            raise self._contradiction("mean_file", "mean_value")
        if self.param.force_color and self.param.force_gray:
            raise self._contradiction("force_color", "force_gray")
        #: Height and width of crops; None where pictures stay whole.
        self.crop = self._checked_crop()
        self.mean_picture = _read_mean(self.param.mean_file, locate) if mean is None else mean
        self._means: dict[torch.device, Tensor] = {}
        # apart, so that bytes do not take the larger memory of numbers
        self._bytes, self._numbers = Buffers(), Buffers()
        recipe = Recipe(layer, self._mean_color())
        #: The random changes of the TRAIN phase, where augment_param asks for some.
        self.recipe = recipe if phase == TRAIN and recipe.active else None

    def shape(self, picture: Sequence[int], where: str = "") -> Shape:
        """Channels, height and width after the transformation of a picture of this shape.

        Raises DataError when mean and picture, or crop and picture, do not fit.
        """
        channels, height, width = picture
        values = len(self.param.mean_value)
        if self.mean_picture is not None and self.mean_picture.shape != (channels, height, width):
            raise DataError(
                f'layer "{self.layer}": the mean {self.param.mean_file or "given"} is '
                f"{shape_text(self.mean_picture.shape)}, the data are {shape_text(picture)}",
                where=where,
                remedy="compute the mean of these data with compute_image_mean, "
                "or give a mean_value for each channel",
            )
        if values > 1 and values != channels:
            raise DataError(
                f'layer "{self.layer}": {values} values of mean_value for data of '
                f"{channels} channel(s)",
                where=where,
                remedy=f"give one, or {channels}",
            )
        if self.crop and (self.crop[0] > height or self.crop[1] > width):
            raise self._too_large(picture, where)
        if self.recipe:
            self.recipe.check_channels(channels)
        return self._cut_shape(picture)

    def draw(self, shapes: Sequence[Sequence[int]], generator: torch.Generator) -> Draw:
        """Draw for a batch of pictures of these shapes; the generator is one of the CPU.

        Crops are random in the TRAIN phase and central in the TEST phase; mirroring is random in
        both.
        """
        uniforms = torch.rand(len(shapes), 3, dtype=torch.float64, generator=generator).tolist()
        high, wide = self.crop or (0, 0)
        return tuple(
            Cut(
                self._offset(height, high, a),
                self._offset(width, wide, b),
                self.param.mirror and c < 0.5,
            )
            for (_, height, width), (a, b, c) in zip(shapes, uniforms, strict=True)
        )

    def draw_changes(
        self, shapes: Sequence[Sequence[int]], draw: Draw, generator: torch.Generator
    ) -> Changes | None:
        """Draw what augment_param changes in a batch of these cuts; None for nothing."""
        if self.recipe is None:
            return None
        height, width = self._cut_shape(shapes[0])[1:]
        windows = [
            CropWindow(cut.left + width / 2, cut.top + height / 2, width, height, cut.mirrored)
            for cut in draw
        ]
        _, *whole = shapes[0]
        return self.recipe.draw(windows, (whole[0], whole[1]), (height, width), generator)

    @property
    def keeps_whole(self) -> bool:
        """Whether `gather` leaves the cropping to `apply`, which needs pixels beyond the crop."""
        return self.recipe is not None and self.recipe.moves

    def gather(self, pictures: Sequence[Picture], draw: Draw) -> Tensor:
        """Cut and mirror pictures into one batch on the host, N x C x H x W, of their own type.

        Once cut they must be of one size, as `shape` tells; before, where it `keeps_whole`.
        Raises DataError for pictures of floats where colours are changed.
        """
        if self.recipe and self.recipe.needs_bytes and pictures[0].dtype != np.uint8:
            raise DataError(
                f'layer "{self.layer}": augment_param changes colours from 0 to 255, the data are '
                f"{pictures[0].dtype}",
                remedy="store pictures as bytes, or leave out what changes colours",
            )
        if self.keeps_whole:
            return torch.from_numpy(np.stack(pictures))
        channels, height, width = self._cut_shape(pictures[0].shape)
        shape = (len(pictures), channels, height, width)
        batch = self._bytes.empty(shape, pictures[0].dtype)
        for index, (picture, cut) in enumerate(zip(pictures, draw, strict=True)):
            batch[index] = picture[:, cut.top : cut.top + height, cut.left : cut.left + width]
            if cut.mirrored:
                rows = batch[index].reshape(-1, width)
                cv2.flip(rows, 1, dst=rows)
        return torch.from_numpy(batch)

    def apply(self, batch: Tensor, draw: Draw, changes: Changes | None = None) -> Tensor:
        """(x - mean) * scale of a gathered batch, changed, as float32, on the batch's device.

        A mean picture is cropped and mirrored as the pictures were.
        """
        changed = self.recipe.apply(batch, changes) if self.recipe and changes else None
        if batch.device.type == "cpu":
            return self._apply_here(batch, draw, changed)
        numbers = batch.to(torch.float32, copy=True) if changed is None else changed
        if self.param.mean_value:
            numbers.sub_(torch.tensor(self.param.mean_value, device=batch.device).view(-1, 1, 1))
        elif self.mean_picture is not None:
            height, width = numbers.shape[2:]
            means = self._mean_on(numbers.device)
            corners = mirrored_corners(draw, width, means.shape[-1])
            numbers.sub_(mean_windows(means, corners, height, width))
        return numbers if self.param.scale == 1 else numbers.mul_(self.param.scale)

    def _apply_here(self, batch: Tensor, draw: Draw, changed: Tensor | None) -> Tensor:
        """`apply` on the CPU, in threads of our own: torch's would wait for busy cores.

        One picture after the other, so that each stays in the cache.
        """
        pictures = (batch if changed is None else changed).numpy()
        numbers = self._numbers.empty(pictures.shape, np.float32) if changed is None else pictures
        taken = self._subtracted(draw, pictures.shape)

        def work(part: slice) -> None:
            for number, picture, value in zip(
                numbers[part], pictures[part], taken[part], strict=True
            ):
                np.subtract(picture, value, out=number)
                if self.param.scale != 1:
                    np.multiply(number, np.float32(self.param.scale), out=number)

        share(work, len(pictures), threads=torch.get_num_threads(), least=_WORTH_A_THREAD)
        return torch.from_numpy(numbers)

    def _subtracted(self, draw: Draw, shape: Shape) -> list[npt.NDArray[np.float32]]:
        """The mean to subtract from each picture of a batch of this shape."""
        if self.mean_picture is None or self.param.mean_value:
            values = np.array(self.param.mean_value or (0,), np.float32).reshape(-1, 1, 1)
            return [values] * shape[0]
        height, width = shape[2:]
        means = self._mean_on(torch.device("cpu")).numpy()
        return [
            means[side, :, top : top + height, left : left + width]
            for side, top, left in mirrored_corners(draw, width, means.shape[-1])
        ]

    def restore(self, numbers: Tensor, draw: Draw) -> Tensor:
        """Pixel values again from what `apply` gave: x / scale + mean."""
        least = self.apply(torch.zeros_like(numbers), draw)
        return (numbers - least) / (self.param.scale or 1)

    def labels(self, labels: Sequence[int], changes: Changes | None) -> Tensor:
        """The labels of a batch as float32: N, or N x classes probabilities of mixed pictures.

        Raises DataError for a label that is not a class.
        """
        if self.recipe is None or changes is None:
            return torch.tensor(labels, dtype=torch.float32)
        return self.recipe.labels(labels, changes)

    def label_vectors(self, vectors: Tensor, changes: Changes | None) -> Tensor:
        """The label vectors of a batch, N x L, those of mixed pictures mixed as well.

        Raises DataError where num_classes of augment_param is another number than L.
        """
        if self.recipe is None or changes is None:
            return vectors
        return self.recipe.label_vectors(vectors, changes)

    def label_shape(self, count: int) -> Shape:
        """The shape of the labels of so many pictures."""
        return self.recipe.label_shape(count) if self.recipe else (count,)

    def _mean_on(self, device: torch.device) -> Tensor:
        """The mean picture and its mirror image, 2 x C x H x W."""
        if device not in self._means:
            mean = torch.tensor(self.mean_picture, device=device)
            self._means[device] = torch.stack((mean, mean.flip(-1)))
        return self._means[device]

    def _offset(self, extent: int, size: int, uniform: float) -> int:
        if not size:
            return 0
        # crop_area draws the position itself; the mean is then that of the centre
        at_random = self.phase == TRAIN and not self.param.augment_param.crop_area
        return int(uniform * (extent - size + 1)) if at_random else (extent - size) // 2

    def _cut_shape(self, shape: Sequence[int]) -> Shape:
        return (shape[0], *self.crop) if self.crop else tuple(shape)

    def _checked_crop(self) -> tuple[int, int] | None:
        """Height and width of crops: crop_size, SSD's two fields or DeepLab's; None without any."""
        param = self.param
        pairs = {
            "crop_size": (param.crop_size, param.crop_size),
            "crop_h": (param.crop_h, param.crop_w),
            "crop_height": (param.crop_height, param.crop_width),
        }
        given = {name: pair for name, pair in pairs.items() if any(pair)}
        if len(given) > 1:
            raise self._contradiction(*list(given)[:2])
        for name, pair in given.items():
            if not all(pair):
                other = "crop_w" if name == "crop_h" else "crop_width"
                what = f"needs both of {name} and {other}, or none"
                raise LayerError(what, layer=self.layer, field=name)
        return next(iter(given.values()), None)

    def _too_large(self, picture: Sequence[int], where: str) -> CropTooLarge:
        height, width = self.crop or (0, 0)
        named = f"crop_size {height}" if self.param.crop_size else f"the crop {height} x {width}"
        least = min(picture[1:])
        remedy = f"set crop_size to {least} or less, or store larger pictures"
        if not self.param.crop_size:
            remedy = "crop less, or store larger pictures"
        return CropTooLarge(
            f'layer "{self.layer}": {named} is larger than the data, {shape_text(picture)}',
            where=where,
            remedy=remedy,
        )

    def _mean_color(self) -> Tensor | None:
        if self.mean_picture is not None:
            return torch.from_numpy(self.mean_picture.mean((1, 2)))
        return torch.tensor(self.param.mean_value) if self.param.mean_value else None

    def _contradiction(self, first: str, second: str) -> LayerError:
        return LayerError(
            f"has {first} and {second}", layer=self.layer, field=second, remedy="keep one of them"
        )


def shape_text(shape: Sequence[int]) -> str:
    """`3 x 256 x 256`."""
    return " x ".join(map(str, shape))


def mirrored_corners(draw: Draw, width: int, full: int) -> list[tuple[int, int, int]]:
    """Where cuts of a width are in a mean of the `full` width: 1 in its mirror image, row, column.

    In the mirror image the same cut begins at the other side.
    """
    return [
        (int(cut.mirrored), cut.top, full - width - cut.left if cut.mirrored else cut.left)
        for cut in draw
    ]


def mean_windows(
    means: Tensor, corners: Sequence[tuple[int, int, int]], height: int, width: int
) -> Tensor:
    """N x C x height x width from 2 x C x H x W: for each corner its side, row and column."""
    device = means.device
    side, top, left = torch.tensor(corners, device=device).T[:, :, None]
    rows = top + torch.arange(height, device=device)
    columns = left + torch.arange(width, device=device)
    channels = torch.arange(means.shape[1], device=device)[:, None, None]
    return means[side[..., None, None], channels, rows[:, None, :, None], columns[:, None, None]]


def _read_mean(name: str, locate: Locate) -> npt.NDArray[np.float32] | None:
    """The mean of a .binaryproto, C x H x W; nothing without a name."""
    if not name:
        return None
    path = locate(name)
    mean = read_mean(path)
    if mean.ndim != 3:
        raise DataError(
            f"holds an array of shape {shape_text(mean.shape)}, no mean picture",
            where=str(path),
            remedy="compute one with compute_image_mean",
        )
    return mean
