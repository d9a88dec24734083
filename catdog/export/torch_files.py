"""A net written out: a Python file with a torch module, and a file with its state dict."""

from functools import partial
from pathlib import Path

import safetensors.torch
import torch

from catdog.errors import CatdogError
from catdog.export.deployed import Deployed
from catdog.export.module import torch_module
from catdog.export.notes import preparation_notes
from catdog.runtime.files import replacing, write_by_memory

_SAFETENSORS, _TORCH = ".safetensors", (".pt", ".pth")


def write_torch(deployed: Deployed, code: Path, state: Path) -> None:
    """Write the module to `code` and its parameters to `state`, a .pt or .safetensors.

    Raises CatdogError for another suffix and for layers that cannot be written.
    """
    if code.suffix != ".py":
        raise CatdogError("is no .py", where=str(code), remedy=f"name it {code.stem}.py")
    if state.suffix not in (_SAFETENSORS, *_TORCH):
        raise CatdogError("is neither .pt nor .safetensors", where=str(state))
    notes = preparation_notes(deployed.net.message, deployed.dataset)
    module = torch_module(deployed.net, state.name, notes)
    with replacing(state) as beside_state, replacing(code) as beside_code:
        if state.suffix == _SAFETENSORS:
            beside_state.write_bytes(safetensors.torch.save(module.state))
        else:
            write_by_memory(beside_state, partial(torch.save, module.state))
        beside_code.write_text(module.text, encoding="utf-8")
