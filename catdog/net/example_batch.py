"""A batch for a net of which only the shapes matter."""

import torch
from torch import Tensor

from catdog.net.net import Net


def example_batch(net: Net, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Random numbers for every input, always the same; zeros for labels, indices and the like.

    Those are the blobs with less than two axes and those that a layer sends no gradient to.
    """
    without_gradient = {
        name
        for node in net.nodes
        for index, name in enumerate(node.bottoms)
        if index in node.layer.no_gradient
    }
    generator = torch.Generator(device).manual_seed(0)
    return {
        name: torch.zeros(shape, device=device)
        if name in without_gradient or len(shape) < 2
        else torch.randn(shape, generator=generator, device=device)
        for name, shape in net.inputs.items()
    }
