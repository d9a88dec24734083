"""A layer by itself against one recorded run of Caffe (tests/goldens/layers)."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from google.protobuf import text_format
from torch import Tensor

from catdog.layers import LAYERS, make_layer
from catdog.layers.base import Layer, Setting
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.runtime.randomness import Randomness

GOLDENS = Path(__file__).parents[1] / "goldens" / "layers"
FORKS = GOLDENS.parents[1] / "goldens_forks" / "layers"
#: What only moves, counts or compares numbers gives the very numbers of Caffe.
EXACT = {"Accuracy", "ArgMax", "BatchReindex", "Concat", "Crop", "Filter", "Flatten", "Im2col"}
EXACT |= {"DetectionEvaluate", "Permute"}
EXACT |= {"Parameter", "Reshape", "Slice", "Split", "Threshold", "Tile"}
EXACT |= {"BoxAnnotatorOHEM", "ROIPooling", "Reorg", "ShuffleChannel", "Upsample"}
#: How many rows come out depends on the numbers that go in.
OWN_SIZE = {"Filter", "Proposal", "YoloDetectionOutput", "Yolov3DetectionOutput"}
OWN_SIZE |= {"DetectionOutput", "DetectionEvaluate"}


@dataclass
class Case:
    """One recorded layer: its message, its phase and its arrays."""

    param: LayerParameter
    training: bool
    arrays: dict[str, np.ndarray]
    no_gradient_for: set[str]

    def tensor(self, key: str) -> Tensor:
        return torch.from_numpy(self.arrays[key].copy())

    def numbered(self, kind: str) -> list[str]:
        return [key for key in self.arrays if key.startswith(f"{kind}:")]


def entries(*roots: Path) -> list[dict]:
    """The entries of Caffe and of its forks whose type is a layer: the rest are data layers."""
    found = (
        {**entry, "folder": root / entry["type"]}
        for root in roots or (GOLDENS, FORKS)
        for entry in json.loads((root / "index.json").read_text())
    )
    return [e for e in found if e["type"] in LAYERS]


def load(entry: dict) -> Case:
    """Read a case; paths in its prototxt hold from its folder."""
    stem = entry["folder"] / entry["case"]
    net = text_format.Parse(stem.with_suffix(".prototxt").read_text(), NetParameter())
    (param,) = (layer for layer in net.layer if layer.name == "test")
    with np.load(stem.with_suffix(".npz")) as arrays:
        return Case(
            param=param,
            training=entry["phase"] == "TRAIN",
            # where bottoms come from layers of factor 1, that the diffs are recorded of
            arrays={re.sub("^(in:.*)_in$", r"\1", key): arrays[key] for key in arrays},
            no_gradient_for=set(entry.get("no_gradient_for", ())),
        )


@dataclass
class Run:
    """What our layer makes of a case."""

    layer: Layer
    bottoms: list[Tensor]
    tops: list[Tensor] = field(default_factory=list)


def forward(case: Case, channels_last: bool = False) -> Run:
    """Build the layer with the parameters of the case and run it on its inputs."""
    bottoms = [case.tensor(f"in:{name}") for name in case.param.bottom]
    if channels_last:
        bottoms = [
            bottom.contiguous(memory_format=torch.channels_last) if bottom.dim() == 4 else bottom
            for bottom in bottoms
        ]
    shapes = [tuple(bottom.shape) for bottom in bottoms]
    layer = make_layer(case.param, shapes, Setting(randomness=Randomness(1)))
    layer.train(case.training)
    promised = layer.top_shapes(*shapes)
    layer.blobs.fill(Randomness(1))
    keys = case.numbered("param")
    assert len(layer.blobs) == len(keys)
    for i, key in enumerate(keys):
        assert layer.blobs.shape(i) == case.arrays[key].shape
        layer.blobs.parameter(i).data.copy_(case.tensor(key))
    for i, bottom in enumerate(bottoms):
        bottom.requires_grad_(i not in layer.no_gradient)
    tops = layer(*bottoms)
    run = Run(layer, bottoms, list(tops) if isinstance(tops, tuple) else [tops])
    if case.param.type not in OWN_SIZE:
        assert [tuple(top.shape) for top in run.tops] == promised
    return run


def backward(case: Case, run: Run) -> None:
    """Send the recorded top diffs back; tops without gradient take none."""
    pairs = [
        (top, case.tensor(f"dout:{name}").to(top.dtype))
        for name, top in zip(case.param.top, run.tops, strict=True)
        if top.requires_grad
    ]
    torch.autograd.backward([top for top, _ in pairs], [diff for _, diff in pairs])


def compare(actual: Tensor | None, expected: np.ndarray, rtol: float, what: str) -> None:
    """Assert closeness relative to the largest number of the array; rtol 0 is exact."""
    given = np.zeros_like(expected) if actual is None else actual.detach().numpy()
    finite = np.abs(expected[np.isfinite(expected)])
    atol = rtol / 10 * finite.max() if finite.size else 0.0
    assert given.shape == expected.shape, what
    np.testing.assert_allclose(given, expected, rtol=rtol, atol=atol, err_msg=what)
