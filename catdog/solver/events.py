"""The events of a run: a solver emits them, listeners write them down."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

#: A blob of more numbers than these is told in one line. Pascal VOC has 21 classes.
MANY = 24


@dataclass(frozen=True)
class Output:
    """One number of an output blob, with the weight it has in the loss (0: none)."""

    name: str
    value: float
    loss_weight: float = 0.0


def by_blob(outputs: Iterable[Output]) -> Iterator[tuple[str, list[Output]]]:
    """The outputs of one blob after the other, each with the blob's name."""
    return ((name, list(group)) for name, group in groupby(outputs, lambda output: output.name))


def with_loss(output: Output) -> str:
    """An output as Caffe writes it, with what it is in the loss."""
    value, weight = output.value, output.loss_weight
    loss = f" (* {weight:g} = {weight * value:g} loss)" if weight else ""
    return f"{output.name} = {value:g}{loss}"


def in_short(outputs: list[Output]) -> str:
    """The numbers of a blob in a few words."""
    values = [output.value for output in outputs]
    mean = sum(values) / len(values)
    return f"{len(values):,} numbers from {min(values):g} to {max(values):g}, mean {mean:g}"


def of_net(name: str, net: int, *, first: bool = False) -> str:
    """The name of a test output with its net; that of the first net has it only with `first`."""
    return f"{name} (net #{net})" if net or first else name


@dataclass(frozen=True)
class Preparing:
    """A run is being set up: on which device, from which solver and nets (as prototxt).

    The first of the nets is the trained one, the others are the tests; each in its own state.
    """

    device: str
    solver: str
    seed: int = 0
    nets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finetuning:
    """Weights were copied from a file; `notes` list what was copied and what was not."""

    path: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LayerStart:
    """How a layer with parameters starts; a rate is the lr_mult of one of its blobs."""

    layer: str
    #: How many numbers it has.
    parameters: int
    #: `copied`, `fresh` or `mismatched`.
    weights: str
    #: Why it cannot be copied, and what to do.
    reason: str = ""
    frozen: bool = False
    rates: tuple[float, ...] = ()
    #: Its numbers are statistics that it keeps itself.
    statistics: bool = False


@dataclass(frozen=True)
class Starting:
    """How every layer with parameters starts, and how many of all parameters learn."""

    layers: tuple[LayerStart, ...]
    learning: int
    parameters: int


@dataclass(frozen=True)
class CachedBatch:
    """Frozen layers of a net have seen so many of its examples."""

    net: str
    done: int
    examples: int


@dataclass(frozen=True)
class Cached:
    """Frozen layers of a net were run once over its data; `last` is the last of them."""

    net: str
    last: str
    examples: int
    #: Of all features, on disk.
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Identified:
    """A run has a random name from its first iteration on, which a resume goes on with."""

    run: str


@dataclass(frozen=True)
class Tracked:
    """Another program keeps the run too: under which name of its own, and where one finds it."""

    tracker: str
    run: str
    place: str


@dataclass(frozen=True)
class Reached:
    """The best of a score so far: `better` is the way in which it gets better."""

    value: float
    iteration: int
    better: str


@dataclass(frozen=True)
class Resuming:
    """The run goes on from a state file, whose best of `score` this is, if it has one."""

    path: str
    iteration: int
    #: The test output whose best weights are kept; empty where none are.
    score: str = ""
    best: Reached | None = None


@dataclass(frozen=True)
class Solving:
    """The loop begins."""

    net: str
    lr_policy: str


@dataclass(frozen=True)
class Iterating:
    """An iteration has its gradients; its update, with the rate `lr`, comes next."""

    iteration: int
    lr: float


@dataclass(frozen=True)
class NetTesting:
    """A pass of a test net begins."""

    iteration: int
    net: int


@dataclass(frozen=True)
class NetTestedBatch:
    """A test pass comes to its next batch; so many are through."""

    iteration: int
    net: int
    batches: int


@dataclass(frozen=True)
class NetTested:
    """Means of a test net's outputs; `loss` only with test_compute_loss."""

    iteration: int
    net: int
    outputs: tuple[Output, ...]
    loss: float | None = None
    #: Accuracies of the training batches since the test before, by the outputs of the same name.
    trained: tuple[Output, ...] = ()


@dataclass(frozen=True)
class NetTestInterrupted:
    """A test pass that was left early; it has no result."""

    iteration: int
    net: int


@dataclass(frozen=True)
class Display:
    """Where the training stands; `seconds` were spent on the `iterations` since the last one."""

    iteration: int
    iterations: int
    seconds: float
    #: The solver's display: iterations from one event to the next.
    every: int
    #: Mean of the last average_loss losses.
    loss: float
    lr: float
    outputs: tuple[Output, ...]
    #: Accuracies of the batches since the last one that the train net has no output for.
    trained: tuple[Output, ...] = ()

    @property
    def speed(self) -> float:
        """Iterations a second."""
        return self.iterations / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class DebugInfo:
    """One line of debug_info."""

    line: str


@dataclass(frozen=True)
class Snapshotted:
    """Weights and state were written."""

    iteration: int
    model: str
    state: str
    hdf5: bool = False


@dataclass(frozen=True)
class Best:
    """Weights with the best score so far were written."""

    iteration: int
    #: The test output, with its net where that is not the first.
    name: str
    value: float
    model: str


@dataclass(frozen=True)
class NotSaved:
    """A snapshot, or the best weights, could not be written; the next one is tried."""

    SNAPSHOT: ClassVar[str] = "snapshot"
    BEST: ClassVar[str] = "best weights"

    kind: str
    what: str


@dataclass(frozen=True)
class Missing:
    """At the end of a run: what of its files is not there or not whole."""

    what: tuple[str, ...]


@dataclass(frozen=True)
class FinalLoss:
    """The loss of one more forward pass after the last iteration."""

    iteration: int
    loss: float


@dataclass(frozen=True)
class Noted:
    """Something worth knowing."""

    what: str


@dataclass(frozen=True)
class Warned:
    """Something that deserves a look and does not stop the run."""

    what: str


@dataclass(frozen=True)
class Failed:
    """The run ends with an error."""

    what: str


@dataclass(frozen=True)
class Stopped:
    """The run ends early because it was asked to."""

    iteration: int


@dataclass(frozen=True)
class Interrupted:
    """A signal has stopped the run, which the command goes on with."""

    signal: int
    command: str


@dataclass(frozen=True)
class Done:
    """The run has reached max_iter, or ended early by its own rule."""

    iteration: int


#: Events of each iteration and batch, which no log has.
Tick = Iterating | NetTestedBatch | CachedBatch

Event = (
    Preparing
    | Finetuning
    | Starting
    | Cached
    | Identified
    | Tracked
    | Resuming
    | Solving
    | NetTesting
    | NetTested
    | NetTestInterrupted
    | Display
    | DebugInfo
    | Snapshotted
    | Best
    | NotSaved
    | Missing
    | FinalLoss
    | Noted
    | Warned
    | Failed
    | Stopped
    | Interrupted
    | Done
    | Tick
)

#: Takes events as they come.
Listener = Callable[[Event], object]


def everyone(*listeners: Listener) -> Listener:
    """A listener that passes each event on to these, in order."""

    def pass_on(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return pass_on


class EndRun(Exception):
    """What a listener raises to end a run; the text says why."""
