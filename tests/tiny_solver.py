"""A solver file, its net and its data, in a folder: two classes of tiny pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from catdog.data.datum import array_to_datum
from tests.data.sources.build import write_values

NET = """
name: tiny
layer:
- name: data
  type: Data
  top: [data, label]
  include: {phase: TRAIN}
  transform_param: {scale: 0.01}
  data_param: {source: train_lmdb, batch_size: 6, backend: LMDB}
- name: data
  type: Data
  top: [data, label]
  include: {phase: TEST}
  transform_param: {scale: 0.01}
  data_param: {source: test_lmdb, batch_size: 6, backend: LMDB}
- name: fc
  type: InnerProduct
  bottom: data
  top: fc
  inner_product_param: {num_output: 4, weight_filler: {type: xavier}}
- {name: relu, type: ReLU, bottom: fc, top: fc}
- {name: drop, type: Dropout, bottom: fc, top: fc, include: {stage: drop}}
- name: score
  type: InnerProduct
  bottom: fc
  top: score
  inner_product_param: {num_output: 2, weight_filler: {type: xavier}}
- {name: accuracy, type: Accuracy, bottom: [score, label], top: accuracy, include: {phase: TEST}}
- {name: loss, type: SoftmaxWithLoss, bottom: [score, label], top: loss}
"""
SOLVER = """
net: net.yaml
test_interval: 2
base_lr: 0.1
lr_policy: fixed
max_iter: 4
display: 2
snapshot: 0
snapshot_prefix: {folder}/out/tiny
random_seed: 5
"""


def write_solver(folder: Path) -> Path:
    """The files in a folder; gives the solver."""
    write_labelled(folder / "train_lmdb", [n % 3 == 0 for n in range(24)])
    write_labelled(folder / "test_lmdb", [n % 2 == 0 for n in range(10)])
    (folder / "net.yaml").write_text(NET)
    path = folder / "solver.yaml"
    path.write_text(SOLVER.format(folder=folder))
    return path


def write_labelled(folder: Path, labels: Sequence[int]) -> None:
    """An LMDB of pictures that are bright where the label is 1."""
    chance = np.random.default_rng(len(labels))
    pairs = []
    for number, label in enumerate(map(int, labels)):
        picture = chance.integers(100 * label, 100 * label + 60, (1, 2, 3), np.uint8)
        value = array_to_datum(picture, label).SerializeToString()
        pairs.append((f"{number:08d}".encode(), value))
    write_values(folder, pairs)
