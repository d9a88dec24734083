"""What the JSON routes say of a draft."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel


class FaultAnswer(BaseModel):
    """A fault: in which text, `net` or `solver`, and where; line and column 0 mean all of it."""

    text: str
    line: int
    column: int
    what: str
    remedy: str


class LayerAnswer(BaseModel):
    """A layer of the net: the shapes of its tops, its parameters, its multiply-adds for a batch."""

    name: str
    type: str
    tops: Sequence[Sequence[int]]
    parameters: int
    multiply_adds: int


class NetAnswer(BaseModel):
    """The net that is trained; `blob_bytes` are those of all blobs of a forward pass."""

    rows: Sequence[LayerAnswer]
    batch: int | None
    blob_bytes: int
    parameters: int
    multiply_adds: int


class RateAnswer(BaseModel):
    """The learning rate at iterations."""

    iterations: Sequence[int]
    rates: Sequence[float]
    note: str


class StartRow(BaseModel):
    """How a layer begins; `weights`: copied, fresh, mismatched, or fetched when it starts."""

    layer: str
    parameters: int
    weights: str
    reason: str
    frozen: bool
    learns_from: int
    rates: Sequence[float]


class StartAnswer(BaseModel):
    """How all layers begin; `unused` are layers of the weights that the net has not."""

    layers: Sequence[StartRow]
    sources: Sequence[str]
    unused: Sequence[str]
    learning: int


class NetMemoryAnswer(BaseModel):
    """Bytes that a net takes, about."""

    phase: str
    fixed: int
    growing: int
    told: str


class MemoryAnswer(BaseModel):
    """Bytes that a training takes of a device, and those that are free there."""

    device: str
    free: int
    nets: Sequence[NetMemoryAnswer]
    total: int


class DraftAnswer(BaseModel):
    """What is known of a net and a solver; parts that cannot be told are null.

    `needs`: data that are not there, which keep it from being trained.
    """

    is_whole: bool
    faults: Sequence[FaultAnswer]
    lines: Sequence[str]
    needs: Sequence[str]
    net: NetAnswer | None
    rates: RateAnswer | None
    start: StartAnswer | None
    memory: MemoryAnswer | None
    iterations: int
    tests: int


class TimeAnswer(BaseModel):
    """Seconds of an iteration and of a training, and where the numbers come from."""

    iteration: float
    total: float
    source: str


def of_draft(answer: dict[str, Any]) -> DraftAnswer:
    """What a desk said of a draft."""
    return DraftAnswer.model_validate(answer)
