"""A run on drawn photos of cats and dogs, with its LMDBs, in a folder."""

from pathlib import Path

from catdog.data.build.dataset import create
from catdog.data.build.synthetic import draw_sample
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.training.train import train

#: Where its snapshots go.
PREFIX = "run/tiny"
RECORD = DatasetParameter(
    width=16, height=16, equalize=True, interpolation="CUBIC", validation_every=4, seed=1
)
_DATA = "{name: data, type: Data, top: [data, label], include: {phase: %s}, "
_PREPARED = "transform_param: {mean_file: mean.binaryproto, scale: 0.02}, "
_SOURCE = "data_param: {source: %s, batch_size: 8, backend: LMDB}}"
NET = f"""
name: tiny
layer:
- {_DATA % "TRAIN"}{_PREPARED}{_SOURCE % "train_lmdb"}
- {_DATA % "TEST"}{_PREPARED}{_SOURCE % "validation_lmdb"}
- name: score
  type: InnerProduct
  bottom: data
  top: score
  inner_product_param: {{num_output: 2, weight_filler: {{type: xavier}}}}
- name: accuracy
  type: Accuracy
  bottom: [score, label]
  top: accuracy
  include: {{phase: TEST}}
- {{name: loss, type: SoftmaxWithLoss, bottom: [score, label], top: loss}}
"""
SOLVER = f"""
net: net.yaml
test_interval: 2
base_lr: 0.01
lr_policy: fixed
max_iter: 6
display: 1
random_seed: 5
solver_mode: CPU
snapshot_best: accuracy
snapshot_prefix: {PREFIX}
"""


def make_run() -> None:
    """Photos, LMDBs and a training of six iterations, in the working directory."""
    draw_sample(Path("input"), train=40, test=2, seed=3)
    create(Path("input"), Path(), RECORD)
    Path("net.yaml").write_text(NET)
    Path("solver.yaml").write_text(SOLVER)
    train("solver.yaml")
