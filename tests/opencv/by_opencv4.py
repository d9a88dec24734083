"""What OpenCV 4 computes of nets: run by its own Python, with the folders of the nets.

Each folder has net.prototxt, net.caffemodel and in.npz; out.npz gets the first output of every
layer that no other reads, by its name.
"""

import sys
from pathlib import Path

import cv2
import numpy as np


def outputs(folder: Path) -> dict[str, np.ndarray]:
    """The outputs of a net of its inputs, or what OpenCV says."""
    weights = folder / "net.caffemodel"
    net = cv2.dnn.readNetFromCaffe(
        str(folder / "net.prototxt"), *([str(weights)] if weights.exists() else [])
    )
    for name, blob in np.load(folder / "in.npz").items():
        net.setInput(blob, name)
    names = net.getUnconnectedOutLayersNames()
    return dict(zip(names, net.forward(names), strict=True))


for path in map(Path, sys.argv[1:]):
    try:
        made = outputs(path)
    except cv2.error as error:
        made = {"error": np.array(str(error))}
    np.savez(path / "out.npz", **made)
