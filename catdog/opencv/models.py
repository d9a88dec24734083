"""cv2.dnn's models over Caffe's nets: a photo in, classes, boxes, a mask or points out."""

from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from catdog.layers.forks.detection import ROW
from catdog.opencv.description import Description
from catdog.opencv.failure import NetError
from catdog.opencv.model import Array
from catdog.opencv.net import Net
from catdog.opencv.reading import readNet

#: What OpenCV gives a net with an input im_info beside height and width.
_IM_INFO_SCALE = 1.6
#: A box of so many pixels and fewer is one in shares of the photo.
_IN_SHARES = 2


class PhotoModel:
    """A net, and how a photo becomes its input: cv2.dnn.Model.

    `Model(caffemodel, prototxt)` or `Model(net)`. For a net that is not Caffe's the class of cv2's
    own is made.
    """

    #: cv2.dnn's class of this name.
    native: Any = cv2.dnn.Model

    def __new__(cls, model: Any = None, config: Any = "", *, network: Any = None) -> Any:
        """A model of ours for a net of Caffe's, else one of cv2's."""
        given = network if network is not None else model
        net = readNet(given, config) if isinstance(given, str) else given
        # a net of another framework is a Net too, see the class
        if not isinstance(net, Description):
            return cls.native(net)
        assert isinstance(net, Net)
        made = super().__new__(cls)
        made._begin(net)
        return made

    def _begin(self, net: Net) -> None:
        self._net = net
        shape = next(iter(net.model.inputs.values())) or ()
        self._size = (shape[3], shape[2]) if len(shape) == 4 else (0, 0)
        self._scale: Any = 1.0
        self._mean: Any = (0, 0, 0)
        self._swap, self._crop = False, False
        self._names = net.getUnconnectedOutLayersNames()

    def setInputParams(
        self,
        scale: Any = 1.0,
        size: tuple[int, int] = (0, 0),
        mean: Any = (0, 0, 0),
        swapRB: bool = False,
        crop: bool = False,
    ) -> None:
        """How photos are prepared, as blobFromImage has it."""
        self._scale, self._size, self._mean = scale, size, mean
        self._swap, self._crop = swapRB, crop

    def setInputSize(self, *size: Any) -> Self:
        """Width and height of the input, as two numbers or as a pair."""
        self._size = tuple(size[0] if len(size) == 1 else size)
        return self

    def setInputMean(self, mean: Any) -> Self:
        """What is subtracted from each channel."""
        self._mean = mean
        return self

    def setInputScale(self, scale: Any) -> Self:
        """What the difference is multiplied by."""
        self._scale = scale
        return self

    def setInputSwapRB(self, swapRB: bool) -> Self:
        """Whether red and blue change places."""
        self._swap = swapRB
        return self

    def setInputCrop(self, crop: bool) -> Self:
        """Whether the middle of the photo is taken, which keeps its proportions."""
        self._crop = crop
        return self

    def setOutputNames(self, outNames: Any) -> Self:
        """The layers whose outputs `predict` gives."""
        self._names = tuple(outNames)
        return self

    def setPreferableBackend(self, backendId: int) -> Self:
        """Nothing: the net runs on the cores."""
        return self

    def setPreferableTarget(self, targetId: int) -> Self:
        """Nothing: the net runs on the cores."""
        return self

    def enableWinograd(self, useWinograd: bool) -> Self:
        """Nothing: how a convolution is computed is not chosen here."""
        return self

    def predict(self, frame: Any, outs: Any = None) -> tuple[Array, ...]:
        """The outputs of a photo, height x width x channels."""
        if not all(self._size):
            raise NetError("the input's size is not known", remedy="call setInputSize")
        scale = self._scale if np.ndim(self._scale) else (self._scale,) * 4
        params = cv2.dnn.Image2BlobParams()
        params.scalefactor, params.mean = tuple(scale), self._mean
        params.size, params.swapRB = self._size, self._swap
        if self._crop:
            params.paddingmode = cv2.dnn.DNN_PMODE_CROP_CENTER
        self._net.setInput(cv2.dnn.blobFromImageWithParams(frame, params))
        if self._wants_im_info:
            width, height = self._size
            self._net.setInput(np.array([[height, width, _IM_INFO_SCALE]], np.float32), "im_info")
        found: tuple[Array, ...] = self._net.forward(self._names)
        return found

    @property
    def _wants_im_info(self) -> bool:
        return "im_info" in self._net.model.inputs


