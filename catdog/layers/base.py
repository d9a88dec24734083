"""What every layer is: a module built from its LayerParameter and the shapes of its bottoms."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import prod
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from catdog.data.datum import blob_shape, blob_to_array
from catdog.errors import CatdogError, LayerError
from catdog.fillers import check, fill
from catdog.proto.caffe_pb2 import BlobProto, FillerParameter, LayerParameter
from catdog.runtime.randomness import Randomness
from catdog.spec.shape import Shape


class Count(NamedTuple):
    """How many bottoms or tops a layer takes; no `most` means any number."""

    least: int
    most: int | None

    def __contains__(self, number: object) -> bool:
        return (
            isinstance(number, int)
            and self.least <= number
            and (self.most is None or number <= self.most)
        )

    def __str__(self) -> str:
        if self.least == self.most:
            return str(self.least)
        return f"{self.least} or more" if self.most is None else f"{self.least} to {self.most}"


#: What the arithmetic of parameter blobs is done in.
Numbers = NDArray[np.float64]


class Family(Enum):
    """Layers that a drawing shows alike."""

    DATA = "data"
    CONVOLUTION = "convolution"
    POOLING = "pooling"
    ACTIVATION = "activation"
    NORMALIZATION = "normalization"
    CONNECTED = "connected"
    RECURRENT = "recurrent"
    SHAPING = "shaping"
    RESULT = "result"
    OTHER = "other"


NONE, ONE, TWO, ANY = Count(0, 0), Count(1, 1), Count(2, 2), Count(1, None)


@dataclass(frozen=True)
class Setting:
    """What a layer is built in, beside its own parameters.

    Args:
        randomness: for fillers, dropout and other draws.
        provide_caffe: lets `import caffe` work in the module of a Python layer; None refuses
            Python layers, which run code.
        locate: finds files that a layer names.
    """

    randomness: Randomness = field(default_factory=Randomness)
    provide_caffe: Callable[[], object] | None = None
    locate: Callable[[str], Path] = Path


class Blobs(nn.Module):
    """The parameter blobs of a layer, Caffe's `blobs`, by position.

    Until `fill`, they are on the meta device: shapes without numbers. A blob that is shared with
    another layer's of another shape (share_mode PERMISSIVE) is seen here in this layer's shape.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shapes: list[Shape] = []
        self._numbers: list[FillerParameter | BlobProto] = []

    def append(self, shape: Shape, numbers: FillerParameter | BlobProto) -> None:
        """Add a blob of this shape; it gets its numbers, or those of its filler, in `fill`."""
        self.register_parameter(str(len(self)), nn.Parameter(torch.empty(shape, device="meta")))
        self._shapes.append(shape)
        self._numbers.append(numbers)

    def fill(self, randomness: Randomness) -> None:
        """Give every blob that is still without numbers its own, on the CPU."""
        for index, numbers in enumerate(self._numbers):
            if self.parameter(index).is_meta:
                tensor = torch.empty(self._shapes[index])
                if isinstance(numbers, BlobProto):
                    tensor.copy_(torch.from_numpy(blob_to_array(numbers)).view_as(tensor))
                else:
                    fill(tensor, numbers, randomness.on("cpu"))
                self.replace(index, nn.Parameter(tensor, self.parameter(index).requires_grad))

    def parameter(self, index: int) -> nn.Parameter:
        """The parameter itself, in its owner's shape."""
        parameter = self._parameters[str(index)]
        if parameter is None:
            raise IndexError(index)
        return parameter

    def replace(self, index: int, parameter: nn.Parameter) -> None:
        """Use another parameter (a shared one) at this position."""
        self._parameters[str(index)] = parameter

    def is_zero(self, index: int) -> bool:
        """Whether a blob is all zeros, as its filler makes it; so is one without a filler."""
        numbers, parameter = self._numbers[index], self.parameter(index)
        if isinstance(numbers, BlobProto) or numbers.type != "constant" or numbers.value:
            return False
        return parameter.is_meta or not parameter.any()

    def shape(self, index: int) -> Shape:
        """The shape in which this layer sees a blob."""
        return self._shapes[index]

    def __getitem__(self, index: int) -> Tensor:
        parameter = self._parameters[str(index)]
        assert parameter is not None  # register_parameter above never stores None
        shape = self._shapes[index]
        return parameter if parameter.shape == shape else parameter.view(shape)

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))


