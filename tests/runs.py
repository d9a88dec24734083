"""Small trainings for tests: batches from arrays, a net of two layers, a solver that listens."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from google.protobuf import text_format
from numpy.typing import NDArray
from torch import Tensor

from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import (
    TEST,
    TRAIN,
    FedData,
    NetParameter,
    Phase,
    SolverParameter,
    SourceState,
)
from catdog.runtime.randomness import Randomness
from catdog.solver.action import Action
from catdog.solver.events import Event, Tick
from catdog.solver.solver import Solver
from catdog.solver.test_pass import TestNet


class Rows:
    """A feed over arrays; batches wrap around the end."""

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]], batch_size: int) -> None:
        self.arrays = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.batch_size, self.position = batch_size, 0
        self.count = len(next(iter(self.arrays.values())))
        self.shapes = {name: (batch_size, *array.shape[1:]) for name, array in self.arrays.items()}

    def next(self) -> dict[str, Tensor]:
        rows = (torch.arange(self.batch_size) + self.position) % self.count
        self.position = (self.position + self.batch_size) % self.count
        return {name: array[rows] for name, array in self.arrays.items()}

    def one_pass(self) -> Iterator[dict[str, Tensor]]:
        for start in range(0, self.count, self.batch_size):
            end = start + self.batch_size
            yield {name: array[start:end] for name, array in self.arrays.items()}

    def state(self) -> list[SourceState]:
        return [SourceState(layer="data", position=self.position)]

    def load_state(self, states: Iterable[SourceState]) -> None:
        (state,) = states
        self.position = state.position

    def reads(self) -> list[FedData]:
        return [FedData(layer="data", batch_size=self.batch_size, size=self.count)]


NET = """
name: "small"
layer { name: "data" type: "Input" top: "data" top: "label"
  input_param { shape { dim: 8 dim: 6 } shape { dim: 8 } } }
layer { name: "drop" type: "Dropout" bottom: "data" top: "drop" }
layer { name: "ip1" type: "InnerProduct" bottom: "drop" top: "ip1"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""


def small(phase: Phase, seed: int = 3, text: str = NET) -> Net:
    message = NetParameter()
    text_format.Parse(text, message)
    message.state.phase = phase
    return Net(message, setting=Setting(Randomness(seed)))


def rows(count: int = 20, batch_size: int = 8, scale: float = 1.0) -> Rows:
    rng = np.random.default_rng(0)
    data = (scale * rng.normal(size=(count, 6))).astype(np.float32)
    return Rows({"data": data, "label": np.arange(count, dtype=np.float32) % 3}, batch_size)


class Run:
    """A solver of the small net, with everything it said."""

    def __init__(
        self,
        tests: Sequence[int | None] = (),
        asks: dict[int, Action] | None = None,
        feed: Rows | None = None,
        text: str = NET,
        seed: int = 3,
        **fields: object,
    ) -> None:
        self.events: list[Event] = []
        self.ticks: list[Tick] = []
        self.calls, self.asks = 0, asks or {}
        param = SolverParameter(
            **{"base_lr": 0.1, "lr_policy": "fixed", "snapshot_after_train": False, **fields}
        )
        self.solver = Solver(
            param,
            small(TRAIN, seed, text),
            feed or rows(),
            [TestNet(small(TEST, seed, text), rows(), n) for n in tests],
            emit=self.take,
            request=self.request,
        )

    def take(self, event: Event) -> None:
        if isinstance(event, Tick):
            self.ticks.append(event)
        else:
            self.events.append(event)

    def request(self) -> Action:
        self.calls += 1
        return self.asks.get(self.calls, Action.NONE)

    def said(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def story(self) -> list[str]:
        """What was said, in a word each."""
        return [
            type(r).__name__ + (f" {r.iteration}" if hasattr(r, "iteration") else "")
            for r in self.events
        ]
