"""Operators of ONNX that torch has not for graphs: what they compute, how they are written.

For torch they are operators of a library of its own, "catdog"; no file but ONNX can hold them.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

#: In which they are written; torch brings the model to the opset that is asked for.
_OPSET = "opset18"


@torch.library.custom_op("catdog::unsuppressed", mutates_args=())
def unsuppressed(boxes: Tensor, order: Tensor, threshold: float) -> Tensor:
    """Which of boxes (groups, number, 4) stay, a mask (groups, number).

    In each group those with a positive `order` (groups, number), the larger the earlier, stay if
    they overlap none that stays before them by more than the threshold.
    """
    from torchvision.ops import nms

    kept = torch.zeros(order.shape, dtype=torch.bool, device=order.device)
    for group in range(len(boxes)):
        (given,) = (order[group] > 0).nonzero(as_tuple=True)
        stay: Tensor = nms(boxes[group, given], order[group, given], threshold)
        kept[group, given[stay]] = True
    return kept


@unsuppressed.register_fake
def _(_boxes: Tensor, order: Tensor, _threshold: float) -> Tensor:
    return torch.empty_like(order, dtype=torch.bool)


@torch.library.custom_op("catdog::region_maximum", mutates_args=())
def region_maximum(x: Tensor, regions: Tensor, scale: float, rows: int, columns: int) -> Tensor:
    """The largest number of each of rows x columns bins of each region (R, 5) of features."""
    import torchvision.ops  # noqa: F401  # registers the operator

    top: Tensor = torch.ops.torchvision.roi_pool(x, regions, scale, rows, columns)[0]
    return top.clone()


@region_maximum.register_fake
def _(x: Tensor, regions: Tensor, _scale: float, rows: int, columns: int) -> Tensor:
    return x.new_empty((regions.shape[0], x.shape[1], rows, columns))


def translations() -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """How torch's exporter writes each."""
    op: Any = getattr(importlib.import_module("onnxscript"), _OPSET)

    def non_max_suppression(boxes: Any, order: Any, threshold: float) -> Any:
        most = op.Squeeze(op.Shape(order, start=1, end=2), op.Constant(value_ints=[0]))
        kept = op.NonMaxSuppression(
            boxes,
            op.Unsqueeze(order, op.Constant(value_ints=[1])),
            most,
            op.Constant(value_float=threshold),
            op.Constant(value_float=0.0),
        )
        # rows of group, class (there is one) and number
        places = op.Gather(kept, op.Constant(value_ints=[0, 2]), axis=1)
        zeros = op.Mul(order, op.Constant(value_float=0.0))
        ones = op.Expand(op.Constant(value_float=1.0), op.Shape(kept, start=0, end=1))
        return op.Greater(op.ScatterND(zeros, places, ones), op.Constant(value_float=0.5))

    def max_roi_pool(x: Any, regions: Any, scale: float, rows: int, columns: int) -> Any:
        return op.MaxRoiPool(x, regions, pooled_shape=[rows, columns], spatial_scale=scale)

    return {
        torch.ops.catdog.unsuppressed.default: non_max_suppression,
        torch.ops.catdog.region_maximum.default: max_roi_pool,
    }
