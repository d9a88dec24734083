"""caffe.Detector: a net applied to windows of pictures (R-CNN)."""

import importlib
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import TEST
from catdog.pycaffe import io
from catdog.pycaffe.classifier import Preparation
from catdog.pycaffe.net import Net

Floats = NDArray[np.floating[Any]]
Path = str | os.PathLike[str]

_PROPOSALS = "selective_search_ijcv_with_python"


class _Span(NamedTuple):
    """Along one axis: what to take from the picture, and where it goes in the crop."""

    begin: int
    end: int
    offset: int
    length: int


class Detector(Net):
    """A deploy net with one input, for windows (ymin, xmin, ymax, xmax) of pictures.

    Args:
        mean, input_scale, raw_scale, channel_swap: as in Transformer.
        context_pad: pixels of surroundings that a window has on each side in the input, the
            mean where the picture ends; none by default.
    """

    def __init__(
        self,
        model_file: Path,
        pretrained_file: Path,
        mean: Floats | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        context_pad: int | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        name = self.inputs[0]
        preparation = Preparation(mean, input_scale, raw_scale, channel_swap)
        self.transformer = preparation.transformer(name, self.blobs[name].shape)
        self.configure_crop(context_pad)

    def configure_crop(self, context_pad: int | None) -> None:
        """Set the surroundings, and what stands in for them outside the picture."""
        name = self.inputs[0]
        channels, height, width = self.blobs[name].shape[1:]
        self.crop_dims = np.array((height, width, channels))
        self.context_pad = context_pad
        self.crop_mean: Floats = np.zeros(self.crop_dims, np.float32)
        if context_pad and name in self.transformer.mean:
            self.crop_mean = self._mean_of_pictures(name)

    def _mean_of_pictures(self, name: str) -> Floats:
        """The mean as a picture before preprocessing."""
        mean = np.asarray(self.transformer.mean[name], np.float32)
        mean = np.broadcast_to(mean, self.blobs[name].shape[1:])
        if name in self.transformer.channel_swap:
            mean = mean[np.argsort(self.transformer.channel_swap[name])]
        return mean.transpose(1, 2, 0) / np.float32(self.transformer.raw_scale.get(name, 1))

    def detect_windows(
        self, images_windows: Iterable[tuple[Path, ArrayLike]]
    ) -> list[dict[str, Any]]:
        """Predictions for windows of picture files: a list of window, prediction, filename."""
        name = self.inputs[0]
        found: list[dict[str, Any]] = []
        crops = []
        for filename, windows in images_windows:
            image = io.load_image(filename)
            for window in np.asarray(windows):
                found.append({"window": window, "filename": filename})
                crops.append(self.transformer.preprocess(name, self.crop(image, window)))
        if not crops:
            return found
        arrays: dict[str, Any] = {name: np.asarray(crops)}
        predictions = self.forward_all(**arrays)[self.outputs[0]]
        for detection, prediction in zip(found, predictions, strict=True):
            detection["prediction"] = prediction
        return found

    def detect_selective_search(self, image_fnames: Sequence[Path]) -> list[dict[str, Any]]:
        """As detect_windows, with windows proposed by the selective search for R-CNN."""
        try:
            proposals = importlib.import_module(_PROPOSALS)
        except ImportError:
            raise CatdogError(
                f"selective search needs the module {_PROPOSALS}",
                remedy="install it with its MATLAB code, or give windows to detect_windows",
            ) from None
        names = [os.path.abspath(name) for name in image_fnames]  # noqa: PTH100 as text, as given
        windows = proposals.get_windows(names, cmd="selective_search_rcnn")
        return self.detect_windows(zip(image_fnames, windows, strict=True))

    def crop(self, im: NDArray[np.float32], window: ArrayLike) -> NDArray[np.float32]:
        """A window of a picture, with surroundings where context_pad asks for them."""
        ymin, xmin, ymax, xmax = np.asarray(window)
        if not self.context_pad:
            return im[int(ymin) : int(ymax), int(xmin) : int(xmax)]
        rows = self._span(ymin, ymax, im.shape[0])
        columns = self._span(xmin, xmax, im.shape[1])
        inner = im[rows.begin : rows.end, columns.begin : columns.end]
        crop = np.array(self.crop_mean, np.float32)
        crop[
            rows.offset : rows.offset + rows.length,
            columns.offset : columns.offset + columns.length,
        ] = io.resize_image(inner, (rows.length, columns.length))
        return crop

    def _span(self, low: float, high: float, extent: int) -> _Span:
        """A side of a window with its surroundings, cut off where the picture ends."""
        size, pad = int(self.crop_dims[1]), self.context_pad or 0
        half = (high - low + 1) / 2
        reach = half * size / (size - 2 * pad)
        begin, end = round(low + half - reach), round(low + half + reach)
        scale = size / (end - begin + 1)
        offset = round(max(0, -begin) * scale)
        begin, end = max(begin, 0), min(end, extent)
        length = min(round((end - begin + 1) * scale), size - offset)
        return _Span(begin, end, offset, length)
