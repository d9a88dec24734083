"""A net as a .pt2, torch.export's file, checked by loading and running it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.engines.onnx_detection import DETECTION
from catdog.engines.onnx_layers import PlainNet
from catdog.engines.onnx_model import (
    Agreement,
    Form,
    agreements,
    cannot,
    example,
    free_axes,
    quiet,
    sizes_vary,
)
from catdog.engines.other_sizes import sizes_to_try
from catdog.errors import CatdogError
from catdog.net.net import Net
from catdog.runtime.files import replacing, write_by_memory

_REMEDY = "to_torch.py writes it as a torch module"


def write_program(net: Net, path: str | Path, form: Form | None = None) -> list[Agreement]:
    """Write a net in the TEST phase as a program that `torch.export.load` opens.

    Its inputs are those of the net, its result a tuple of the outputs; what `form` has as metadata
    goes into files of these names beside it, which torch gives as `extra_files`. Gives how far
    each output is from the net's. Raises CatdogError as `write_onnx` does.
    """
    form = form or Form()
    _check_operators(net)
    sizes_to_try(net, form.dynamic or ())
    batch = example(net, form.dynamic)
    model = PlainNet(net, sizes_vary=sizes_vary(form.dynamic)).eval().requires_grad_(False)
    free = (free_axes(batch, form.dynamic),)
    with replacing(path) as beside:
        try:
            with quiet(), torch.no_grad():
                program = torch.export.export(model, tuple(batch.values()), dynamic_shapes=free)
        except Exception as error:  # torch has many kinds of its own for it
            raise cannot(net, error, _REMEDY) from error
        save = partial(torch.export.save, program, extra_files=dict(form.metadata))
        with quiet():
            write_by_memory(beside, save)
        with quiet():
            loaded = torch.export.load(str(beside)).module()

        def computed(given: Mapping[str, Tensor]) -> Sequence[NDArray[np.float32]]:
            with torch.no_grad():
                return [each.numpy() for each in loaded(*given.values())]

        return agreements(net, batch, form.dynamic or (), computed, "the program", path)


def _check_operators(net: Net) -> None:
    """Raise CatdogError with every layer that is written with an operator of ONNX's own."""
    found = [f'"{node.name}" ({node.type})' for node in net if type(node.layer) in DETECTION]
    if found:
        what = f"torch has no operators that a .pt2 can hold for {', '.join(found)}"
        raise CatdogError(
            what, where=f"net {net.name}", remedy="write .onnx, or end it before them"
        )
