"""Torch code of the simple layers of Caffe's forks."""

from catdog.errors import LayerError
from catdog.export.blobs import parameter
from catdog.export.code import Code, Emitter, Site, call, listed, number, result
from catdog.layers.forks.bn import MovingBN, SegNetBN
from catdog.layers.forks.ssd import Normalize, Permute
from catdog.layers.forks.upsample import MaskedUpsample
from catdog.spec.shape import Shape


def _permute(site: Site) -> Code:
    assert isinstance(site.layer, Permute)
    return result(site, f"{site.x}.permute({', '.join(map(str, site.layer.order))})")


def _normalize(site: Site) -> Code:
    assert isinstance(site.layer, Normalize)
    name, blob = site.part("scale"), site.layer.blobs[0].detach().reshape(-1)
    scale = f"self.{name}.view(-1{', 1' * (len(site.shapes[0]) - 2)})"
    eps = number(site.param.norm_param.eps)
    text = call("unit_length", site.x, scale, listed(site.layer.axes), eps)
    init = [parameter(name, tuple(blob.shape))]
    return Code([f"{site.tops[0]} = {text}"], init, {name: blob})


def _relu6(site: Site) -> Code:
    slope = site.param.relu6_param.negative_slope
    if not slope:
        return result(site, f"F.relu6({site.x})")
    line = f"F.leaky_relu({site.x}, {number(slope)})"
    return result(site, f"{line}.clamp(max=6.0)")


def _shuffle_channel(site: Site) -> Code:
    group = site.param.shuffle_channel_param.group
    return result(site, f"{site.x}.unflatten(1, ({group}, -1)).transpose(1, 2).flatten(1, 2)")


def _axpy(site: Site) -> Code:
    scale, x, y = site.bottoms
    axes = len(site.shapes[1])
    if len(site.shapes[0]) != axes:
        scale = f"{scale}.reshape(*{x}.shape[:2]{', 1' * (axes - 2)})"
    return result(site, f"torch.addcmul({y}, {x}, {scale})")


def _interp(site: Site) -> Code:
    param = site.param.interp_param
    start, end = -param.pad_beg, param.pad_end
    within = f"{start or ''}:{end or ''}"
    cut = f"{site.x}[:, :, {within}, {within}]" if start or end else site.x
    return result(site, _resized(cut, _size(site), mode='"bilinear"', align_corners=True))


def _upsample(site: Site) -> Code:
    if isinstance(site.layer, MaskedUpsample):
        x, mask = site.bottoms
        return result(site, call("unpool", x, mask, *_size(site)))
    return result(site, _resized(site.x, _size(site), mode='"nearest"'))


def _size(site: Site) -> Shape:
    (shape,) = site.layer.top_shapes(*site.shapes)
    return shape[2:]


def _resized(x: str, size: Shape, **how: object) -> str:
    return call("F.interpolate", x, f"({size[0]}, {size[1]})", **how)


def _bn(site: Site) -> Code:
    blobs = [blob.detach().reshape(-1) for blob in site.layer.blobs]
    axes = len(site.shapes[0])
    if isinstance(site.layer, SegNetBN) and site.layer.infers and axes > 1:
        names = site.part("scale"), site.part("shift")
        along = ", ".join(["1", "-1", *["1"] * (axes - 2)])
        scale, shift = (f"self.{name}.view({along})" for name in names)
        init = [parameter(name, tuple(blob.shape)) for name, blob in zip(names, blobs, strict=True)]
        text = f"torch.addcmul({shift}, {site.x}, {scale})"
        state = dict(zip(names, blobs, strict=True))
        return Code([f"{site.tops[0]} = {text}"], init, state)
    if not isinstance(site.layer, MovingBN) or not site.layer.uses_global_stats or axes < 2:
        raise LayerError(
            "(BN) cannot be written: it computes with the statistics of its batch",
            layer=site.param.name,
        )
    eps = number(site.param.bn_param.eps)
    made = call(f"nn.BatchNorm{ {4: 2}.get(axes, 1) }d", len(blobs[0]), eps=eps)
    parts = ("weight", "bias", "running_mean", "running_var")
    state = {f"{site.name}.{part}": blob for part, blob in zip(parts, blobs, strict=True)}
    return Code(
        [f"{site.tops[0]} = self.{site.name}({site.x})"], [f"self.{site.name} = {made}"], state
    )


def _reorg(site: Site) -> Code:
    param = site.param.reorg_param
    function = "pixels_of_channels" if param.reverse else "channels_of_pixels"
    return result(site, call(function, site.x, param.stride))


TABLE: dict[str, Emitter] = {
    "Permute": _permute,
    "Normalize": _normalize,
    "ReLU6": _relu6,
    "ShuffleChannel": _shuffle_channel,
    "Axpy": _axpy,
    "Interp": _interp,
    "Upsample": _upsample,
    "BN": _bn,
    "Reorg": _reorg,
}
