"""The net of a named module as a training wants it: data, a new last layer, a loss."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import mean

import numpy as np

from catdog.errors import CatdogError, WeightsError
from catdog.export.from_torch.named import drawn_module, named_net
from catdog.proto.caffe_pb2 import (
    TEST,
    TRAIN,
    DataParameter,
    FillerParameter,
    LayerParameter,
    NetParameter,
    NetStateRule,
    ParamSpec,
)
from catdog.weights.model import BlobsOfLayers
from catdog.weights.named_module import NamedModule, layer_name

#: The end of the name of the new last layer, as that of the nets that ship.
FRESH = "-cats-dogs"
_LAST = {"InnerProduct": "inner_product_param", "Convolution": "convolution_param"}
_CLASSES = 2


@dataclass(frozen=True)
class TrainingForm:
    """A net that starts from the weights of its name.

    Args:
        net: with Data layers, for two classes.
        known: patterns of the layers that have weights of that name: all but the last.
    """

    net: NetParameter
    known: tuple[str, ...]


def training_form(named: NamedModule, batch: int) -> TrainingForm:
    """The net of a name for Data layers of photos of its size, with a new last layer.

    The other layers are called after the module's parts, so that its weights are copied. Raises
    CatdogError as `named_net`, and where those weights are not the net's, one by one.
    """
    module = drawn_module(named)
    made = named_net(named, module)
    blobs = made.weights.blobs
    check_by_name(named, named.blobs(module.state_dict()), blobs)
    net = NetParameter(name=named.name, layer=_data(named, batch))
    head = layer_name(named.head)
    for layer in made.weights.net.layer[1:]:
        if layer.type == "BatchNorm":
            # statistics of the batch in training, where it is not frozen
            layer.batch_norm_param.ClearField("use_global_stats")
        if "data" in layer.bottom:
            layer.param.append(_as_normalised(named))
        if layer.name == head:
            _renew(layer, named)
        net.layer.append(layer)
    net.layer.extend(_judges(made.outputs[0]))
    known = [name for name in blobs if name != head]
    return TrainingForm(net, tuple(dict.fromkeys(_patterns(known, f"{head}{FRESH}"))))


def check_by_name(named: NamedModule, own: BlobsOfLayers, made: BlobsOfLayers) -> None:
    """Hold the blobs that a state dict has for each layer against those of its net.

    Raises WeightsError where they are others.
    """
    if own.keys() == made.keys() and all(
        len(own[name]) == len(blobs) and all(map(_alike, own[name], blobs))
        for name, blobs in made.items()
    ):
        return
    raise WeightsError(
        "its tensors are not those of its layers one by one",
        where=named.name,
        remedy=f"catdog convert {named.name} net.prototxt, and write a net around its layers",
    )


def _alike(one: object, other: object) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-5, atol=0)


def _data(named: NamedModule, batch: int) -> Iterator[LayerParameter]:
    for phase, part in ((TRAIN, "train"), (TEST, "validation")):
        layer = LayerParameter(name="data", type="Data", top=["data", "label"])
        layer.include.append(NetStateRule(phase=phase))
        layer.transform_param.crop_size = named.size
        layer.transform_param.mean_value.extend(named.mean[::-1])
        layer.data_param.CopyFrom(
            DataParameter(source=f"input/{part}_lmdb", batch_size=batch, backend=DataParameter.LMDB)
        )
        yield layer


def _as_normalised(named: NamedModule) -> ParamSpec:
    """Rates for a first layer whose weights were divided by the deviation: as it would learn on
    normalised pictures."""
    squared = float(f"{mean(named.deviation) ** 2:.2g}")
    return ParamSpec(lr_mult=float(f"{1 / squared:.2g}"), decay_mult=squared)


def _renew(layer: LayerParameter, named: NamedModule) -> None:
    if layer.type not in _LAST:
        what = f"its last layer is of type {layer.type}, which has no outputs for classes"
        raise CatdogError(what, where=named.name)
    layer.name += FRESH
    layer.param.extend([ParamSpec(lr_mult=10), ParamSpec(lr_mult=20, decay_mult=0)])
    param = getattr(layer, _LAST[layer.type])
    param.num_output = _CLASSES
    param.weight_filler.CopyFrom(FillerParameter(type="gaussian", std=0.01))


def _judges(score: str) -> Iterator[LayerParameter]:
    judged = [score, "label"]
    accuracy = LayerParameter(name="accuracy", type="Accuracy", bottom=judged, top=["accuracy"])
    accuracy.include.append(NetStateRule(phase=TEST))
    yield accuracy
    yield LayerParameter(name="loss", type="SoftmaxWithLoss", bottom=judged, top=["loss"])


def _patterns(names: Iterable[str], other: str) -> Iterator[str]:
    """Patterns of so few parts as can be that name all of `names` and not the other one."""
    for name in names:
        part = name.partition("_")[0]
        yield name if other.startswith(part) else f"{part}*"
