"""Written modules brought back: imported from their file, with their parameters in them."""

import importlib.util
import sys
from itertools import count
from unittest.mock import patch

import torch
from torch import nn

from catdog.export.module import Module, torch_module
from catdog.net.net import Net

_numbers = count()


def load(module: Module, folder) -> nn.Module:
    """The module of a written file, in evaluation mode."""
    name = f"written_{next(_numbers)}"
    path = folder / f"{name}.py"
    path.write_text(module.text)
    spec = importlib.util.spec_from_file_location(name, path)
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    made = getattr(code, module.class_name)()
    made.load_state_dict(module.state)
    return made.eval()


@torch.no_grad()
def same(net: Net, batch: dict, folder, passes: int = 1) -> None:
    """Assert that the written module gives the net's outputs to the bit.

    Ours multiplies as torch does meanwhile; see catdog/layers/linear.py.
    """
    made = load(torch_module(net, "weights.pt"), folder)
    for _ in range(passes):
        with patch("catdog.layers.linear.LEAST", sys.maxsize):
            wanted = {name: net(batch).blobs[name] for name in net.outputs}
        got = made(*batch.values())
        got = got if isinstance(got, dict) else {net.outputs[0]: got}
        assert got.keys() == wanted.keys()
        for name, tensor in wanted.items():
            assert got[name].shape == tensor.shape
            # nan stands where Caffe has nan, and is not equal to itself
            assert torch.equal(got[name].nan_to_num(7), tensor.nan_to_num(7)), name
