"""A small convolutional net with its solver and LMDBs, in a folder: most of it is frozen."""

from pathlib import Path

from tests.data.sources.build import pictures, write_lmdb

NET = """
name: small
layer:
- name: data
  type: Data
  top: [data, label]
  include: {phase: TRAIN}
  transform_param: {scale: 0.01, mean_value: 100}
  data_param: {source: train, batch_size: 4, shuffle: true}
- name: data
  type: Data
  top: [data, label]
  include: {phase: TEST}
  transform_param: {scale: 0.01, mean_value: 100}
  data_param: {source: validation, batch_size: 4}
- name: conv1
  type: Convolution
  bottom: data
  top: conv1
  convolution_param: {num_output: 6, kernel_size: 3, weight_filler: {type: msra}}
- {name: bn1, type: BatchNorm, bottom: conv1, top: conv1}
- {name: scale1, type: Scale, bottom: conv1, top: conv1, scale_param: {bias_term: true}}
- {name: relu1, type: ReLU, bottom: conv1, top: conv1}
- name: pool1
  type: Pooling
  bottom: conv1
  top: pool1
  pooling_param: {pool: AVE, kernel_size: 2, stride: 2}
- name: fc1
  type: InnerProduct
  bottom: pool1
  top: fc1
  inner_product_param: {num_output: 9, weight_filler: {type: xavier}}
- {name: drop1, type: Dropout, bottom: fc1, top: fc1}
- name: fc2
  type: InnerProduct
  bottom: fc1
  top: fc2
  inner_product_param: {num_output: 10, weight_filler: {type: xavier}}
- {name: accuracy, type: Accuracy, bottom: [fc2, label], top: accuracy, include: {phase: TEST}}
- {name: loss, type: SoftmaxWithLoss, bottom: [fc2, label], top: loss}
"""
SOLVER = """
net: net.yaml
base_lr: 0.01
lr_policy: fixed
momentum: 0.9
weight_decay: 0.01
test_interval: 3
max_iter: 8
random_seed: 5
display: 1
solver_mode: CPU
freeze: ["*1"]
"""


def write_small(folder: Path, net: str = NET, solver: str = SOLVER) -> None:
    """net.yaml, solver.yaml and the LMDBs train and validation."""
    write_lmdb(folder / "train", pictures(10))
    write_lmdb(folder / "validation", pictures(7, seed=1))
    (folder / "net.yaml").write_text(net)
    (folder / "solver.yaml").write_text(solver)
