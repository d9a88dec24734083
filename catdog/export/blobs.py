"""Torch code of the layers that move, join, reduce and combine blobs."""

from itertools import pairwise

from catdog.export.code import Code, Emitter, Site, listed, number, result
from catdog.proto.caffe_pb2 import EltwiseParameter, ReductionParameter
from catdog.spec.shape import Shape


def _concat(site: Site) -> Code:
    param = site.param.concat_param
    axis = site.axis(param.concat_dim if param.HasField("concat_dim") else param.axis)
    return result(site, f"torch.cat({listed(site.bottoms)}, {axis})")


def _slice(site: Site) -> Code:
    param = site.param.slice_param
    axis = site.axis(param.slice_dim if param.HasField("slice_dim") else param.axis)
    tops = ", ".join(site.tops) + ("," if len(site.tops) == 1 else "")
    points = [0, *param.slice_point, site.shapes[0][axis]]
    parts = [high - low for low, high in pairwise(points)]
    if not param.slice_point:
        return Code([f"{tops} = {site.x}.chunk({len(site.tops)}, {axis})"])
    return Code([f"{tops} = {site.x}.split({parts}, {axis})"])


def _split(site: Site) -> Code:
    return Code([f"{' = '.join(site.tops)} = {site.x}"])


def _flatten(site: Site) -> Code:
    param = site.param.flatten_param
    return result(site, f"{site.x}.flatten({param.axis}, {param.end_axis})")


def _reshape(site: Site) -> Code:
    param = site.param.reshape_param
    axes = len(site.shapes[0])
    start = param.axis if param.axis >= 0 else axes + param.axis + 1
    end = axes if param.num_axes == -1 else start + param.num_axes
    copied = [f"{site.x}.shape[{i}]" for i in range(axes)]
    middle = [str(size) if size else copied[start + i] for i, size in enumerate(param.shape.dim)]
    words = [*copied[:start], *middle, *copied[end:]]
    return result(site, f"{site.x}.reshape({', '.join(words) or '()'})")


def _crop(site: Site) -> Code:
    param = site.param.crop_param
    axis = site.axis(param.axis)
    axes = len(site.shapes[0]) - axis
    offsets = list(param.offset) or [0]
    offsets = offsets if len(offsets) == axes else offsets * axes
    like = site.bottoms[1]
    cuts = [":"] * axis + [
        f"{at or ''}:{f'{at} + ' if at else ''}{like}.shape[{i}]"
        for i, at in enumerate(offsets, start=axis)
    ]
    return result(site, f"{site.x}[{', '.join(cuts)}]")


def _tile(site: Site) -> Code:
    param = site.param.tile_param
    return result(site, f"torch.cat([{site.x}] * {param.tiles}, {site.axis(param.axis)})")


def _silence(_: Site) -> Code:
    return Code()


def _parameter(site: Site) -> Code:
    blob = site.layer.blobs[0].detach()
    return Code(
        [f"{site.tops[0]} = self.{site.name}"],
        [parameter(site.name, tuple(blob.shape))],
        {site.name: blob},
    )


def parameter(name: str, shape: Shape) -> str:
    """The line that makes a parameter of a module."""
    return f"self.{name} = nn.Parameter(torch.empty({', '.join(map(str, shape)) or '()'}))"


def _eltwise(site: Site) -> Code:
    param = site.param.eltwise_param
    if param.operation == EltwiseParameter.PROD:
        return result(site, " * ".join(site.bottoms))
    if param.operation == EltwiseParameter.MAX:
        text = site.bottoms[0]
        for bottom in site.bottoms[1:]:
            text = f"torch.maximum({text}, {bottom})"
        return result(site, text)
    factors = list(param.coeff) or [1.0] * len(site.bottoms)
    text = site.x if factors[0] == 1 else f"{site.x} * {number(factors[0])}"
    for bottom, factor in zip(site.bottoms[1:], factors[1:], strict=True):
        text = _added(text, bottom, factor)
    return result(site, text)


def _added(total: str, bottom: str, factor: float) -> str:
    if abs(factor) == 1:
        return f"{total} {'+' if factor > 0 else '-'} {bottom}"
    # one operation, so that nothing is rounded in between
    return f"torch.add({total}, {bottom}, alpha={number(factor)})"


def _reduction(site: Site) -> Code:
    param = site.param.reduction_param
    axes = list(range(site.axis(param.axis), len(site.shapes[0])))
    inside = {
        ReductionParameter.SUM: f"{site.x}.sum",
        ReductionParameter.ASUM: f"{site.x}.abs().sum",
        ReductionParameter.SUMSQ: f"{site.x}.square().sum",
        ReductionParameter.MEAN: f"{site.x}.mean",
    }[param.operation]
    factor = "" if param.coeff == 1 else f" * {number(param.coeff)}"
    return result(site, f"{inside}({axes}){factor}")


def _arg_max(site: Site) -> Code:
    param = site.param.argmax_param
    both = "True" if param.out_max_val else "False"
    if param.HasField("axis"):
        axis = site.axis(param.axis)
        return result(site, f"arg_max_on_axis({site.x}, {axis}, {param.top_k}, {both})")
    return result(site, f"arg_max({site.x}, {param.top_k}, {both})")


def _softmax(site: Site) -> Code:
    return result(site, f"F.softmax({site.x}, {site.axis(site.param.softmax_param.axis)})")


TABLE: dict[str, Emitter] = {
    "Concat": _concat,
    "Slice": _slice,
    "Split": _split,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Crop": _crop,
    "Tile": _tile,
    "Silence": _silence,
    "Parameter": _parameter,
    "Eltwise": _eltwise,
    "Reduction": _reduction,
    "ArgMax": _arg_max,
    "Softmax": _softmax,
}
