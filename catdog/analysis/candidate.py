"""A trained net to evaluate: from weights that carry it, or from a spec, with the data it names."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from catdog.data.datum import blob_to_array
from catdog.data.preprocessing import stored_dataset
from catdog.data.shapes import data_shapes
from catdog.data.shards import open_records
from catdog.data.sources import Context
from catdog.data.store_names import is_store
from catdog.errors import CatdogError
from catdog.inference.predictor import Predictor
from catdog.net.carried import preparation
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import (
    TEST,
    ConfidenceParameter,
    DatasetParameter,
    NetParameter,
    NetState,
)
from catdog.spec import read_net
from catdog.spec.rules import check_stages
from catdog.weights import Weights, read_weights, write_weights


@dataclass(frozen=True)
class Candidate:
    """Which net is evaluated, on which data, and how.

    Without `model` the weights carry their deploy net; without `data` the data are those of the
    model's TEST phase. `views` is a key of `catdog.data.test_time.VIEWS`, `amp` one of
    `catdog.solver.precision.NAMES`, or empty. `provide_caffe` lets Python layers run.
    """

    weights: Path
    model: Path | None = None
    data: Path | None = None
    views: str = ""
    state: NetState = field(default_factory=lambda: NetState(phase=TEST))
    device: torch.device | str = "cpu"
    amp: str = ""
    provide_caffe: Callable[[], object] | None = None

    def open(self) -> tuple[Predictor, Path]:
        """The predictor and the path of its data.

        Raises CatdogError where neither `data` nor the model names data.
        """
        weights = read_weights(self.weights)
        carried, data = self._of_model() if self.model else (NetParameter(), self.data)
        if data is None:
            raise CatdogError(
                "nothing to judge the net on",
                remedy="give --data with an LMDB or a folder of labelled photos",
            )
        predictor = Predictor(
            weights,
            deploy=carried.deploy if carried.HasField("deploy") else None,
            dataset=_dataset(carried, weights, data),
            mean=_mean(carried),
            device=self.device,
            views=self.views,
            amp=self.amp,
            provide_caffe=self.provide_caffe,
        )
        return predictor, data

    def _of_model(self) -> tuple[NetParameter, Path | None]:
        """Dataset, mean and deploy net of the spec, and its data where none are given."""
        spec = read_net(self.model or "")
        check_stages(spec.message, self.state.stage)
        net = resolve(spec, self.state)
        layers = net.data_layers
        if not layers:
            return NetParameter(deploy=net.message), self.data
        with net.located():
            context = Context(TEST, locate=net.locate)
            shapes = {k: v for one in layers for k, v in data_shapes(one, context).shapes.items()}
            carried = preparation(net, shapes)
        sources = [layer.data_param.source for layer in layers if layer.data_param.source]
        return carried, self.data or (net.locate(sources[0]) if sources else None)


def set_temperature(
    path: Path, temperature: float, confidence: ConfidenceParameter | None = None
) -> None:
    """Store the temperature in a weight file, and what was found at it in place of what was."""
    weights = read_weights(path)
    weights.net.temperature = temperature
    weights.net.ClearField("confidence")
    if confidence is not None:
        weights.net.confidence.CopyFrom(confidence)
    write_weights(path, weights)


def _dataset(carried: NetParameter, weights: Weights, data: Path) -> DatasetParameter | None:
    """How photos were prepared: as the model says, else as the shape of the LMDB's pictures."""
    if carried.HasField("dataset"):
        return carried.dataset
    if weights.net.HasField("dataset") or not is_store(data):
        return None
    with open_records(data) as reader:
        return stored_dataset(reader)


def _mean(carried: NetParameter) -> NDArray[np.float32] | None:
    return blob_to_array(carried.mean).squeeze(0) if carried.HasField("mean") else None
