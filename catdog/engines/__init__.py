"""What computes the outputs of a trained net: torch, OpenVINO, onnxruntime."""