class ClassificationModel(PhotoModel):
    """cv2.dnn.ClassificationModel: the likeliest class of a photo."""

    native = cv2.dnn.ClassificationModel
    _softmax = False

    def setEnableSoftmaxPostProcessing(self, enable: bool) -> Self:
        """Whether `classify` makes probabilities of the net's output."""
        self._softmax = enable
        return self

    def getEnableSoftmaxPostProcessing(self) -> bool:
        """Whether `classify` makes probabilities."""
        return self._softmax

    def classify(self, frame: Any) -> tuple[int, float]:
        """The number of the likeliest class, and its score."""
        (scores,) = (out.ravel() for out in self.predict(frame)[:1])
        if self._softmax:
            scores = np.exp(scores - scores.max())
            scores = scores / scores.sum()
        best = int(scores.argmax())
        return best, float(scores[best])


class SegmentationModel(PhotoModel):
    """cv2.dnn.SegmentationModel: the class of each pixel."""

    native = cv2.dnn.SegmentationModel

    def segment(self, frame: Any, mask: Any = None) -> NDArray[np.uint8]:
        """The classes, height x width of the net's output."""
        scores = self.predict(frame)[0]
        classes: NDArray[np.uint8] = scores[0].argmax(0).astype(np.uint8)
        return classes


class KeypointsModel(PhotoModel):
    """cv2.dnn.KeypointsModel: the place of each point in a photo."""

    native = cv2.dnn.KeypointsModel

    def estimate(self, frame: Any, thresh: float = 0.5) -> Array:
        """Points x 2 in pixels of the photo; -1, -1 where none is as likely as `thresh`.

        The last map of a net is the background. A net without maps gives the points themselves.
        """
        found = self.predict(frame)[0]
        if found.ndim != 4:
            return found.reshape(found.shape[1], -1)[:, :2]
        _, points, height, width = found.shape
        maps = found[0, : points - 1].reshape(points - 1, -1)
        rows, columns = np.divmod(maps.argmax(1), width)
        size = np.array([frame.shape[1] / width, frame.shape[0] / height], np.float32)
        places = np.stack([columns, rows], 1).astype(np.float32) * size
        return np.where(maps.max(1, keepdims=True) > thresh, places, np.float32(-1))


class DetectionModel(PhotoModel):
    """cv2.dnn.DetectionModel: boxes of a net that ends with DetectionOutput."""

    native = cv2.dnn.DetectionModel
    _across = False

    def setNmsAcrossClasses(self, value: bool) -> Self:
        """Kept: DetectionOutput has looked at overlaps already."""
        self._across = value
        return self

    def getNmsAcrossClasses(self) -> bool:
        """What was set."""
        return self._across

    def detect(
        self, frame: Any, confThreshold: float = 0.5, nmsThreshold: float = 0.0
    ) -> tuple[Any, Any, Any]:
        """Classes, scores and boxes [left, top, width, height] in pixels of the photo.

        Arrays, or empty tuples where nothing is found, as in OpenCV.
        """
        last = self._net.graph.layers[-1]
        if last.type != "DetectionOutput":
            raise NetError(
                f'the net ends with "{last.name}" ({last.type}), not with DetectionOutput',
                remedy="take predict, and find the boxes in what it gives",
            )
        rows = np.concatenate([out.reshape(-1, ROW) for out in self.predict(frame)])
        rows = rows[rows[:, 2] >= np.float32(confThreshold)]
        if not len(rows):
            return (), (), ()
        width, height = self._size if self._wants_im_info else frame.shape[1::-1]
        boxes = np.array([_box(row[3:], width, height) for row in rows], np.int32)
        return rows[:, 1].astype(np.int32), rows[:, 2].copy(), boxes


def _box(corners: Array, width: int, height: int) -> list[int]:
    """Corners in pixels or in shares of a photo as OpenCV cuts them to whole pixels."""
    left, top, right, bottom = map(int, corners)
    if right - left + 1 <= _IN_SHARES or bottom - top + 1 <= _IN_SHARES:
        size = np.array([width, height, width, height], np.float32)
        left, top, right, bottom = map(int, corners * size)
    wide, high = right - left + 1, bottom - top + 1
    left, top = (max(0, min(at, most - 1)) for at, most in ((left, width), (top, height)))
    return [left, top, max(1, min(wide, width - left)), max(1, min(high, height - top))]
