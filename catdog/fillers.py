"""Caffe's weight fillers (caffe/filler.hpp): how a parameter blob is first filled."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from catdog.errors import CatdogError, did_you_mean
from catdog.proto.caffe_pb2 import FillerParameter

Filler = Callable[[Tensor, FillerParameter, torch.Generator], None]


def fill(tensor: Tensor, filler: FillerParameter, generator: torch.Generator) -> None:
    """Fill a tensor in place as the filler says.

    The first axis counts as outputs, the second as inputs. Raises CatdogError as `check` does.
    """
    check(tuple(tensor.shape), filler)
    with torch.no_grad():
        FILLERS[filler.type](tensor, filler, generator)


def check(shape: tuple[int, ...], filler: FillerParameter) -> None:
    """Raise CatdogError for an unknown type or what cannot be filled so."""
    if filler.type not in FILLERS:
        raise CatdogError(
            f'unknown filler type "{filler.type}"',
            remedy=did_you_mean(filler.type, FILLERS) or f"there are {', '.join(FILLERS)}",
        )
    if filler.sparse != -1 and filler.type != "gaussian":
        raise CatdogError(
            f"the {filler.type} filler cannot be sparse", remedy="leave sparse out, or use gaussian"
        )
    if filler.sparse < -1:
        raise CatdogError(
            f"the filler has sparse {filler.sparse}", remedy="give 0 or more, or leave it out"
        )
    if filler.type == "uniform" and filler.min > filler.max:
        raise CatdogError(
            f"the filler has min {filler.min:g} above max {filler.max:g}", remedy="exchange them"
        )
    if filler.type == "gaussian" and filler.std < 0:
        raise CatdogError(f"the filler has std {filler.std:g}", remedy="give 0 or more")
    if filler.type == "bilinear" and not (len(shape) == 4 and shape[2] == shape[3]):
        raise CatdogError(
            f"the bilinear filler needs a blob of four axes with square kernels, not {list(shape)}",
            remedy="use another filler or a square kernel",
        )


def constant(tensor: Tensor, filler: FillerParameter, _: torch.Generator) -> None:
    """`value` everywhere."""
    tensor.fill_(filler.value)


def uniform(tensor: Tensor, filler: FillerParameter, generator: torch.Generator) -> None:
    """Even between `min` and `max`."""
    tensor.uniform_(filler.min, filler.max, generator=generator)


def gaussian(tensor: Tensor, filler: FillerParameter, generator: torch.Generator) -> None:
    """Normal with `mean` and `std`; with `sparse`, all but about so many weights of each input
    are zero."""
    tensor.normal_(filler.mean, filler.std, generator=generator)
    if filler.sparse != -1:
        kept = min(filler.sparse / _outputs(tensor), 1.0)
        tensor.mul_(torch.empty_like(tensor).bernoulli_(kept, generator=generator))


def positive_unitball(tensor: Tensor, _: FillerParameter, generator: torch.Generator) -> None:
    """Positive, with the sum 1 for each output."""
    tensor.uniform_(generator=generator)
    rows = tensor.view(_outputs(tensor), -1)
    rows.div_(rows.sum(1, keepdim=True))


def xavier(tensor: Tensor, filler: FillerParameter, generator: torch.Generator) -> None:
    """Even with the variance 1 / n, n by `variance_norm` (Glorot and Bengio 2010)."""
    bound = math.sqrt(3 / fan(tensor, filler))
    tensor.uniform_(-bound, bound, generator=generator)


def msra(tensor: Tensor, filler: FillerParameter, generator: torch.Generator) -> None:
    """Normal with the variance 2 / n, n by `variance_norm` (He and others 2015)."""
    tensor.normal_(0, math.sqrt(2 / fan(tensor, filler)), generator=generator)


def bilinear(tensor: Tensor, _: FillerParameter, __: torch.Generator) -> None:
    """The kernel that enlarges by bilinear interpolation, in every channel.

    It is centred for every size, as in Caffe's last version. Caffe 1.0 put the centre half a pixel
    aside for sizes such as 2, 3, 6 and 7.
    """
    size = tensor.shape[-1]
    factor = math.ceil(size / 2)
    centre = (size - 1) / 2
    line = 1 - (torch.arange(size, dtype=torch.float64) - centre).abs() / factor
    tensor.copy_(torch.outer(line, line))


def fan(tensor: Tensor, filler: FillerParameter) -> float:
    """The number n of the fillers that keep the variance: numbers for each output, for each
    input (the second axis), or the mean of both."""
    fan_in = tensor.numel() / _outputs(tensor)
    fan_out = tensor.numel() / (tensor.shape[1] if tensor.dim() > 1 else 1)
    if filler.variance_norm == FillerParameter.FAN_OUT:
        return fan_out
    return (fan_in + fan_out) / 2 if filler.variance_norm == FillerParameter.AVERAGE else fan_in


def _outputs(tensor: Tensor) -> int:
    return tensor.shape[0] if tensor.dim() else 1


FILLERS: dict[str, Filler] = {
    "constant": constant,
    "gaussian": gaussian,
    "positive_unitball": positive_unitball,
    "uniform": uniform,
    "xavier": xavier,
    "msra": msra,
    "bilinear": bilinear,
}
