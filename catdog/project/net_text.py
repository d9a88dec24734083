"""The text of a net for a project: its data, its outputs, and what it is judged by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from catdog.errors import CatdogError
from catdog.project.yaml_text import YamlText, header, split_header
from catdog.proto.caffe_pb2 import TEST, TRAIN, LayerParameter, NetParameter
from catdog.spec import filter_net, net_state, read_net, to_yaml

#: Where a project keeps its stores, as seen from its folder.
DATA = "data"
_SOFTMAX, _SIGMOID = "SoftmaxWithLoss", "SigmoidCrossEntropyLoss"
_OUTPUTS = {"InnerProduct": "inner_product_param", "Convolution": "convolution_param"}
#: The end of the name of a layer that is learned anew.
_OTHERS, _OWN = "-cats-dogs", "-own"
#: Lines of a comment that a project has its own commands for.
_COMMAND = re.compile(r"(make|python|catdog|pip) ")


@dataclass(frozen=True)
class NetChange:
    """What a net is to become: the outputs, how many photos it takes at once and how large, and
    what each class counts in the loss, where they do not count alike; `data` is the folder of its
    stores."""

    outputs: int
    several: bool
    batch: int = 0
    size: int = 0
    weights: Sequence[float] = ()
    data: str = DATA


@dataclass(frozen=True)
class NetFacts:
    """What a net is: its batch for training, the size of its pictures, its last layer and loss.

    `score` is the output of its tests that it is judged by: the loss, or else the accuracy.
    """

    batch: int
    size: int
    last: str
    loss: str
    outputs: int
    score: str


def facts(path: Path, stages: Sequence[str] = ()) -> NetFacts:
    """What the net of a file is. Raises CatdogError where it cannot be made to fit photos."""
    net = read_net(path).message
    message = filter_net(net, net_state(TRAIN, stages=stages))
    data = [layer for layer in message.layer if layer.type == "Data"]
    losses = [layer for layer in message.layer if layer.type in (_SOFTMAX, _SIGMOID)]
    if len(data) != 1 or len(losses) != 1:
        what = f"has {len(data)} Data layers and {len(losses)} losses of classes"
        raise CatdogError(
            what,
            where=str(path),
            remedy=f"only nets with one of each ({_SOFTMAX} or {_SIGMOID}) are made to fit photos",
        )
    last = _last(message, losses[0], path)
    param = getattr(last, _OUTPUTS[last.type])
    size = data[0].transform_param.crop_size
    score = _score(filter_net(net, net_state(TEST, stages=stages)), path)
    return NetFacts(
        data[0].data_param.batch_size, size, last.name, losses[0].type, param.num_output, score
    )


def _score(tested: NetParameter, path: Path) -> str:
    """The output that tells most finely how good a net is: accuracies of few photos are equal soon,
    while the loss still falls."""
    for kind in (_SOFTMAX, _SIGMOID, "Accuracy"):
        for layer in tested.layer:
            if layer.type == kind and layer.top:
                return layer.top[0]
    raise CatdogError(
        "has neither a loss nor an accuracy in its TEST phase",
        where=str(path),
        remedy="leave `include` out of its loss",
    )


def _last(net: NetParameter, loss: LayerParameter, path: Path) -> LayerParameter:
    """The layer with weights that a loss judges."""
    blob = loss.bottom[0]
    for layer in reversed(net.layer):
        if blob in layer.top and layer.bottom:
            if layer.type in _OUTPUTS:
                return layer
            blob = layer.bottom[0]
    raise CatdogError("its loss judges no layer with outputs", where=str(path))


def net_text(
    path: Path, wanted: NetChange, about: Sequence[str], stages: Sequence[str] = ()
) -> str:
    """The text of a net with the project's data and as many outputs as there are classes.

    Comments stay, but for the commands of the file, in whose place `about` goes. Raises
    CatdogError for a net that cannot be made to fit.
    """
    own = facts(path, stages)
    if own.loss == _SIGMOID and own.outputs == 1 and wanted.outputs > 2 and not wanted.several:
        raise CatdogError(
            f"has one sigmoid output, which tells two classes apart, not {wanted.outputs}",
            where=str(path),
            remedy=f"take a net with a {_SOFTMAX}",
        )
    in_yaml = path.suffix in (".yaml", ".yml")
    text = path.read_text(encoding="utf-8-sig") if in_yaml else to_yaml(read_net(path).message)
    told, body = split_header(text)
    made = YamlText(body)
    for layer in made.items(made.find(made.root, "layer")):
        _fit(made, layer, own, wanted)
    return header([*about, *_kept(told, path)]) + made.changed().replace(_OTHERS, _OWN)


def _kept(told: Sequence[str], path: Path) -> list[str]:
    """The comments that a net opens with, without commands and how many classes it had."""
    words = "\n".join(line for line in told if not _COMMAND.match(line))
    words = re.sub(r",? two classes", "", re.sub(r"\n{2,}", "\n\n", words)).strip()
    return ["", f"The net is {path.stem}:", *words.splitlines(), ""] if words else [""]


def _fit(made: YamlText, layer: yaml.Node, own: NetFacts, wanted: NetChange) -> None:
    kind = _text(made, layer, "type")
    if kind == "Data":
        _fit_data(made, layer, wanted)
    elif _text(made, layer, "name") == own.last:
        param = made.find(layer, _OUTPUTS[kind])
        if param is not None and (wanted.several or own.loss == _SOFTMAX):
            made.put(param, "num_output", str(wanted.outputs))
    elif kind == _SOFTMAX and wanted.several:
        made.put(layer, "type", _SIGMOID)
    elif kind in (_SOFTMAX, _SIGMOID) and wanted.weights:
        _fit_weights(made, layer, wanted.weights)
    elif kind == "Accuracy" and wanted.several and own.loss == _SOFTMAX:
        made.put(layer, "accuracy_param", "{threshold: 0}")


def _fit_data(made: YamlText, layer: yaml.Node, wanted: NetChange) -> None:
    include = next(made.items(made.find(layer, "include")), None)
    trains = _text(made, include, "phase") == "TRAIN"
    if (param := made.find(layer, "data_param")) is not None:
        made.put(param, "source", f"{wanted.data}/{'train' if trains else 'validation'}_lmdb")
        if trains and wanted.batch:
            made.put(param, "batch_size", str(wanted.batch))
    if (param := made.find(layer, "transform_param")) is not None:
        if made.find(param, "mean_file") is not None:
            made.put(param, "mean_file", f"{wanted.data}/mean.binaryproto")
        if wanted.size:
            made.put(param, "crop_size", str(wanted.size))


def _fit_weights(made: YamlText, loss: yaml.Node, weights: Sequence[float]) -> None:
    """What the classes count; where one output tells two apart, the second beside the first."""
    field = "class_weight"
    if _text(made, loss, "type") == _SIGMOID:
        field, weights = "pos_weight", [weights[1] / weights[0]]
    value = f"[{', '.join(f'{weight:.4g}' for weight in weights)}]"
    if (param := made.find(loss, "loss_param")) is not None:
        made.put(param, field, value)
    else:
        made.put(loss, "loss_param", f"{{{field}: {value}}}")


def _text(made: YamlText, node: yaml.Node | None, key: str) -> str:
    value = made.find(node, key)
    return str(value.value) if isinstance(value, yaml.ScalarNode) else ""
