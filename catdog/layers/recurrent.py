"""Recurrent layers over sequences (caffe/layers/recurrent_layer.cpp and its children)."""

from abc import abstractmethod
from collections.abc import Sequence
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.base import Count, Family, Layer
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape


def _shape_error(layer: Layer, index: int, shape: Shape, wanted: str) -> Exception:
    return layer.error(
        f"has bottom {index} of shape {list(shape)} and takes {wanted}",
        field="bottom",
        remedy="change the layer that makes it",
    )


class Recurrent(Layer):
    """What RNN and LSTM share: bottoms x (steps, streams, ...), cont (steps, streams) and, if
    there is one, x_static (streams, ...), which is the same in every step.

    Where cont is 0, a sequence begins and the state before is dropped. The state after the last
    step is where the next forward pass goes on; with expose_hidden it comes from further bottoms
    (1, streams, num_output) and goes out to further tops instead, both without gradient.
    debug_info is accepted: it changes what Caffe writes in its log and no number.

    Raises LayerError for bottoms that do not fit each other.
    """

    messages = ("recurrent_param",)
    family = Family.RECURRENT
    no_gradient = frozenset({1})
    #: How many blobs make the state.
    states: int
    state: Tensor | None

    def setup(self, *shapes: Shape) -> None:
        param = self.param.recurrent_param
        self._exposed = self.states if param.expose_hidden else 0
        self._check_numbers(len(shapes))
        self._static = len(shapes) > 2 + self._exposed
        self._check_shapes(shapes)
        # a buffer, so that a snapshot can hold it; the states one after the other
        self.register_buffer("state", None, persistent=False)
        self.add_weights(shapes[0], shapes[2] if self._static else None)

    @abstractmethod
    def add_weights(self, shape: Shape, static: Shape | None) -> None:
        """Add the blobs for bottoms of these shapes."""

    @abstractmethod
    def steps(
        self, x: Tensor, cont: Tensor, static: Tensor | None, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The output of all steps, and the last state."""

    def add_linear(self, outputs: int, inputs: int, bias: bool = True) -> None:
        """Add the weights of an inner product."""
        param = self.param.recurrent_param
        self.add_blob((outputs, inputs), param.weight_filler)
        if bias:
            self.add_blob((outputs,), param.bias_filler)

    def _check_numbers(self, bottoms: int) -> None:
        if not self.param.recurrent_param.num_output:
            raise self.error("has no num_output", field="recurrent_param", remedy="give num_output")
        wanted = Count(2 + self._exposed, 3 + self._exposed)
        if bottoms not in wanted:
            raise self.error(
                f"has {bottoms} bottoms and takes {wanted}",
                field="bottom",
                remedy=f"give x, cont, x_static if there is one{self._states_named}",
            )
        if len(self.param.top) != 1 + self._exposed:
            raise self.error(
                f"has {len(self.param.top)} tops and makes {1 + self._exposed}",
                field="top",
                remedy=f"give one for the output{self._states_named}",
            )

    @property
    def _states_named(self) -> str:
        return f" and {self._exposed} for the state" if self._exposed else ""

    def _check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        sequence = shapes[0][:2]
        if len(shapes[0]) < 3:
            raise _shape_error(self, 0, shapes[0], "(steps, streams, ...)")
        if shapes[1] != sequence:
            raise _shape_error(self, 1, shapes[1], f"{list(sequence)}, as bottom 0")
        if self._static and (len(shapes[2]) < 2 or shapes[2][0] != sequence[1]):
            raise _shape_error(self, 2, shapes[2], f"[{sequence[1]}, ...], a row for each stream")
        state = (1, sequence[1], self.param.recurrent_param.num_output)
        for index in range(len(shapes) - self._exposed, len(shapes)):
            if shapes[index] != state:
                raise _shape_error(self, index, shapes[index], f"{list(state)}, the state")

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        steps, streams, *_ = shapes[0]
        outputs = self.param.recurrent_param.num_output
        return [(n, streams, outputs) for n in (steps, *[1] * self._exposed)]

    def passes_gradient(self) -> bool:
        # the states have none
        return not self._exposed

    def multiply_adds(self, bottoms: Sequence[Shape], _: Sequence[Shape]) -> int:
        # each matrix meets each step of each sequence, that of a static input each sequence
        steps, sequences = bottoms[0][:2]
        shapes = (self.blobs.shape(index) for index in range(len(self.blobs)))
        matrices = [prod(shape) for shape in shapes if len(shape) == 2]
        static = matrices.pop(1) if self._static else 0
        return sequences * (steps * sum(matrices) + static)

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return str(param.recurrent_param.num_output)

    def forward(self, x: Tensor, cont: Tensor, *rest: Tensor) -> Tensor | tuple[Tensor, ...]:
        static = rest[0] if self._static else None
        given = rest[len(rest) - self._exposed :]
        state = tuple(blob[0].detach() for blob in given) or self._last_state(x)
        # (steps, streams, 1), to multiply the rows of a state
        top, last = self.steps(x.flatten(2), cont.to(x.dtype).unsqueeze(2), static, state)
        last = tuple(blob.detach() for blob in last)
        if self._exposed:
            return top, *(blob.unsqueeze(0) for blob in last)
        self.state = torch.stack(last)
        return top

    def _last_state(self, x: Tensor) -> tuple[Tensor, ...]:
        """The state after the last forward pass, or zeros before the first and for another
        number of streams."""
        zeros = x.new_zeros(self.states, x.shape[1], self.param.recurrent_param.num_output)
        if self.state is None or self.state.shape != zeros.shape:
            return tuple(zeros)
        return tuple(self.state.to(zeros))


class RNN(Recurrent):
    """h = tanh(W_hh (cont * h) + W_xh x + b_h + W_static x_static); top = tanh(W_ho h + b_o).

    Blobs: W_xh, b_h, W_static where there is x_static, W_hh, W_ho, b_o.
    """

    states = 1
    bottoms = Count(2, 4)
    tops = Count(1, 2)

    def add_weights(self, shape: Shape, static: Shape | None) -> None:
        size = self.param.recurrent_param.num_output
        self.add_linear(size, torch.Size(shape[2:]).numel())
        if static is not None:
            self.add_linear(size, torch.Size(static[1:]).numel(), bias=False)
        self.add_linear(size, size, bias=False)
        self.add_linear(size, size)

    def steps(
        self, x: Tensor, cont: Tensor, static: Tensor | None, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        blobs = [blob.to(x.dtype) for blob in self.blobs]
        *of_input, recurrent, out, out_bias = blobs
        (hidden,), all_hidden = state, []
        for given, cont_t in zip(_inputs(x, static, of_input), cont, strict=True):
            hidden = torch.tanh(given + F.linear(hidden * cont_t, recurrent))
            all_hidden.append(hidden)
        return torch.tanh(F.linear(torch.stack(all_hidden), out, out_bias)), (hidden,)


class LSTM(Recurrent):
    """Gates i, f, o, g = W_hc (cont * h) + W_xc x + b_c + W_static x_static, in this order;
    c = cont * f * c + i * g; h = o * tanh(c), the top (Hochreiter and Schmidhuber 1997).

    Blobs: W_xc, b_c, W_static where there is x_static, W_hc.
    """

    states = 2
    bottoms = Count(2, 5)
    tops = Count(1, 3)
    top_may_be_overwritten = True

    def add_weights(self, shape: Shape, static: Shape | None) -> None:
        size = self.param.recurrent_param.num_output
        self.add_linear(4 * size, torch.Size(shape[2:]).numel())
        if static is not None:
            self.add_linear(4 * size, torch.Size(static[1:]).numel(), bias=False)
        self.add_linear(4 * size, size, bias=False)

    def steps(
        self, x: Tensor, cont: Tensor, static: Tensor | None, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        *of_input, recurrent = (blob.to(x.dtype) for blob in self.blobs)
        (hidden, cell), all_hidden = state, []
        for given, cont_t in zip(_inputs(x, static, of_input), cont, strict=True):
            gates = given + F.linear(hidden * cont_t, recurrent)
            cell, hidden = lstm_unit(cell, gates, cont_t)
            all_hidden.append(hidden)
        return torch.stack(all_hidden), (hidden, cell)


def _inputs(x: Tensor, static: Tensor | None, weights: list[Tensor]) -> Tensor:
    """What the bottoms bring to every step, all steps at once."""
    given = F.linear(x, weights[0], weights[1])
    return given if static is None else given + F.linear(static.flatten(1), weights[2])


def lstm_unit(cell: Tensor, gates: Tensor, cont: Tensor) -> tuple[Tensor, Tensor]:
    """One step of an LSTM: the cell and the hidden state after it."""
    i, f, o, g = gates.chunk(4, -1)
    cell = cont * torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return cell, torch.sigmoid(o) * torch.tanh(cell)


class LSTMUnit(Layer):
    """One step of an LSTM from c (1, streams, n), gates (1, streams, 4 n) and cont (1, streams);
    the tops are c and h after it.

    Raises LayerError for bottoms that do not fit each other.
    """

    family = Family.RECURRENT
    bottoms = Count(3, 3)
    tops = Count(2, 2)
    no_gradient = frozenset({2})

    def setup(self, *shapes: Shape) -> None:
        cell, gates, cont = shapes
        if len(cell) != 3 or cell[0] != 1:
            raise _shape_error(self, 0, cell, "[1, streams, n]")
        if gates != (*cell[:2], 4 * cell[2]):
            raise _shape_error(
                self, 1, gates, f"{[*cell[:2], 4 * cell[2]]}, the four gates of bottom 0"
            )
        if cont != cell[:2]:
            raise _shape_error(self, 2, cont, f"{list(cell[:2])}, as bottom 0")

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [shapes[0]] * 2

    def forward(self, cell: Tensor, gates: Tensor, cont: Tensor) -> tuple[Tensor, Tensor]:
        return lstm_unit(cell, gates, cont.unsqueeze(2))


TABLE: dict[str, type[Layer]] = {"RNN": RNN, "LSTM": LSTM, "LSTMUnit": LSTMUnit}
