"""The boxes from which detections are offsets, of every place of a feature map (Liu and others
2016; weiliu89/caffe, branch ssd), and those of OpenVINO's training toolbox."""

import math
from collections.abc import Sequence
from itertools import zip_longest

import torch
from torch import Tensor

from catdog.layers.base import TWO, Family, Layer
from catdog.layers.frame import check_images
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape

#: Aspect ratios this close count as one.
CLOSE = 1e-6

Pair = tuple[float, float]


class PriorBox(Layer):
    """Boxes and their variances, 1 x 2 x 4 * height * width * boxes, for a feature map (bottom 0)
    of a picture (bottom 1).

    At each place, row by row, for each min_size: its square, the square of
    sqrt(min_size * max_size) where there are max_size, then for every aspect ratio r other than 1
    a box min_size * sqrt(r) wide and min_size / sqrt(r) high; with `flip` 1 / r follows r. Sizes
    are pixels of the picture, min_size and max_size whole ones. The corners are shares of width and
    height of the picture; places are `step` pixels apart, else as many as picture and map say.

    Raises LayerError for sizes and variances that make no boxes, and for fields of which one
    contradicts another or lacks it.
    """

    messages = ("prior_box_param",)
    family = Family.SHAPING
    bottoms = TWO
    no_gradient = frozenset({0, 1})
    one_for_batch = True
    reads_numbers = False
    _boxes: Tensor

    def setup(self, *shapes: Shape) -> None:
        for shape in shapes:
            check_images(self, shape)
        self._sizes = self._read_sizes()
        self._variances = self._read_variances()
        self._step = self._pair("step", "step")
        self._picture = self._pair("img", "img_size")
        self._made_for = tuple(shapes[0][2:]), tuple(shapes[1][2:])
        boxes = self._make(*self._made_for).float()
        self.register_buffer("_boxes", boxes, persistent=False)

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(1, 2, 4 * math.prod(shapes[0][2:]) * len(self._sizes))]

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        sizes = param.prior_box_param.min_size or param.prior_box_param.height
        return "size " + ", ".join(f"{size:g}" for size in sizes) if sizes else ""

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        sizes = tuple(x.shape[2:]), tuple(image.shape[2:])
        dtype = torch.promote_types(x.dtype, torch.float32)
        if sizes == self._made_for and dtype == self._boxes.dtype:
            # a copy, as a script may write into it
            return self._boxes.to(x.device, copy=True)
        return self._make(*sizes).to(x.device, dtype)

    def _make(self, size: tuple[int, ...], image: tuple[int, ...]) -> Tensor:
        """The top, in float64."""
        height, width = self._picture or image
        steps = self._step or (height / size[0], width / size[1])
        return self.placed(size, steps, torch.tensor([width, height], dtype=torch.float64))

    def placed(self, size: Sequence[int], steps: Sequence[Tensor | float], whole: Tensor) -> Tensor:
        """The top, in float64, of a map of this size, for places so far apart in a picture of
        `whole`, its width and height."""
        param = self.param.prior_box_param
        rows, columns = (
            (torch.arange(side, dtype=torch.float64) + param.offset) * step
            for side, step in zip(size, steps, strict=True)
        )
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        centres = torch.stack([x, y], -1).unsqueeze(2)
        half = torch.tensor(self._sizes, dtype=torch.float64) / 2
        boxes = torch.cat([(centres - half) / whole, (centres + half) / whole], -1)
        if param.clip:
            boxes = boxes.clamp(0, 1)
        variances = torch.tensor(self._variances, dtype=torch.float64).expand_as(boxes)
        return torch.stack([boxes, variances]).reshape(1, 2, -1)

    def _read_sizes(self) -> list[Pair]:
        """Width and height of the boxes of a place, in pixels."""
        param = self.param.prior_box_param
        self._check_absent("width", "height", remedy="that is for PriorBoxClustered")
        least, most = param.min_size, param.max_size
        self._check_positive("min_size", "max_size", "aspect_ratio")
        if not least:
            raise self._fault("has no min_size", "min_size", "give one or more")
        if len(most) not in (0, len(least)):
            what = f"has {len(most)} max_size for {len(least)} min_size"
            raise self._fault(what, "max_size", "give one for each, or none")
        sizes: list[Pair] = []
        for low, high in zip_longest(least, most):
            if high is not None and high <= low:
                what = f"has max_size {high:g} for min_size {low:g}"
                raise self._fault(what, "max_size", "give a larger one")
            sizes += self._of_one(int(low), None if high is None else int(high))
        return sizes

    def _of_one(self, low: int, high: int | None) -> list[Pair]:
        """The boxes of a min_size and its max_size."""
        squares = [low] if high is None else [low, math.sqrt(low * high)]
        roots = [math.sqrt(ratio) for ratio in self._ratios() if abs(ratio - 1) >= CLOSE]
        return [(side, side) for side in squares] + [(low * root, low / root) for root in roots]

    def _ratios(self) -> list[float]:
        param = self.param.prior_box_param
        ratios = [1.0]
        for ratio in param.aspect_ratio:
            if all(abs(ratio - other) >= CLOSE for other in ratios):
                ratios += [ratio, 1 / ratio] if param.flip else [ratio]
        return ratios

    def _read_variances(self) -> list[float]:
        """One for each corner."""
        given = list(self.param.prior_box_param.variance)
        if len(given) not in (0, 1, 4):
            raise self._fault(f"has {len(given)} variances", "variance", "give four, one or none")
        self._check_positive("variance")
        return given if len(given) == 4 else (given or [0.1]) * 4

    def _pair(self, stem: str, both: str) -> Pair | None:
        """The number for height and that for width, from one field or two; None without them."""
        param = self.param.prior_box_param
        names = [name for name in (f"{stem}_h", f"{stem}_w") if param.HasField(name)]
        if param.HasField(both):
            if names:
                raise self._fault(f"has {both} and {names[0]}", both, f"leave out {names[0]}")
            names = [both, both]
        if len(names) == 1:
            raise self._fault(f"has {names[0]} alone", names[0], f"give {stem}_h and {stem}_w")
        for name in names:
            if getattr(param, name) <= 0:
                what = f"has {name} {getattr(param, name):g}"
                raise self._fault(what, name, "give more than 0, or leave it out")
        return (getattr(param, names[0]), getattr(param, names[1])) if names else None

    def _check_positive(self, *fields: str) -> None:
        for field in fields:
            for number in getattr(self.param.prior_box_param, field):
                # cut to a whole number, a size is to be one, too
                if not number > 0 or (field.endswith("_size") and number < 1):
                    remedy = "give 1 or more" if field.endswith("_size") else "give more than 0"
                    raise self._fault(f"has {field} {number:g}", field, remedy)

    def _check_absent(self, *fields: str, remedy: str) -> None:
        for field in fields:
            if getattr(self.param.prior_box_param, field):
                raise self._fault(f"takes no {field}", field, f"leave it out: {remedy}")

    def _fault(self, what: str, field: str, remedy: str) -> Exception:
        return self.error(what, field=f"prior_box_param.{field}", remedy=remedy)


class PriorBoxClustered(PriorBox):
    """PriorBox with one box for each pair of width and height, in pixels that are not cut to whole
    ones, as clustering finds them.

    Raises LayerError as PriorBox does, and for another number of widths than of heights.
    """

    def _read_sizes(self) -> list[Pair]:
        param = self.param.prior_box_param
        other = ("min_size", "max_size", "aspect_ratio")
        self._check_absent(*other, remedy="its boxes are width and height")
        self._check_positive("width", "height")
        if not param.width or len(param.width) != len(param.height):
            what = f"has {len(param.width)} width and {len(param.height)} height"
            raise self._fault(what, "width", "give one of each for every box")
        return list(zip(param.width, param.height, strict=True))


TABLE: dict[str, type[Layer]] = {
    "PriorBox": PriorBox,
    "PriorBoxClustered": PriorBoxClustered,
}
