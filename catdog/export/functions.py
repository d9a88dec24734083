"""Where torch has no function for what a Caffe layer does: these, copied into written modules.

They stand on torch alone, and on parts of the layers themselves, so that the numbers are equal
to the bit; what they call is copied with them (see source_text).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from catdog.layers.frame import average_pool, max_pool, stochastic_pool
from catdog.layers.norm import inverse_power, neighbours
from catdog.layers.pooling import _bins
from catdog.layers.recurrent import lstm_unit
from catdog.layers.reduce import _largest


def arg_max(x: Tensor, top_k: int, with_values: bool) -> Tensor:
    """Positions (and values) of the largest numbers of each example; of equal ones the last."""
    values, positions = _largest(x.flatten(1), top_k, 1)
    both = [positions, values] if with_values else [positions]
    return torch.stack(both, 1).reshape(len(x), len(both), top_k, *[1] * (x.dim() - 3))


def arg_max_on_axis(x: Tensor, axis: int, top_k: int, as_values: bool) -> Tensor:
    """Positions, or values, of the largest numbers on an axis; of equal ones the last."""
    values, positions = _largest(x, top_k, axis)
    return values if as_values else positions


def norm_across_channels(x: Tensor, size: int, share: float, beta: float, k: float) -> Tensor:
    """x / (k + share * sum of the squares of `size` neighbouring channels)^beta."""
    scale = neighbours(x.square(), size // 2) * share + k
    return x * inverse_power(scale, beta)


def norm_within_channel(x: Tensor, size: int, alpha: float, beta: float) -> Tensor:
    """x / (1 + alpha * mean of the squares in a square of `size`)^beta."""
    mean = F.avg_pool2d(x.square(), size, 1, size // 2)
    return x * inverse_power(1 + alpha * mean, beta)


def subtract_mean(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """x minus its mean over these axes of an image."""
    image = x.reshape(*x.shape, *[1] * (4 - x.dim()))
    return (image - image.mean(axes, keepdim=True)).reshape(x.shape)


def standardize(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """x minus its mean, by (standard deviation + eps), over these axes of an image."""
    image = x.reshape(*x.shape, *[1] * (4 - x.dim()))
    centred = image - image.mean(axes, keepdim=True)
    deviation = centred.square().mean(axes, keepdim=True).sqrt() + eps
    return (centred / deviation).reshape(x.shape)


def spatial_pyramid(x: Tensor, height: int, method: str) -> Tensor:
    """The image pooled into 1, 4, 16 ... bins, joined as (images, numbers)."""
    levels = []
    for level in range(height):
        frame = _bins(2**level, (x.shape[2], x.shape[3]))
        if method == "max":
            levels.append(max_pool(x, frame)[0])
        elif method == "average":
            levels.append(average_pool(x, frame))
        else:
            levels.append(stochastic_pool(x, frame, None))
    return levels[0] if height == 1 else torch.cat([level.flatten(1) for level in levels], 1)


def unit_length(x: Tensor, scale: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """scale * x / sqrt(sum of x^2 over these axes + eps)."""
    inverse = x.square().sum(axes, keepdim=True).add(eps).rsqrt()
    return x * inverse * scale


def unpool(x: Tensor, mask: Tensor, height: int, width: int) -> Tensor:
    """The numbers of x at the places of the mask in planes of height x width, 0 elsewhere."""
    plane = x.new_zeros(*x.shape[:2], height * width)
    places = mask.long().flatten(2)
    return plane.scatter(2, places, x.flatten(2)).reshape(*x.shape[:2], height, width)


def channels_of_pixels(x: Tensor, stride: int) -> Tensor:
    """darknet's reorg: its numbers are read as fewer channels of more pixels, then set apart."""
    number, channels, height, width = x.shape
    fewer = channels // stride**2
    apart = x.reshape(number, fewer, height, stride, width, stride).permute(0, 3, 5, 1, 2, 4)
    return apart.reshape(number, -1, height // stride, width // stride)


def pixels_of_channels(x: Tensor, stride: int) -> Tensor:
    """The inverse of darknet's reorg: channels to the pixels of blocks."""
    number, channels, height, width = x.shape
    fewer = channels // stride**2
    apart = x.reshape(number, stride, stride, fewer, height, width).permute(0, 3, 4, 1, 5, 2)
    return apart.reshape(number, fewer, height * stride, width * stride)


def started(state: Tensor | None, x: Tensor, size: int) -> Tensor:
    """A state, or zeros before the first pass and for another number of streams."""
    if state is None or len(state) != x.shape[1]:
        return x.new_zeros(x.shape[1], size)
    return state


class SequenceRNN(nn.Module):
    """h = tanh(W_hh (cont * h) + W_xh x + b_h); the output is tanh(W_ho h + b_o).

    x is (steps, streams, ...), cont (steps, streams): 0 where a sequence begins. Gives the output
    of every step and the hidden state after the last one.
    """

    def __init__(self, inputs: int, outputs: int, static_inputs: int = 0) -> None:
        super().__init__()
        self.x_to_h = nn.Linear(inputs, outputs)
        self.static_to_h = nn.Linear(static_inputs, outputs, bias=False) if static_inputs else None
        self.h_to_h = nn.Linear(outputs, outputs, bias=False)
        self.h_to_o = nn.Linear(outputs, outputs)

    def forward(
        self, x: Tensor, cont: Tensor, static: Tensor | None = None, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        hidden = started(hidden, x, self.h_to_h.in_features)
        given = self.x_to_h(x.flatten(2))
        if self.static_to_h is not None and static is not None:
            given = given + self.static_to_h(static.flatten(1))
        states = []
        for step, goes_on in zip(given, cont.unsqueeze(2), strict=True):
            hidden = torch.tanh(step + self.h_to_h(hidden * goes_on))
            states.append(hidden)
        return torch.tanh(self.h_to_o(torch.stack(states))), hidden.detach()


class SequenceLSTM(nn.Module):
    """Gates i, f, o, g = W_hc (cont * h) + W_xc x + b_c, in this order; the output is h.

    x is (steps, streams, ...), cont (steps, streams): 0 where a sequence begins. Gives the output
    of every step, and the hidden state and the cell after the last one.
    """

    def __init__(self, inputs: int, outputs: int, static_inputs: int = 0) -> None:
        super().__init__()
        self.x_to_c = nn.Linear(inputs, 4 * outputs)
        self.static_to_c = (
            nn.Linear(static_inputs, 4 * outputs, bias=False) if static_inputs else None
        )
        self.h_to_c = nn.Linear(outputs, 4 * outputs, bias=False)

    def forward(
        self,
        x: Tensor,
        cont: Tensor,
        static: Tensor | None = None,
        hidden: Tensor | None = None,
        cell: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        hidden = started(hidden, x, self.h_to_c.in_features)
        cell = started(cell, x, self.h_to_c.in_features)
        given = self.x_to_c(x.flatten(2))
        if self.static_to_c is not None and static is not None:
            given = given + self.static_to_c(static.flatten(1))
        states = []
        for step, goes_on in zip(given, cont.unsqueeze(2), strict=True):
            gates = step + self.h_to_c(hidden * goes_on)
            cell, hidden = lstm_unit(cell, gates, goes_on)
            states.append(hidden)
        return torch.stack(states), hidden.detach(), cell.detach()