class Layer(nn.Module):
    """A layer of Caffe.

    A subclass declares how many bottoms and tops it takes, reads its own parameter message in
    `setup`, adds its parameter blobs there with `add_blob`, and computes in `forward`, which
    gets the bottoms as tensors and returns the tops: a tensor, or a tuple of tensors where there
    may be several. `self.training` is the TRAIN phase.

    What other packages need to know of a layer type is an attribute or a method here; there are
    no tables of type names elsewhere. The defaults are safe for any layer: at worst something is
    slower, or not offered.
    """

    #: The messages of LayerParameter that it reads, that of its type first.
    messages: ClassVar[tuple[str, ...]] = ()
    bottoms: ClassVar[Count] = ONE
    tops: ClassVar[Count] = ONE
    #: Bottoms to which Caffe never sends a gradient, such as labels.
    no_gradient: ClassVar[frozenset[int]] = frozenset()
    #: The first top counts in the loss with weight 1 unless the spec says otherwise.
    is_loss: ClassVar[bool] = False
    #: A result may be written over the bottom when the spec names the same blob on both sides.
    may_run_in_place: ClassVar[bool] = False
    #: The backward pass does not look at the tops, so the next layer may write over them.
    top_may_be_overwritten: ClassVar[bool] = False
    #: The parameter blobs are changed by gradients; else (BatchNorm) by the layer itself.
    learns: ClassVar[bool] = True
    #: Of a layer that learns, the blobs that it changes itself, or that stand still.
    statistics: frozenset[int] = frozenset()
    #: It has no parameters and one bottom, so that a BatchNorm layer after it has the statistics
    #: of what comes before it, and is frozen with that.
    passes_statistics: ClassVar[bool] = False
    #: With one bottom, its top is this bottom multiplied by blob 0, plus blob 1 if there is one.
    multiplies: ClassVar[bool] = False
    #: Its top begins with an axis of 1 whatever the number of examples: it is one for the batch.
    one_for_batch: ClassVar[bool] = False
    #: The numbers of the bottoms count; else (PriorBox) their shapes alone.
    reads_numbers: ClassVar[bool] = True
    #: Where all bottoms are 0 the tops are, before anything has been learnt.
    keeps_zeros: bool = False
    #: Whether a larger top is better, or a smaller one; None where it is no score.
    higher_is_better: ClassVar[bool | None] = None
    #: Bottoms after the first are what is true, as those of a loss or a score are.
    compares: ClassVar[bool] = False
    #: Bottom 0 has scores of classes, bottom 1 their labels.
    scores_classes: ClassVar[bool] = False
    #: The label that does not count, where there is one.
    ignored_label: int | None = None
    #: Bottom 0 has probabilities, not scores of which it makes them.
    takes_probabilities: ClassVar[bool] = False
    #: The value above which it cannot rise, where training is stuck.
    largest_loss: ClassVar[float | None] = None
    #: How it is drawn.
    family: ClassVar[Family] = Family.OTHER

    def __init__(
        self, param: LayerParameter, shapes: Sequence[Shape], setting: Setting | None = None
    ) -> None:
        super().__init__()
        self.param = param
        self.setting = setting or Setting()
        self.in_place = (
            self.may_run_in_place and bool(param.bottom) and param.bottom[0] == param.top[0]
        )
        # torch.compile does not look into messages
        self.top_count = len(param.top)
        self.blobs = Blobs()
        self.setup(*shapes)
        if len(param.blobs) not in (0, len(self.blobs)):
            raise self.error(
                f"has {len(param.blobs)} blobs in the spec and {len(self.blobs)} of its own",
                field="blobs",
                remedy="give all of them or none",
            )

    def setup(self, *shapes: Shape) -> None:
        """Read the parameters, refuse what cannot work, add the blobs."""

    def add_blob(self, shape: Shape, filler: FillerParameter | None = None) -> None:
        """Add a parameter blob; without a filler it starts as zeros.

        Where the spec has the layer's blobs, they count instead. Raises LayerError for a filler
        that cannot fill it, and for a blob of another size.
        """
        if len(self.blobs) < len(self.param.blobs):
            self.blobs.append(shape, self._given(len(self.blobs), shape))
            return
        filler = filler or FillerParameter(type="constant")
        try:
            check(shape, filler)
        except CatdogError as error:
            raise self.error(error.what, remedy=error.remedy) from None
        self.blobs.append(shape, filler)

    def _given(self, index: int, shape: Shape) -> BlobProto:
        """A blob that stands in the spec."""
        blob = self.param.blobs[index]
        given = blob_shape(blob)
        if prod(given) != prod(shape):
            raise self.error(
                f"has blob {index} of shape {list(given)} in the spec and needs {list(shape)}",
                field="blobs",
                remedy="leave blobs out, and load weights from a file",
            )
        return blob

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        """Shapes of the tops for bottoms of these shapes, found by running without numbers.

        A layer whose result depends on the values of its bottoms gives them itself.
        """
        with torch.no_grad():
            tops = self(*(torch.empty(shape, device="meta") for shape in shapes))
        return [tuple(top.shape) for top in (tops if isinstance(tops, tuple) else (tops,))]

    def per_example(self) -> bool:
        """Whether the tops of each example depend on the bottoms of this example alone, and not on
        its index in the batch.

        Examples are on the first axis of all bottoms and tops. Random numbers do not count.
        """
        return False

    def keeps_signs(self) -> bool:
        """Whether every element keeps its sign, or becomes 0 and gets no gradient."""
        return False

    def stops_at_zero(self) -> bool:
        """Whether an element of 0 gets no gradient."""
        return False

    def is_random(self) -> bool:
        """Whether a forward pass draws random numbers, in the phase that the layer is in."""
        return False

    def updates_blobs(self) -> bool:
        """Whether a forward pass changes its parameter blobs, in the phase that the layer is in."""
        return False

    def keeps(self, index: int) -> bool:
        """Whether no gradient changes a parameter blob: the layer itself does, or nothing."""
        return not self.learns or index in self.statistics

    def passes_gradient(self) -> bool:
        """Whether a gradient of any top surely reaches its parameters and the bottoms that are not
        in `no_gradient`, if only as zeros; no where there are none of either."""
        reached = any(i not in self.no_gradient for i in range(len(self.param.bottom)))
        return reached or not all(map(self.keeps, range(len(self.blobs))))

    def multiply_adds(self, _bottoms: Sequence[Shape], _tops: Sequence[Shape], /) -> int:
        """Multiply-adds of convolutions and matrix products in a forward pass of these shapes."""
        return 0

    def counts_labels(self) -> bool:
        """Whether a top is a mean over labels of which another number counts in each batch."""
        return False

    def counted(self, *_bottoms: Tensor) -> tuple[Tensor | None, ...]:
        """Over how many labels each number of each top is a mean; None for a top that is one over
        all that is in the batch."""
        return (None,) * self.top_count

    def classes(self, _scores: Shape, _labels: Shape, /) -> int | None:
        """How many classes the labels of bottom 1 may be of, beside scores of a shape in bottom 0;
        None where they are no numbers of classes."""
        return None

    def even_label(self, _scores: Shape, /) -> Tensor | None:
        """The mean label of classes that are equally frequent, as `mean_label` gives it."""
        return None

    def mean_label(self, _labels: Tensor, _scores: Shape, /) -> Tensor | None:
        """The mean of a batch's labels: the share of each class, or of each of several marks."""
        return None

    def guessing_loss(self, _mean: Tensor, /) -> float | None:
        """The least loss of one answer for all examples, whose labels have this mean."""
        return None

    def share_at_floor(self, *_bottoms: Tensor) -> float:
        """The share of labels whose probability is too small for its loss, see `largest_loss`."""
        return 0.0

    @classmethod
    def caption(cls, _param: LayerParameter, /) -> str:
        """The numbers of such a layer that a drawing shows."""
        return ""

    @classmethod
    def remark(cls, _layer: LayerParameter, /) -> str:
        """What to tell of such a layer before it runs, or nothing: fields that change no top."""
        return ""

    @classmethod
    def folds_norm(cls, _param: LayerParameter, /) -> bool:
        """Whether its first blob has a row for each channel of the top and its second a bias, so
        that a BatchNorm layer after it can be folded into both; its message has bias_term."""
        return False

    @classmethod
    def asks_for_batch(cls, _layer: LayerParameter, /) -> bool:
        """Whether a field has it normalise by the batch in the TEST phase, though it stores what
        it would normalise by there."""
        return False

    @classmethod
    def scales_channels(cls, _param: LayerParameter, /) -> bool:
        """Whether it normalises, and in the TEST phase only multiplies each channel (axis 1) and
        adds to it, so that it can be folded into the layer before it: see `channel_line`."""
        return False

    @classmethod
    def channel_line(
        cls, _param: LayerParameter, _blobs: Sequence[Numbers], /
    ) -> tuple[Numbers, Numbers]:
        """What such a layer multiplies each channel by and what it adds, from its blobs."""
        raise NotImplementedError

    @classmethod
    def probability_layer(cls, _param: LayerParameter, /) -> LayerParameter | None:
        """The type and parameters of the layer that makes probabilities of the scores that such a
        loss compares with labels, if it has one."""
        return None

    def error(self, what: str, *, field: str = "", remedy: str = "") -> LayerError:
        """A LayerError that names this layer: `raise self.error(...)`."""
        return LayerError(
            f"({self.param.type}) {what}", layer=self.param.name, field=field, remedy=remedy
        )
