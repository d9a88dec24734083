"""A net as code that lives without catdog: a torch module, ONNX."""
