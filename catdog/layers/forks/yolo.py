"""Layers of YOLO v2 and v3 (eric612/MobileNet-YOLO)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from catdog.layers.base import Count, Family, Layer
from catdog.layers.forks.detection import ROW, nothing_found
from catdog.layers.forks.regions import suppress
from catdog.layers.frame import check_images
from catdog.layers.loss import precise
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape


class Reorg(Layer):
    """Pixels to channels as darknet has them, or with reverse channels to pixels.

    With reverse: C x H x W to C / s^2 x H s x W s, s the stride; channel k gives the pixels of
    channel k mod (C / s^2) at row k div (C / s^2) div s and column k div (C / s^2) mod s of each
    block. Without, the inverse of that map, applied to the numbers of the bottom read as C / s^2 x
    H s x W s; its result, C x H x W, is then read as C s^2 x H / s x W / s. The gradient is that
    of the map. (MobileNet-YOLO, reorg_layer.cpp.)
    """

    messages = ("reorg_param",)
    family = Family.SHAPING
    keeps_zeros = True
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        check_images(self, shapes[0])
        self._stride = self.param.reorg_param.stride
        if not self._stride:
            raise self.error("has no stride", field="stride", remedy="give 1 or more")
        _, channels, height, width = shapes[0]
        block = self._stride**2
        if channels % block:
            raise self.error(
                f"has {channels} channels, no multiple of stride {self._stride} squared",
                field="stride",
                remedy=f"give the layer before it a multiple of {block} channels",
            )
        if not self.param.reorg_param.reverse and (height % self._stride or width % self._stride):
            raise self.error(
                f"has a bottom {list(shapes[0])}, not of a multiple of stride {self._stride}",
                field="stride",
                remedy="give pictures whose size is such a multiple",
            )

    def per_example(self) -> bool:
        return True

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"stride {param.reorg_param.stride}"

    def forward(self, x: Tensor) -> Tensor:
        number, channels, height, width = x.shape
        stride = self._stride
        fewer = channels // stride**2
        if self.param.reorg_param.reverse:
            apart = x.reshape(number, stride, stride, fewer, height, width)
            pixels = apart.permute(0, 3, 4, 1, 5, 2)
            return pixels.reshape(number, fewer, height * stride, width * stride)
        apart = x.reshape(number, fewer, height, stride, width, stride).permute(0, 3, 5, 1, 2, 4)
        return apart.reshape(number, channels * stride**2, height // stride, width // stride)


class FoundBoxes(NamedTuple):
    """Boxes that a grid of cells found: centres and sizes as shares of the picture, K x 4, scores
    and numbers of classes, K."""

    boxes: Tensor
    scores: Tensor
    classes: Tensor


class YoloOutput(Layer):
    """What the outputs of both versions share: grids of cells, one row for each box that is found.

    The top is 1 x 1 x K x 7, rows of [0, class + 1, score, xmin, ymin, xmax, ymax], the corners as
    shares of the picture and not cut; by falling score, of equal ones the first found. The boxes
    of all pictures and classes go through one suppression. Where nothing is found there is a row of
    the number of the picture and -1 for each.
    """

    family = Family.RESULT
    no_gradient = frozenset(range(8))
    one_for_batch = True

    def top_shapes(self, *_: Shape) -> list[Shape]:
        return [(1, 1, 1, ROW)]

    def _check_grid(self, shape: Shape, boxes: int, classes: int) -> None:
        check_images(self, shape)
        if not classes:
            raise self.error("has num_classes 0", field="num_classes", remedy="give 1 or more")
        if shape[1] != boxes * (5 + classes):
            raise self.error(
                f"needs {boxes * (5 + classes)} channels for {boxes} boxes and {classes} classes, "
                f"but a bottom is {list(shape)}",
                field="bottom",
                remedy="change num_classes and num_box, or num_output of the layer before it",
            )

    def _check_biases(self, boxes: int, biases: Sequence[float], needed: int) -> None:
        if not boxes:
            raise self.error("has num_box 0", field="num_box", remedy="give 1 or more")
        if len(biases) < 2 * needed:
            raise self.error(
                f"has {len(biases)} biases for {needed} boxes",
                field="biases",
                remedy=f"give {2 * needed}: a width and a height for each",
            )
        if wrong := [each for each in biases if not each > 0]:
            remedy = "give widths and heights larger than 0"
            raise self.error(f"has a bias of {wrong[0]:g}", field="biases", remedy=remedy)

    def _check_threshold(self, threshold: float) -> None:
        if not threshold >= 0:
            raise self.error(
                f"has nms_threshold {threshold:g}", field="nms_threshold", remedy="give 0 or more"
            )

    def _rows(self, found: Sequence[FoundBoxes], pictures: int, threshold: float) -> Tensor:
        boxes, scores, classes = (torch.cat(each) for each in zip(*found, strict=True))
        if not len(scores):
            return nothing_found(pictures, boxes)
        scores, order = scores.sort(descending=True, stable=True)
        boxes = boxes[order]
        centres, halves = boxes[:, :2], boxes[:, 2:] / 2
        corners = torch.cat((centres - halves, centres + halves), 1)
        kept = suppress(corners, threshold, alike=True)
        labels = classes[order[kept]] + 1
        head = torch.stack((torch.zeros_like(scores[kept]), labels.to(scores), scores[kept]), 1)
        return torch.cat((head, corners[kept]), 1)[None, None]


def _placed(cells: Tensor, biases: Tensor, reach: tuple[int, int]) -> Tensor:
    """Boxes of a grid N x n x (5 + classes) x H x W: centres in its cells, sizes the exponentials
    times the biases n x 2, by `reach`, the width and height that the biases are measured in."""
    height, width = cells.shape[3:]
    column, row = (torch.arange(size).to(cells) for size in (width, height))
    x = (cells[:, :, 0].sigmoid() + column) / width
    y = (cells[:, :, 1].sigmoid() + row[:, None]) / height
    wide, tall = (cells[:, :, 2 + i].exp() * biases[:, i, None, None] / reach[i] for i in range(2))
    return torch.stack((x, y, wide, tall), -1)


class YoloDetectionOutput(YoloOutput):
    """The boxes of YOLO v2: of each cell and bias one, of the likeliest class.

    Bottoms, one or two: N x (num_box * (5 + num_classes)) x H x W; biases in cells. A box is found
    where sigmoid(object) * softmax(classes) is confidence_threshold or more.
    The top is as `YoloOutput` says. `side` is that of the bottom, whatever the field says.
    (MobileNet-YOLO, yolo_detection_output_layer.cpp.)
    """

    messages = ("yolo_detection_output_param",)
    bottoms = Count(1, 2)

    def setup(self, *shapes: Shape) -> None:
        param = self.param.yolo_detection_output_param
        if param.coords != 4:
            raise self.error(
                f"has coords {param.coords}", field="coords", remedy="leave it out: there are 4"
            )
        if param.label_map_file:
            raise self.error(
                "does not look at label_map_file",
                field="label_map_file",
                remedy="leave it out: rows have the numbers of classes",
            )
        self._check_biases(param.num_box, param.biases, param.num_box)
        self._check_threshold(param.nms_threshold)
        for shape in shapes:
            self._check_grid(shape, param.num_box, param.num_classes)

    def forward(self, *grids: Tensor) -> Tensor:
        found = [self._found(precise(grid.detach())) for grid in grids]
        threshold = self.param.yolo_detection_output_param.nms_threshold
        return self._rows(found, len(grids[0]), threshold)

    def _found(self, grid: Tensor) -> FoundBoxes:
        boxes, scores, classes = self.every(grid)
        chosen = scores >= self.param.yolo_detection_output_param.confidence_threshold
        return FoundBoxes(boxes[chosen], scores[chosen], classes[chosen])

    def every(self, grid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The boxes of all cells, N x H x W x num_box x 4, their scores and their classes."""
        param = self.param.yolo_detection_output_param
        number, _, height, width = grid.shape
        cells = grid.reshape(number, param.num_box, 5 + param.num_classes, height, width)
        biases = grid.new_tensor(param.biases[: 2 * param.num_box]).view(-1, 2)
        boxes = _placed(cells, biases, (width, height))
        shares, classes = cells[:, :, 5:].softmax(2).max(2)
        scores = cells[:, :, 4].sigmoid() * shares
        order = (0, 2, 3, 1)
        return boxes.permute(*order, 4), scores.permute(order), classes.permute(order)


