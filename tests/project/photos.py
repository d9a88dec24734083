"""Labelled photos of light in three places, and a net that tells them apart in no time."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

#: Where it is light, in rows and columns: at the left, at the top, in the middle.
_LIGHT = (np.s_[:, :12], np.s_[:10], np.s_[5:15, 6:18])
CLASSES = ("ant", "bee", "cow")

NET = """\
# Two layers on 16x16 pictures, two classes. They learn shapes.
#
#   make lmdb SIZE=16
#
name: tiny
layer:
- name: data
  type: Data
  top: [data, label]
  include: {phase: TRAIN}
  transform_param: {crop_size: 16, scale: 0.01, mean_file: input/mean.binaryproto}
  # as many as there are
  data_param: {source: input/train_lmdb, batch_size: 8, backend: LMDB}
- name: data
  type: Data
  top: [data, label]
  include: {phase: TEST}
  transform_param: {crop_size: 16, scale: 0.01, mean_file: input/mean.binaryproto}
  data_param: {source: input/validation_lmdb, batch_size: 8, backend: LMDB}
- name: score
  type: InnerProduct
  bottom: data
  top: score
  inner_product_param:
    # one for each class
    num_output: 2
    weight_filler: {type: xavier}
- {name: accuracy, type: Accuracy, bottom: [score, label], top: accuracy, include: {phase: TEST}}
- {name: loss, type: SoftmaxWithLoss, bottom: [score, label], top: loss}
"""


def write_photo(path: Path, label: int, number: int) -> None:
    """A picture of a class."""
    chance = np.random.default_rng(1000 * label + number)
    pixels = chance.integers(0, 100, (20, 24, 3))
    pixels[_LIGHT[label % 3]] += 120
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels.astype(np.uint8))


def write_photos(folder: Path, classes: Sequence[str] = CLASSES, count: int = 12) -> Path:
    """A folder for each class."""
    for label, name in enumerate(classes):
        for number in range(count):
            write_photo(folder / name / f"{number}.png", label, number)
    return folder


def write_net(folder: Path) -> Path:
    """The file of the net."""
    path = folder / "tiny.yaml"
    path.write_text(NET)
    return path
