"""Operators with parameters: convolutions, matrices, batch normalisation."""

from collections.abc import Sequence

import torch
from torch import Tensor

from catdog.export.from_torch.blob import NetBlob, Refused
from catdog.export.from_torch.operator import Converter, Operator, Result, widened


def _convolution(op: Operator) -> Result:
    weight = op.known("weight")
    x, axes = _images(op, weight)
    dilation = op.sizes("dilation", axes)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    margins = tuple(
        (before + own[0], behind + own[1])
        for (before, behind), own in zip(
            x.margins or ((0, 0),) * axes, _padding(op, axes, reach), strict=True
        )
    )
    pads, kernel = widened(weight, margins, dilation)
    return _over_windows(op, "Convolution", NetBlob(x.name, x.shape), kernel, pads)


def _over_windows(
    op: Operator, kind: str, x: NetBlob, kernel: Tensor, pads: Sequence[int]
) -> NetBlob:
    """A Convolution or Deconvolution; stride, dilation, groups and bias are the operator's."""
    bias, axes, groups = op.maybe("bias"), len(pads), op.arguments["groups"]
    param = {
        "num_output": op.shape[1],
        "bias_term": bias is not None,
        **_extents("pad", pads, 0),
        **_extents("kernel_size", kernel.shape[2:]),
        **_extents("stride", op.sizes("stride", axes), 1),
        **_extents("dilation", op.sizes("dilation", axes), 1),
        **({} if groups == 1 else {"group": groups}),
    }
    return op.add(kind, x, blobs=_present(kernel, bias), convolution_param=param)


def _present(weight: Tensor, bias: Tensor | None) -> list[Tensor]:
    return [weight] if bias is None else [weight, bias]


def _images(op: Operator, weight: Tensor) -> tuple[NetBlob, int]:
    """The bottom, its margins still beside it, and how many spatial axes it has."""
    x = op.arguments["input"]
    x = x if isinstance(x, NetBlob) else op.blob("input")
    if len(x.shape) != weight.dim():
        raise Refused("its input has no axis of images")
    return x, weight.dim() - 2


def _padding(op: Operator, axes: int, reach: list[int]) -> list[tuple[int, int]]:
    padding = op.arguments["padding"]
    if padding == "valid":
        return [(0, 0)] * axes
    if padding == "same":
        return [((each - 1) // 2, each // 2) for each in reach]
    return [(each, each) for each in op.sizes("padding", axes)]


def _transposed(op: Operator) -> Result:
    weight = op.known("weight")
    x, axes = _images(op, weight)
    x = op.filled_out(x)
    dilation = op.sizes("dilation", axes)
    further = op.sizes("output_padding", axes)
    if any(f % d for f, d in zip(further, dilation, strict=True)):
        raise Refused("its output_padding falls between the holes of its kernel")
    # rows that only reach further: as a kernel with zeros behind it
    zeros = [n for f, d in zip(further, dilation, strict=True) for n in (f // d, 0)]
    kernel = torch.nn.functional.pad(weight, zeros[::-1])
    return _over_windows(op, "Deconvolution", x, kernel, op.sizes("padding", axes))


def _extents(field: str, numbers: Sequence[int], usual: int | None = None) -> dict[str, object]:
    """A field of a window: one number where they are alike, none where it is the usual one.

    Two that differ are written as _h and _w, which every fork reads.
    """
    if len(set(numbers)) == 1:
        return {} if numbers[0] == usual else {field: [numbers[0]]}
    if len(numbers) == 2 and field != "dilation":
        stem = field.removesuffix("_size")
        return {f"{stem}_h": numbers[0], f"{stem}_w": numbers[1]}
    return {field: list(numbers)}


def _linear(op: Operator) -> Result:
    return _product(op, op.blob("input"), op.known("weight"), op.maybe("bias"))


def _matmul(op: Operator) -> Result:
    second = "mat2" if "mat2" in op.arguments else "other"
    first = "input" if "input" in op.arguments else "self"
    matrix = op.known(second)
    if matrix.dim() != 2:
        raise Refused("its second matrix has not two axes")
    return _product(op, op.blob(first), matrix.t(), None)


def _addmm(op: Operator) -> Result:
    if op.number("beta") != 1 or op.number("alpha") != 1:
        raise Refused("it has a beta or an alpha")
    matrix = op.known("mat2")
    bias = op.known("self").expand(matrix.shape[1])
    return _product(op, op.blob("mat1"), matrix.t(), bias)


def _product(op: Operator, x: NetBlob, weight: Tensor, bias: Tensor | None) -> Result:
    if len(x.shape) < 2:
        raise Refused("its input has no axis of examples")
    axis = len(x.shape) - 1
    param = {"num_output": weight.shape[0], "bias_term": bias is not None}
    param |= {"axis": axis} if axis != 1 else {}
    return op.add("InnerProduct", x, blobs=_present(weight, bias), inner_product_param=param)


def _batch_norm(op: Operator) -> Result:
    mean, variance = op.known("running_mean"), op.known("running_var")
    slope, offset = op.maybe("weight"), op.maybe("bias")
    x = op.add(
        "BatchNorm",
        op.blob("input"),
        in_place=True,
        blobs=[mean, variance, torch.ones(1)],
        batch_norm_param={"use_global_stats": True, "eps": op.number("eps")},
    )
    if slope is not None or offset is not None:
        slope = torch.ones_like(mean) if slope is None else slope
        blobs, param = _present(slope, offset), {"bias_term": offset is not None}
        x = op.add("Scale", x, part="scale", in_place=True, blobs=blobs, scale_param=param)
    # what it keeps of the batch, nobody reads after training
    return x


def _batch_norm_of_batch(_: Operator) -> Result:
    raise Refused("it takes the statistics of the batch, not those of a training")


TABLE: dict[str, Converter] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _transposed),
    "linear": _linear,
    "matmul": _matmul,
    "mm": _matmul,
    "addmm": _addmm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "_native_batch_norm_legit": _batch_norm_of_batch,
    "batch_norm": _batch_norm_of_batch,
}
