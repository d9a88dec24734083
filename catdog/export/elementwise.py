"""Torch code of the layers that act on each element by itself."""

import math

import torch

from catdog.errors import LayerError
from catdog.export.code import Code, Emitter, Site, call, exponent, number, result


def _relu(site: Site) -> Code:
    slope = site.param.relu_param.negative_slope
    text = f"F.leaky_relu({site.x}, {number(slope)})" if slope else f"F.relu({site.x})"
    return result(site, text)


def _prelu(site: Site) -> Code:
    slopes = site.layer.blobs[0].detach().reshape(-1)
    return Code(
        [f"{site.tops[0]} = self.{site.name}({site.x})"],
        [f"self.{site.name} = {call('nn.PReLU', len(slopes))}"],
        {f"{site.name}.weight": slopes},
    )


def _elu(site: Site) -> Code:
    return result(site, f"F.elu({site.x}, {number(site.param.elu_param.alpha)})")


def _sigmoid(site: Site) -> Code:
    return result(site, f"torch.sigmoid({site.x})")


def _tanh(site: Site) -> Code:
    return result(site, f"torch.tanh({site.x})")


def _abs(site: Site) -> Code:
    return result(site, f"{site.x}.abs()")


def _line(x: str, scale: float, shift: float) -> str:
    """scale * x + shift, without what does nothing."""
    product = x if scale == 1 else f"{x} * {number(scale)}"
    if not shift:
        return product
    return f"{product} {'+' if shift > 0 else '-'} {number(abs(shift))}"


def _power(site: Site) -> Code:
    param = site.param.power_param
    if param.power * param.scale == 0:
        value = torch.tensor(param.shift).pow(param.power).item()
        return result(site, f"torch.full_like({site.x}, {number(value)})")
    line = _line(site.x, param.scale, param.shift)
    if param.power == 1:
        return result(site, line)
    base = line if line == site.x else f"({line})"
    return result(site, f"{base}.pow({exponent(param.power)})")


def _exp(site: Site) -> Code:
    param = site.param.exp_param
    log_base = 1.0 if param.base == -1 else math.log(param.base)
    line = _line(site.x, log_base * param.scale, log_base * param.shift)
    return result(site, f"torch.exp({line})")


def _log(site: Site) -> Code:
    param = site.param.log_param
    text = f"torch.log({_line(site.x, param.scale, param.shift)})"
    if param.base != -1:
        text += f" * {number(1 / math.log(param.base))}"
    return result(site, text)


def _bnll(site: Site) -> Code:
    return result(site, f"F.softplus({site.x})")


def _swish(site: Site) -> Code:
    beta = site.param.swish_param.beta
    gated = f"{site.x} * torch.sigmoid({number(beta)} * {site.x})"
    return result(site, f"F.silu({site.x})" if beta == 1 else gated)


def _threshold(site: Site) -> Code:
    level = number(site.param.threshold_param.threshold)
    return result(site, f"({site.x} > {level}).to({site.x}.dtype)")


def _clip(site: Site) -> Code:
    param = site.param.clip_param
    return result(site, f"{site.x}.clamp({number(param.min)}, {number(param.max)})")


def _dropout(site: Site) -> Code:
    param = site.param.dropout_param
    if param.sample_weights_test:
        raise LayerError(
            "(Dropout) with sample_weights_test cannot be written", layer=site.param.name
        )
    ratio = number(param.dropout_ratio)
    if not param.scale_train:
        # what is left is not made larger in the training: the test has it smaller instead
        kept = number(1 - param.dropout_ratio)
        return result(site, f"F.dropout({site.x}, {ratio}, self.training) * {kept}")
    return result(site, f"F.dropout({site.x}, {ratio}, self.training)")


TABLE: dict[str, Emitter] = {
    "ReLU": _relu,
    "PReLU": _prelu,
    "ELU": _elu,
    "Sigmoid": _sigmoid,
    "TanH": _tanh,
    "AbsVal": _abs,
    "Power": _power,
    "Exp": _exp,
    "Log": _log,
    "BNLL": _bnll,
    "Swish": _swish,
    "Threshold": _threshold,
    "Clip": _clip,
    "Dropout": _dropout,
}
