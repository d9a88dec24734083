"""What a net looked at in a photo: heat maps for a class, by captum.

Grad-CAM (Selvaraju et al., 2017): where a layer speaks for the score of the class. Occlusion
(Zeiler and Fergus, 2014): where the probability falls when a square of the photo is covered.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, prod
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.images import Pixels, Readable
from catdog.errors import CatdogError, did_you_mean, some_of
from catdog.inference.heads import Head, Row
from catdog.inference.predictor import Prediction, Predictor
from catdog.layers.base import Family
from catdog.net.net import Net
from catdog.net.step import Node
from catdog.runtime.optional import optional

#: Float32: height x width, of several channels with an axis before these.
Heat = NDArray[np.float32]
Function = Callable[[Tensor], Tensor]

#: The methods, as they are called and as they are written.
GRAD_CAM, OCCLUSION = "grad-cam", "occlusion"
METHODS = {GRAD_CAM: "Grad-CAM", OCCLUSION: "occlusion"}
#: The side of a covered square, as a share of the photo's; squares overlap by half.
_SHARE = 8
#: Covered photos that are computed at once.
_AT_ONCE = 32


@dataclass(frozen=True)
class Explanation:
    """A photo as the net gets it (BGR), and what it looked at.

    Args:
        prediction: the photo with the probabilities of all heads.
        head, number: the class that the maps are for.
        row: what the head says of all its classes.
        maps: by method; Grad-CAM of the layer's height and width, occlusion of the photo's.
        activations: what the layer makes of the photo, channels x height x width; None unless
            asked for.
    """

    prediction: Prediction
    picture: Pixels
    head: Head
    number: int
    row: Row
    maps: dict[str, Heat]
    activations: Heat | None


class Explainer:
    """Explains what a predictor says of photos.

    Args:
        predictor: the net, its photos and its heads.
        methods: of METHODS; Grad-CAM needs a layer.
        class_name: the class to explain, of any head; empty for the likeliest of the first head.
        layer: its name, for Grad-CAM; empty for the last one with spatial extent that is no
            pooling.
        with_activations: keep what the layer makes of a photo.

    `heads` are all that the net tells, `head` the one with the class, `node` is the layer, None
    where none has height and width. Raises CatdogError for names that the net does not have, for a
    layer without height and width, and where captum is not installed.
    """

    def __init__(
        self,
        predictor: Predictor,
        methods: Iterable[str] = METHODS,
        *,
        class_name: str = "",
        layer: str = "",
        with_activations: bool = False,
    ) -> None:
        captum()
        self._predictor, self._class_name = predictor, class_name
        self.heads = predictor.heads
        self.head = _head_with(self.heads, class_name)
        self.node = layer_to_explain(predictor.net, self.head.blob, layer)
        self.methods = [each for each in methods if each == OCCLUSION or self.node]
        if not self.methods:
            raise CatdogError(
                "no layer of the net has height and width: Grad-CAM has nothing to show",
                remedy="use --method occlusion",
            )
        self._with_activations = with_activations

    @property
    def views(self) -> int:
        """How many pictures are computed of each photo: with occlusion each covered one."""
        shape = self._predictor.net.inputs[self._predictor.input.name]
        return covers(shape) if OCCLUSION in self.methods else 1

    def explain(
        self, photo: Readable, viewed: Callable[[int], object] = lambda _: None
    ) -> Explanation:
        """What the net looked at; `viewed` is told how many more of the views are computed.

        Raises Unreadable for what is no photo.
        """
        picture, batch = self._predictor.prepared(photo)
        rows = [each[0] for each in self._predictor.judged(batch)]
        row = rows[self.heads.index(self.head)]
        names = self.head.names
        number = names.index(self._class_name) if self._class_name else int(row.argmax())
        return Explanation(
            Prediction(photo, rows[0], tuple(rows[1:])),
            picture,
            self.head,
            number,
            row,
            self._maps(batch, number, viewed),
            self._activations(batch) if self._with_activations else None,
        )

    def _maps(self, batch: Tensor, number: int, viewed: Callable[[int], object]) -> dict[str, Heat]:
        maps: dict[str, Heat] = {}
        for method in self.methods:
            if method == OCCLUSION:
                maps[method] = occlusion(self._probabilities, batch, number, viewed)
            elif self.node:
                net, name = self._predictor.net, self._predictor.input.name
                maps[method] = grad_cam(net, name, self.head.blob, self.node, batch, number)
        if OCCLUSION not in self.methods:
            viewed(1)
        return maps

    def _probabilities(self, batch: Tensor) -> Tensor:
        at = self.heads.index(self.head)
        return torch.from_numpy(self._predictor.judged(batch)[at]).to(batch.device)

    def _activations(self, batch: Tensor) -> Heat | None:
        if self.node is None:
            return None
        net, name = self._predictor.net, self._predictor.input.name
        with layer_by_layer(net), torch.no_grad():
            layer = captum().LayerActivation(lambda x: net({name: x}), self.node.layer)
            found: Heat = layer.attribute(batch)[0].float().cpu().numpy()
        return found


def captum() -> ModuleType:
    """captum.attr; raises CatdogError, with the command to run, where it is not installed."""
    return optional("captum.attr", "heat maps need captum", "pip install 'catdog-torch[explain]'")


def grad_cam(net: Net, name: str, blob: str, node: Node, batch: Tensor, number: int) -> Heat:
    """Where the layer of a node speaks for a class: height x width of its top, 0 or more.

    The gradient is that of the score, before the Softmax or Sigmoid that makes `blob`. `batch` is
    one photo, for the net's input of this `name`. Raises CatdogError where no gradient comes to
    the layer.
    """
    scores = _scores(net, name, blob)
    with layer_by_layer(net):
        method = captum().LayerGradCam(scores, node.layer)
        try:
            found = method.attribute(
                batch.clone().requires_grad_(), target=number, relu_attributions=True
            )
        except RuntimeError as error:
            if "differentiated Tensors" not in str(error) and "require grad" not in str(error):
                raise
            raise CatdogError(
                f'no gradient comes from {blob} to layer "{node.name}"',
                remedy="name another with --layer, or use --method occlusion",
            ) from None
    heat: Heat = found[0, 0].detach().float().cpu().numpy()
    return heat


def occlusion(
    probabilities: Function,
    batch: Tensor,
    number: int,
    viewed: Callable[[int], object] = lambda _: None,
) -> Heat:
    """How far the probability of a class falls where one photo is covered: its height x width.

    Squares of an eighth of a side, of the mean colour of the photo, each half a square further; a
    place has the mean of the squares that cover it. Below 0, covering it helps the class.
    """

    def counted(views: Tensor) -> Tensor:
        found = probabilities(views)
        viewed(len(views))
        return found

    (window_height, step_height), (window_width, step_width) = map(_window, batch.shape[2:])
    channels = batch.shape[1]
    with torch.no_grad():
        found = (
            captum()
            .Occlusion(counted)
            .attribute(
                batch,
                sliding_window_shapes=(channels, window_height, window_width),
                strides=(channels, step_height, step_width),
                baselines=batch.mean((2, 3), keepdim=True).expand_as(batch),
                target=number,
                perturbations_per_eval=_AT_ONCE,
            )
        )
    heat: Heat = found[0, 0].float().cpu().numpy()
    return heat


def covers(shape: Sequence[int]) -> int:
    """How many photos `occlusion` computes: the whole one, N x channels x height x width, and one
    for each square."""
    windows = ((side, *_window(side)) for side in shape[2:])
    return 1 + prod(1 + ceil((side - window) / step) for side, window, step in windows)


def _window(side: int) -> tuple[int, int]:
    """Pixels of a covered square, and from one to the next."""
    window = max(1, side // _SHARE)
    return window, max(1, window // 2)


def layers_with_extent(net: Net, blob: str) -> list[str]:
    """The layers that make `blob` and have height and width, in their order."""
    return [node.name for node in _makers(net, blob) if _is_spatial(net, node)]


def layer_to_explain(net: Net, blob: str, name: str = "") -> Node | None:
    """The layer of this name, among those that make `blob`; without a name the last one that has
    height and width and is no pooling, None where there is none.

    Raises CatdogError for a name that is not there, and for a layer that has no height and width.
    """
    makers = _makers(net, blob)
    if not name:
        spatial = (node for node in reversed(makers) if _is_spatial(net, node))
        return next((node for node in spatial if node.layer.family != Family.POOLING), None)
    found = next((node for node in makers if node.name == name), None)
    usable = layers_with_extent(net, blob)
    if found is None or not _is_spatial(net, found):
        what = "has no height and width" if found else f"is no layer that {blob} is made of"
        remedy = did_you_mean(name, usable) or f"name one of {some_of(usable)}"
        raise CatdogError(f'"{name}" {what}', where="--layer", remedy=remedy if usable else "")
    return found


def _makers(net: Net, blob: str) -> list[Node]:
    """The nodes that a blob is made by, in their order."""
    wanted, found = {blob}, []
    for node in reversed(net.nodes):
        if wanted.intersection(node.tops):
            wanted.update(node.bottoms)
            found.append(node)
    return found[::-1]


def _is_spatial(net: Net, node: Node) -> bool:
    shape = net.shapes[node.tops[0]]
    return len(node.tops) == 1 and len(shape) == 4 and prod(shape[2:]) > 1


def _scores(net: Net, name: str, blob: str) -> Function:
    """From photos to a score for each class, N x classes."""
    maker = _makers(net, blob)[-1]
    score = maker.bottoms[0] if maker.type in ("Softmax", "Sigmoid") else blob

    def scores(batch: Tensor) -> Tensor:
        found = net({name: batch}, keep=[score]).blobs[score].flatten(1)
        return torch.cat((-found, found), dim=1) if found.shape[1] == 1 else found

    return scores


@contextmanager
def layer_by_layer(net: Net) -> Iterator[None]:
    """Inside, each layer runs by itself, keeps what others made and sends true gradients."""
    before = [(node, node.layer.in_place, node.stale, node.cut) for node in net]
    whole, net.step_by_step = net.step_by_step, True
    for node in net:
        node.layer.in_place = node.stale = False
        node.cut = (False,) * len(node.cut)
    try:
        yield
    finally:
        net.step_by_step = whole
        for node, in_place, stale, cut in before:
            node.layer.in_place, node.stale, node.cut = in_place, stale, cut


def _head_with(heads: Sequence[Head], name: str) -> Head:
    """The first head that has a class of this name, or the first of all without a name."""
    if not name:
        return heads[0]
    known = [each for head in heads for each in head.names]
    if name not in known:
        remedy = did_you_mean(name, known) or f"the net knows {some_of(known)}"
        raise CatdogError(f'there is no class "{name}"', where="--class", remedy=remedy)
    return next(head for head in heads if name in head.names)
