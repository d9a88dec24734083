"""A net as code that lives without catdog: a torch module, ONNX."""

from catdog.export.module import Module, torch_module

__all__ = ["Module", "torch_module"]
