"""One picture at a time by OpenVINO, in float32: NET.onnx COUNT; prints pictures a second."""

import sys
import time

import numpy as np
import openvino

model = openvino.Core().read_model(sys.argv[1])
model.reshape([1, 3, 227, 227])
hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
request = openvino.compile_model(model, "CPU", hints).create_infer_request()
picture = np.random.default_rng(0).normal(size=(1, 3, 227, 227)).astype(np.float32)
count = int(sys.argv[2])
for _ in range(10):
    request.infer({0: picture})
began = time.perf_counter()
for _ in range(count):
    request.infer({0: picture})
print(count / (time.perf_counter() - began))
