"""Tensors as torch's nets have them to blobs as ours do.

Their nets expect RGB pictures, normalised; ours get BGR from 0 to 255, minus the mean. The first
layer takes up the rest: its channels are turned round and divided by the deviation, so that the
zeros of its padding stay what they were.
"""

import torch
from torch import Tensor

from catdog.errors import WeightsError
from catdog.weights.architectures import Colour
from catdog.weights.model import Array


def for_bgr(weight: Tensor, deviation: Colour, name: str) -> Tensor:
    """The kernels of the first layer of a net, for pictures that are not divided.

    `deviation` is that of RGB pictures from 0 to 255. Raises WeightsError, which names the net,
    for kernels that do not take three colours.
    """
    if weight.dim() != 4 or weight.shape[1] != 3:
        raise WeightsError(
            f"is a {name} whose first layer is {list(weight.shape)}",
            remedy="only one that takes three colours can be used",
        )
    divisor = torch.tensor(deviation, dtype=torch.float64).view(-1, 1, 1)
    return (weight.double() / divisor).flip(1)


def sums(mean: Tensor, variance: Tensor, fraction: float) -> tuple[Array, Array, Array]:
    """The blobs of BatchNorm after a long training in which `fraction` stayed in each step.

    With a factor of 1, the first batch of another training would count as much as all that was
    before.
    """
    factor = 1 / (1 - fraction)
    scaled = (mean.double() * factor, variance.double() * factor, torch.tensor([factor]))
    return array_of(scaled[0]), array_of(scaled[1]), array_of(scaled[2])


def array_of(tensor: Tensor) -> Array:
    """A tensor as an array of single precision."""
    array: Array = tensor.detach().cpu().float().contiguous().numpy()
    return array