class Yolov3DetectionOutput(YoloOutput):
    """The boxes of YOLO v3: of each cell and bias one for every class that is likely enough.

    Bottoms, mask_group_num of them: N x (num_box * (5 + num_classes)) x H x W. The numbers of mask
    are shared out among them in order and name pairs of biases, in pixels of a picture that is
    anchors_scale times as wide as the bottom. A box is found where sigmoid(object) *
    sigmoid(class) is larger than confidence_threshold.
    The top is as `YoloOutput` says. (MobileNet-YOLO, yolov3_detection_output_layer.cpp.)
    """

    messages = ("yolov3_detection_output_param",)
    bottoms = Count(1, 8)

    def setup(self, *shapes: Shape) -> None:
        param = self.param.yolov3_detection_output_param
        if param.gaussian_box:
            raise self.error(
                "does not know gaussian_box",
                field="gaussian_box",
                remedy="leave it out; the fork itself computes it on a GPU alone",
            )
        if len(shapes) != param.mask_group_num:
            raise self.error(
                f"has mask_group_num {param.mask_group_num} and {len(shapes)} bottom(s)",
                field="mask_group_num",
                remedy="give the number of bottoms",
            )
        self._check_masks(len(shapes))
        self._check_threshold(param.nms_threshold)
        for shape in shapes:
            self._check_grid(shape, param.num_box, param.num_classes)

    def _check_masks(self, grids: int) -> None:
        param = self.param.yolov3_detection_output_param
        if len(param.mask) != grids * param.num_box:
            raise self.error(
                f"has {len(param.mask)} numbers in mask for {param.num_box} boxes in each of "
                f"{grids} bottom(s)",
                field="mask",
                remedy=f"give {grids * param.num_box}",
            )
        self._check_biases(param.num_box, param.biases, max(param.mask, default=0) + 1)
        if len(param.anchors_scale) != grids or not all(param.anchors_scale):
            raise self.error(
                f"has anchors_scale {list(param.anchors_scale)} for {grids} bottom(s)",
                field="anchors_scale",
                remedy="give one for each, 1 or more",
            )

    def forward(self, *grids: Tensor) -> Tensor:
        found = [self._found(i, precise(grid.detach())) for i, grid in enumerate(grids)]
        threshold = self.param.yolov3_detection_output_param.nms_threshold
        return self._rows(found, len(grids[0]), threshold)

    def _found(self, index: int, grid: Tensor) -> FoundBoxes:
        boxes, scores = self.every(index, grid)
        places = scores > self.param.yolov3_detection_output_param.confidence_threshold
        example, row, column, box, kind = places.nonzero().unbind(1)
        found = boxes[example, row, column, box]
        return FoundBoxes(found, scores[example, row, column, box, kind], kind)

    def every(self, index: int, grid: Tensor) -> tuple[Tensor, Tensor]:
        """The boxes of all cells of a bottom, N x H x W x num_box x 4, and the scores of each for
        every class."""
        param = self.param.yolov3_detection_output_param
        number, _, height, width = grid.shape
        cells = grid.reshape(number, param.num_box, 5 + param.num_classes, height, width)
        mask = param.mask[index * param.num_box :][: param.num_box]
        biases = grid.new_tensor([param.biases[2 * i : 2 * i + 2] for i in mask])
        scale = param.anchors_scale[index]
        boxes = _placed(cells, biases, (width * scale, height * scale))
        scores = cells[:, :, 4:5].sigmoid() * cells[:, :, 5:].sigmoid()
        return boxes.permute(0, 2, 3, 1, 4), scores.permute(0, 3, 4, 1, 2)


TABLE: dict[str, type[Layer]] = {
    "Reorg": Reorg,
    "YoloDetectionOutput": YoloDetectionOutput,
    "Yolov3DetectionOutput": Yolov3DetectionOutput,
}
