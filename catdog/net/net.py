"""A net message to a torch module: wiring by blob names, shapes, shared parameters, the loss.

Knows no files: data layers were cut out before, their tops come in as inputs.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from catdog.errors import CatdogError, SpecError
from catdog.layers import overwritten
from catdog.layers.base import Layer, Setting
from catdog.layers.vision import Convolution, Deconvolution
from catdog.net import wiring
from catdog.net.from_spec import phase_of, without_data
from catdog.net.fusion import fused
from catdog.net.layer_setup import build_layer, explained, loss_weights, param_specs
from catdog.net.parameters import Learnable, ParameterTable
from catdog.net.step import Node, Step
from catdog.proto.caffe_pb2 import TRAIN, LayerParameter, NetParameter
from catdog.runtime.devices import set_tf32
from catdog.runtime.room import too_large
from catdog.spec import Spec
from catdog.spec.shape import Shape

Contents = dict[str, list[overwritten.Content]]


class Result(NamedTuple):
    """What a forward pass gives: blobs by name, and the weighted sum of all losses."""

    blobs: dict[str, Tensor]
    loss: Tensor


class Net(nn.Module):
    """A Caffe net as a torch module.

        net = catdog.Net(catdog.read_net("net.yaml"))
        net(data, label).loss.backward()

    Args:
        message: the net, as `read_net` gives it; or a message that is upgraded and filtered for
            its `state`, without data layers.
        inputs: shapes of the blobs that come from outside, beside those of Input layers; of a
            net of `read_net` by default those of its data. Other batch sizes can be given later.
        phase: of a net of `read_net`, "TRAIN" or "TEST".
        stages: of a net of `read_net`, those of its rules.
        setting: randomness for fillers and layers, and what layers may do.
        fill: give the parameters numbers; without it the net is shapes only (meta device).

    Raises SpecError with every fault of the wiring, LayerError for a layer that cannot be built.
    """

    def __init__(
        self,
        message: NetParameter | Spec[NetParameter],
        *,
        inputs: Mapping[str, Shape] | None = None,
        phase: str = "TRAIN",
        stages: Sequence[str] = (),
        setting: Setting | None = None,
        fill: bool = True,
    ) -> None:
        super().__init__()
        _check_message(message.message if isinstance(message, Spec) else message)
        if isinstance(message, Spec):
            # what is refused below has its place in the text
            with message.located():
                rest, shapes = without_data(message, phase_of(phase), stages, inputs)
                self._build(rest, shapes, setting, fill=fill)
        else:
            self._build(message, inputs or {}, setting, fill=fill)

    def _build(
        self,
        message: NetParameter,
        inputs: Mapping[str, Shape],
        setting: Setting | None,
        *,
        fill: bool,
    ) -> None:
        self.message = wiring.with_automatic_tops(message)
        self.name = message.name
        self.phase = message.state.phase
        self.setting = setting or Setting()
        #: Run every layer by itself: somebody listens to them.
        self.step_by_step = False
        self._format: torch.memory_format | None = None
        self.inputs = {**inputs, **wiring.input_shapes(message)}
        faults = wiring.faults(self.message, self.inputs)
        if faults:
            raise SpecError(faults)
        self.shapes: dict[str, Shape] = dict(self.inputs)
        self.outputs = wiring.outputs(self.message, self.inputs)
        self.nodes: list[Node] = []
        self._top_shapes: dict[object, list[Shape]] = {}
        self._parameters_of = ParameterTable(force_backward=message.force_backward)
        for param in self.message.layer:
            if param.type != "Input":
                self._append(param)
        self._plan()
        self._run_from(0)
        self.layers = nn.ModuleList(node.layer for node in self.nodes)
        self.train(self.phase == TRAIN)
        for node in self.nodes:
            # a layer may have a phase of its own
            node.layer.train(node.layer.param.phase == TRAIN)
        if fill:
            self.fill()

    def _append(self, param: LayerParameter) -> None:
        if not param.HasField("phase"):
            param.phase = self.phase
        shapes = [self.shapes[bottom] for bottom in param.bottom]
        layer = build_layer(param, shapes, self.setting)
        tops = self._tops(layer, shapes)
        self.shapes.update(zip(param.top, tops, strict=True))
        node = Node(
            name=param.name,
            type=param.type,
            layer=layer,
            bottoms=tuple(param.bottom),
            tops=tuple(param.top),
            loss_weights=loss_weights(param, layer),
            cut=tuple(self._is_cut(param, layer, i) for i in range(len(param.bottom))),
        )
        self._parameters_of.add(node.name, layer, param_specs(param, layer))
        self.nodes.append(node)

    def _tops(self, layer: Layer, shapes: Sequence[Shape]) -> list[Shape]:
        """The shapes of a layer's tops; found once for layers that differ in names alone."""
        alike = LayerParameter()
        alike.CopyFrom(layer.param)
        for field in ("name", "bottom", "top", "param"):
            alike.ClearField(field)
        key = (*shapes, len(layer.param.top), alike.SerializeToString(deterministic=True))
        if key not in self._top_shapes or layer.param.type == "Python":
            with explained(layer.param, shapes):
                self._top_shapes[key] = layer.top_shapes(*shapes)
        return self._top_shapes[key]

    def _is_cut(self, param: LayerParameter, layer: Layer, index: int) -> bool:
        # Caffe's force_backward overrides propagate_down: false, but not for a label
        stopped = bool(param.propagate_down) and not param.propagate_down[index]
        return index in layer.no_gradient or (stopped and not self.message.force_backward)

    def _plan(self) -> None:
        """Find where blobs are last used and where a layer may write over its bottom."""
        readers = wiring.readers(self.message)
        seen: set[str] = set(self.outputs)
        for node in reversed(self.nodes):
            names = set(node.bottoms) | set(node.tops)
            node.last_use = tuple(names - seen)
            seen |= names
        makers: dict[str, Layer] = {}
        for node, reads in zip(self.nodes, readers, strict=True):
            if node.layer.in_place:
                maker = makers.get(node.bottoms[0])
                alone = reads[node.bottoms[0]] == 1
                free = maker is not None and maker.top_may_be_overwritten
                node.layer.in_place = alone and free
            makers.update(dict.fromkeys(node.tops, node.layer))
        signs_stay: dict[tuple[str, ...], bool] = {}
        for node in reversed(self.nodes):
            node.stale = overwritten.stale(node.layer, signs_stay.get(node.tops))
            node.layer.in_place &= not node.stale
            signs_stay[node.tops] = signs_stay.get(node.tops, True) and node.layer.keeps_signs()

    def check_room(self) -> None:
        """Raise LayerError where this machine can never hold a layer's numbers; CatdogError for
        those of an input."""
        for name, shape in self.inputs.items():
            if large := too_large(prod(shape)):
                what = f'a batch of "{name}", {list(shape)}, {large}'
                raise CatdogError(what, where=f"net {self.name}", remedy="lower batch_size")
        for node in self.nodes:
            blobs = sum(parameter.numel() for parameter in node.layer.blobs.parameters())
            tops = sum(prod(self.shapes[top]) for top in node.tops)
            for what, count in (("parameters", blobs), ("result", tops)):
                if large := too_large(count):
                    raise node.layer.error(f"is too large: its {what} {large}")

    def fill(self) -> None:
        """Give every parameter the numbers of its filler, on the CPU; shared ones once.

        Raises as `check_room`.
        """
        self.check_room()
        for node in self.nodes:
            self._parameters_of.relink(node.name)
            node.layer.blobs.fill(self.setting.randomness)

    def place(self, device: torch.device | str) -> Self:
        """Move to a device and compute in channels_last, which convolutions are fastest in.

        The numbers are the same up to rounding. A GPU keeps all bits of float32 from here on.
        """
        if torch.device(device).type == "cuda":
            set_tf32(False)
        self.to(device)
        for node in self.nodes:
            if isinstance(node.layer, Convolution | Deconvolution):
                weight = node.layer.blobs.parameter(0)
                if weight.dim() == 4:
                    weight.data = weight.data.contiguous(memory_format=torch.channels_last)
                    self._format = torch.channels_last
        return self

    def forward(
        self, batch: Mapping[str, Tensor] | Tensor, *others: Tensor, keep: Collection[str] = ()
    ) -> Result:
        """Run the net on a batch {input: tensor}; gives the outputs, kept blobs and the loss.

        The inputs may come one by one as well, in the order of `inputs`: `net(data, label)`.
        """
        if isinstance(batch, Tensor):
            batch = self._named((batch, *others))
        elif others:
            raise TypeError("inputs come by name or in their order, not both; `keep` is a keyword")
        missing = [name for name in self.inputs if name not in batch]
        if missing:
            raise CatdogError(f"no value for input {', '.join(missing)}", where=f"net {self.name}")
        blobs = {name: self._arranged(batch[name]) for name in self.inputs}
        loss: Tensor | None = None
        contents: Contents = defaultdict(list)
        whole = self._fused.lost.isdisjoint(keep) and not self.step_by_step
        for step in self._fused.steps if whole else self.running:
            tops = _run(step, [blobs[bottom] for bottom in step.bottoms], contents)
            blobs.update(zip(step.tops, tops, strict=True))
            for top, weight in zip(tops, step.loss_weights, strict=True):
                if weight:
                    term = weight * top.float().sum()
                    loss = term if loss is None else loss + term
            for name in step.last_use:
                if name not in keep:
                    blobs.pop(name, None)
        if loss is None:
            loss = torch.zeros((), device=next(iter(blobs.values())).device)
        return Result({name: blobs[name] for name in (*self.outputs, *keep)}, loss)

    def can_keep(self, blob: str) -> bool:
        """Whether a forward pass may `keep` a blob as it was made and computes as without that."""
        made = blob in self.inputs or any(blob in node.tops for node in self.running)
        written_over = any(
            node.layer.in_place and blob in node.bottoms and blob not in node.tops
            for node in self.running
        )
        return made and not written_over and blob not in self._fused.lost

    def _named(self, blobs: Sequence[Tensor]) -> Mapping[str, Tensor]:
        if len(blobs) > len(self.inputs):
            what = f"{len(blobs)} blobs for its inputs {', '.join(self.inputs)}"
            raise CatdogError(what, where=f"net {self.name}")
        return dict(zip(self.inputs, blobs, strict=False))

    def _arranged(self, blob: Tensor) -> Tensor:
        if self._format is None or blob.dim() != 4:
            return blob
        return blob.contiguous(memory_format=self._format)

    @property
    def learnable(self) -> list[Learnable]:
        """Parameters that are not another's, in Caffe's order: that of a solver's history."""
        return self._parameters_of.owners()

    @property
    def losses(self) -> list[Node]:
        """The nodes that count in the loss."""
        return [node for node in self.nodes if any(node.loss_weights)]

    def layer_blobs(self) -> dict[str, list[Tensor]]:
        """Parameter blobs by layer name, detached and live: what weight files hold."""
        return {
            node.name: [blob.detach() for blob in node.layer.blobs]
            for node in self.nodes
            if len(node.layer.blobs)
        }

    def share(self, other: "Net") -> None:
        """Use another net's parameters in the layers of the same name, as a test net does."""
        theirs = {node.name: node.layer for node in other.nodes}
        for node in self.nodes:
            if node.name in theirs:
                _share(node, theirs[node.name])

    def begin_at(self, index: int) -> None:
        """Run from a node on: of what those before it made, what is still read becomes an input.

        Their parameters stay parts of the net.
        """
        self._run_from(index)
        made = dict.fromkeys(top for node in self.nodes[:index] for top in node.tops)
        read = {bottom for node in self.running for bottom in node.bottoms} | set(self.outputs)
        self.inputs = {name: self.shapes[name] for name in {**self.inputs, **made} if name in read}

    def _run_from(self, index: int) -> None:
        #: The nodes that a forward pass runs.
        self.running = self.nodes[index:]
        self._fused = fused(self.running, self.shapes)

    @property
    def steps(self) -> Sequence[Step]:
        """What a forward pass runs when nobody listens to single layers."""
        return self._fused.steps

    def node(self, name: str) -> Node:
        """The node of a layer name."""
        return next(node for node in self.nodes if node.name == name)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)


