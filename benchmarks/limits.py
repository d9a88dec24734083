"""What this machine can do at most: products at the nets' shapes, memory, preparing of photos.

A limit is what the least work of a job takes when nothing else is done and nothing waits. A product
counts by the fastest way that is known here: as one of matrices, or as a convolution.
"""

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_input, conv2d_weight

from benchmarks.workplace import ROOT, Workplace, script
from catdog.layers.affine import InnerProduct
from catdog.layers.linear import linear
from catdog.layers.vision import Convolution
from catdog.net.net import Net
from catdog.net.step import Node
from catdog.spec import read_net

DTYPES = {"": torch.float32, "bf16": torch.bfloat16}
"""By the name of `--amp`."""

_REPEATS = 5
_BLOCK = 64 << 20
"""Numbers of four bytes that no cache holds."""

_UPDATE_MOVES = 5
"""SGD with momentum reads a parameter, its gradient and its history, and writes two of them."""


class Product(NamedTuple):
    """A layer that multiplies: the shapes of its bottom, weights and top."""

    bottom: tuple[int, ...]
    weights: tuple[int, ...]
    top: tuple[int, ...]
    stride: int
    pad: int
    groups: int
    #: Its bottom gets no gradient.
    first: bool

    @property
    def matrices(self) -> tuple[int, int, int]:
        """Rows, inner length and columns of the same product of matrices, of one group."""
        outputs, *window = self.weights
        rows = torch.Size(self.top).numel() // self.top[1]
        return rows, torch.Size(window).numel(), outputs // self.groups

    @property
    def how(self) -> tuple[int, int, int, int]:
        """Stride, padding, dilation and groups of the convolution."""
        return self.stride, self.pad, 1, self.groups


def step_rate(name: str, size: int, batch: int, dtype: torch.dtype = torch.float32) -> float:
    """Images a second of a training step: the products of both passes and the update."""
    net = _net(name, size, batch)
    seconds = sum(_step_seconds(each, dtype) for each in _products(net))
    parameters = sum(item.parameter.numel() for item in net.learnable)
    return batch / (seconds + _UPDATE_MOVES * 4 * parameters / bandwidth())


def forward_rate(name: str, size: int, batch: int, dtype: torch.dtype = torch.float32) -> float:
    """Images a second of a forward pass: its products, with weights that come from memory."""
    return batch / sum(_seconds(each, dtype) for each in _products(_net(name, size, batch)))


def prediction_rate(place: Workplace, dtype: torch.dtype = torch.float32) -> float:
    """Photos a second that all cores prepare and then multiply by CaffeNet's weights."""
    return 1 / (1 / prepared_rate(place) + 1 / forward_rate("caffenet", 227, 64, dtype))


def prepared_rate(place: Workplace) -> float:
    """Photos a second that all cores decode, equalise and resize to 227 x 227."""
    return script("bare_loop", [place.photos, 227])


def feed_rate(crop: int) -> float:
    """Pictures a second whose cut is read as bytes and written as numbers of four."""
    return bandwidth() / (3 * crop * crop * (1 + 4))


@cache
def bandwidth() -> float:
    """Bytes a second of a copy, those read and those written."""
    source = torch.ones(_BLOCK)
    target = torch.empty_like(source)
    return 2 * 4 * _BLOCK / _best([lambda: target.copy_(source)])


def _net(name: str, size: int, batch: int) -> Net:
    inputs = {"data": (batch, 3, size, size), "label": (batch,)}
    return Net(read_net(ROOT / f"net_specs/{name}.yaml"), inputs=inputs, fill=False)


def _products(net: Net) -> list[Product]:
    return [
        _product(net, node)
        for node in net.nodes
        if isinstance(node.layer, Convolution | InnerProduct)
    ]


def _product(net: Net, node: Node) -> Product:
    param = node.layer.param.convolution_param
    return Product(
        tuple(net.shapes[node.bottoms[0]]),
        tuple(node.layer.blobs.shape(0)),
        tuple(net.shapes[node.tops[0]]),
        stride=param.stride[0] if param.stride else 1,
        pad=param.pad[0] if param.pad else 0,
        groups=param.group or 1,
        first=node.bottoms[0] in net.inputs,
    )


@cache
def _seconds(product: Product, dtype: torch.dtype) -> float:
    """Of the forward pass."""
    x, weights = _ones(product.bottom, dtype), _ones(product.weights, dtype)
    return _fastest(product, product.matrices, dtype, lambda how: F.conv2d(x, weights, None, *how))


@cache
def _step_seconds(product: Product, dtype: torch.dtype) -> float:
    """Of the forward pass and of the gradients of weights and bottom."""
    rows, inner, columns = product.matrices
    x, weights, top = (_ones(each, dtype) for each in product[:3])
    seconds = _seconds(product, dtype) + _fastest(
        product,
        (columns, rows, inner),
        dtype,
        lambda how: conv2d_weight(x, product.weights, top, *how),  # type: ignore[no-untyped-call]
    )
    if product.first:
        return seconds
    return seconds + _fastest(
        product,
        (rows, columns, inner),
        dtype,
        lambda how: conv2d_input(product.bottom, weights, top, *how),  # type: ignore[no-untyped-call]
    )


def _fastest(
    product: Product,
    sides: tuple[int, int, int],
    dtype: torch.dtype,
    convolve: Callable[[tuple[int, int, int, int]], Tensor],
) -> float:
    """Seconds as products of matrices, one for each group, or as a convolution if it is one."""
    seconds = product.groups * _matrices(*sides, dtype)
    if len(product.weights) != 4:
        return seconds
    return min(seconds, _best([lambda: convolve(product.how)]))


def _matrices(rows: int, inner: int, columns: int, dtype: torch.dtype) -> float:
    """Seconds of a product of matrices, by the fastest way."""
    left, right = torch.ones(rows, inner, dtype=dtype), torch.ones(columns, inner, dtype=dtype)
    return _best([lambda: linear(left, right), lambda: left @ right.t()])


def _ones(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """As nets compute: images in channels_last."""
    ones = torch.ones(*shape, dtype=dtype)
    return ones.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else ones


def _best(ways: Sequence[Callable[[], object]]) -> float:
    """The shortest time of the fastest way, after one of each to warm up."""
    times = []
    with torch.no_grad():
        for work in ways:
            work()
            for _ in range(_REPEATS):
                began = time.perf_counter()
                work()
                times.append(time.perf_counter() - began)
    return min(times)
