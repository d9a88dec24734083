"""Torch code of the layers that see images: convolutions, pooling, normalisation."""

import torch

from catdog.errors import LayerError
from catdog.export.code import Code, Emitter, Site, call, each, exponent, number, result, sizes
from catdog.layers.forks.mobilenet import ConvolutionDepthwise
from catdog.layers.frame import Frame
from catdog.layers.norm import BatchNorm
from catdog.layers.pooling import Pooling
from catdog.layers.window import read_window
from catdog.proto.caffe_pb2 import LRNParameter, PoolingParameter, SPPParameter


def _convolution(site: Site) -> Code:
    return _windowed(site, "nn.Conv")


def _deconvolution(site: Site) -> Code:
    return _windowed(site, "nn.ConvTranspose")


def _windowed(site: Site, kind: str) -> Code:
    param = site.param.convolution_param
    axis = site.axis(param.axis)
    axes = len(site.shapes[0]) - axis - 1
    window = read_window(site.layer, axes)
    kernel, stride, pad, dilation = window
    if kind == "nn.Conv" and any(window.lacking(site.shapes[0][axis + 1 :])):
        raise LayerError(
            "(Convolution) cannot be written: its kernel reaches beyond its padded bottom",
            layer=site.param.name,
        )
    weight, *bias = (blob.detach() for blob in site.layer.blobs)
    channels, depthwise = site.shapes[0][axis], isinstance(site.layer, ConvolutionDepthwise)
    group = channels if depthwise else param.group
    made = call(
        f"{kind}{max(1, axes)}d",
        channels,
        channels if depthwise else param.num_output,
        sizes(kernel) if axes else 1,
        stride=sizes(stride) if set(stride) - {1} else None,
        padding=sizes(pad) if any(pad) else None,
        dilation=sizes(dilation) if set(dilation) - {1} else None,
        groups=group if group != 1 else None,
        bias=None if bias else False,
    )
    state = {f"{site.name}.weight": weight if axes else weight.unsqueeze(-1)}
    state |= {f"{site.name}.bias": bias[0]} if bias else {}
    return Code(each(site, _around(site, axis, axes)), [f"self.{site.name} = {made}"], state)


def _around(site: Site, axis: int, axes: int) -> str:
    """The call of a convolution on {x}, with one axis before the channels and one behind."""
    before = {0: ".unsqueeze(0)", 1: ""}.get(axis, f".flatten(0, {axis - 1})")
    after = {0: ".squeeze(0)", 1: ""}.get(axis, f".unflatten(0, {{x}}.shape[:{axis}])")
    if not axes:
        before, after = f"{before}.unsqueeze(-1)", f".squeeze(-1){after}"
    return f"self.{site.name}({{x}}{before}){after}"


def _pooling(site: Site) -> Code:
    param = site.param.pooling_param
    height, width = site.shapes[0][2:]
    assert isinstance(site.layer, Pooling)  # the table below has it for no other
    frame = site.layer.frame((height, width))
    plain = frame.fits_torch((height, width))
    if param.pool == PoolingParameter.STOCHASTIC:
        return result(site, f"stochastic_pool({site.x}, {_frame(frame)}, None)")
    if param.pool == PoolingParameter.AVE:
        if frame.kernel == (height, width) and not any(frame.pad):
            return result(site, f"{site.x}.mean((2, 3), keepdim=True)")
        expression = _torch_pool("F.avg_pool2d", site.x, frame)
        return result(site, expression if plain else f"average_pool({site.x}, {_frame(frame)})")
    if len(site.tops) > 1:
        top, indices = site.tops
        values = f"{top}, {indices} = max_pool({site.x}, {_frame(frame)}, with_indices=True)"
        return Code([values, f"{indices} = {indices}.to({top}.dtype)"])
    if param.global_pooling:
        return result(site, f"F.max_pool2d({site.x}, {site.x}.shape[2:])")
    expression = _torch_pool("F.max_pool2d", site.x, frame)
    return result(site, expression if plain else f"max_pool({site.x}, {_frame(frame)})[0]")


def _torch_pool(function: str, x: str, frame: Frame) -> str:
    return call(
        function,
        x,
        sizes(frame.kernel),
        sizes(frame.stride),
        padding=sizes(frame.pad) if any(frame.pad) else None,
        ceil_mode=True if frame.rounds_up else None,
    )


def _frame(frame: Frame) -> str:
    return call("Frame", *frame)


def _spp(site: Site) -> Code:
    param = site.param.spp_param
    names = {
        SPPParameter.MAX: '"max"',
        SPPParameter.AVE: '"average"',
        SPPParameter.STOCHASTIC: '"stochastic"',
    }
    return result(site, call("spatial_pyramid", site.x, param.pyramid_height, names[param.pool]))


def _lrn(site: Site) -> Code:
    param = site.param.lrn_param
    size, beta = param.local_size, exponent(param.beta)
    if param.norm_region == LRNParameter.WITHIN_CHANNEL:
        text = call("norm_within_channel", site.x, size, alpha=number(param.alpha), beta=beta)
        return result(site, text)
    # the quotient, not alpha: it is rounded once
    share = number(param.alpha / size)
    text = call("norm_across_channels", site.x, size, share=share, beta=beta, k=number(param.k))
    return result(site, text)


def _mvn(site: Site) -> Code:
    param = site.param.mvn_param
    axes = "(1, 2, 3)" if param.across_channels else "(2, 3)"
    if not param.normalize_variance:
        return result(site, f"subtract_mean({site.x}, {axes})")
    return result(site, f"standardize({site.x}, {axes}, {number(param.eps)})")


def _batch_norm(site: Site) -> Code:
    axes, param = len(site.shapes[0]), site.param.batch_norm_param
    if axes > 5:
        raise LayerError(
            "(BatchNorm) cannot be written for more than 5 axes", layer=site.param.name
        )
    assert isinstance(site.layer, BatchNorm)  # the table below has it for no other
    if len(site.layer.blobs) != 3 or param.stats_batch_size:
        raise LayerError(
            "(BatchNorm) of a fork cannot be written: only Caffe's three blobs can",
            layer=site.param.name,
        )
    x, after = (site.x, "") if axes > 1 else (f"{site.x}.unsqueeze(1)", ".squeeze(1)")
    if not site.layer.uses_global_stats:
        of_batch = call("F.batch_norm", x, None, None, training=True, eps=number(param.eps))
        return result(site, of_batch + after)
    mean, variance, factor = (blob.detach() for blob in site.layer.blobs)
    made = call(
        f"nn.BatchNorm{ {4: 2, 5: 3}.get(axes, 1) }d",
        len(mean),
        eps=number(param.eps),
        momentum=number(1 - float(number(param.moving_average_fraction))),
        affine=False,
    )
    scale = torch.where(factor == 0, 0.0, 1 / factor)
    state = {
        f"{site.name}.running_mean": mean * scale,
        f"{site.name}.running_var": variance * scale,
        f"{site.name}.num_batches_tracked": torch.tensor(0),
    }
    return Code(
        [f"{site.tops[0]} = self.{site.name}({x}){after}"], [f"self.{site.name} = {made}"], state
    )


TABLE: dict[str, Emitter] = {
    "Convolution": _convolution,
    "DepthwiseConvolution": _convolution,
    "ConvolutionDepthwise": _convolution,
    "Deconvolution": _deconvolution,
    "Pooling": _pooling,
    "SPP": _spp,
    "LRN": _lrn,
    "MVN": _mvn,
    "BatchNorm": _batch_norm,
}