def _run(step: Step, bottoms: Sequence[Tensor], contents: Contents) -> tuple[Tensor, ...]:
    """The tops of one step, whose blobs later ones may write over."""
    if isinstance(step, Node) and step.stale and bottoms[0].requires_grad:
        content = overwritten.Content()
        contents[step.tops[0]].append(content)
        tops: tuple[Tensor, ...] = (overwritten.run(step.layer, bottoms[0], content),)
    else:
        tops = run(step, bottoms)
    for name, top in zip(step.tops, tops, strict=True):
        for content in contents.get(name, ()):
            content.tensor = top.detach()
    return tops


def run(step: Step, bottoms: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The tops of one step."""
    given = (
        bottom.detach() if cut else bottom for bottom, cut in zip(bottoms, step.cut, strict=True)
    )
    tops = step.layer(*given)
    return tops if isinstance(tops, tuple) else (tops,)


def _share(node: Node, theirs: Layer) -> None:
    mine = node.layer.blobs
    shapes = [mine.shape(i) for i in range(len(mine))]
    other = [theirs.blobs.shape(i) for i in range(len(theirs.blobs))]
    if shapes != other:
        raise node.layer.error(
            f"has blobs of shapes {shapes} here and {other} in the net it shares with",
            remedy="give the layers the same parameters or different names",
        )
    for i in range(len(mine)):
        mine.replace(i, theirs.blobs.parameter(i))


def _check_message(message: object) -> None:
    if not isinstance(message, NetParameter):
        what = f"a net is built from what read_net gives, not from {type(message).__name__}"
        raise CatdogError(what, remedy='catdog.Net(catdog.read_net("net.yaml"))')
