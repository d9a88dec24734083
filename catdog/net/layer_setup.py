"""What a layer's spec makes of it in a net: the layer, its weights in the loss, its ParamSpecs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from catdog.errors import CatdogError, LayerError
from catdog.layers import make_layer
from catdog.layers.base import Layer, Setting
from catdog.proto.caffe_pb2 import TRAIN, LayerParameter, ParamSpec
from catdog.spec.shape import Shape


def build_layer(param: LayerParameter, shapes: Sequence[Shape], setting: Setting) -> Layer:
    """The layer of a spec for bottoms of these shapes, in its phase."""
    with explained(param, shapes):
        layer = make_layer(param, shapes, setting)
    layer.train(param.phase == TRAIN)
    return layer


@contextmanager
def explained(param: LayerParameter, shapes: Sequence[Shape]) -> Iterator[None]:
    """Make what torch says of shapes a LayerError that names the layer."""
    try:
        yield
    except CatdogError:
        raise
    except (RuntimeError, ValueError, IndexError) as error:
        given = ", ".join(
            f"{bottom} {list(shape)}" for bottom, shape in zip(param.bottom, shapes, strict=True)
        )
        reason = str(error).splitlines()[0]
        raise LayerError(
            f"({param.type}) cannot take {given}: {reason}", layer=param.name
        ) from error


def loss_weights(param: LayerParameter, layer: Layer) -> tuple[float, ...]:
    """What each top counts in the loss: as the spec says, else the first of a loss layer 1."""
    if param.loss_weight:
        return tuple(param.loss_weight)
    first = 1.0 if layer.is_loss else 0.0
    return tuple(first if i == 0 else 0.0 for i in range(len(param.top)))


def param_specs(param: LayerParameter, layer: Layer) -> list[ParamSpec]:
    """One ParamSpec for each blob; what a layer keeps itself never learns."""
    given = list(param.param)
    if len(given) > len(layer.blobs):
        raise layer.error(
            f"has {len(given)} param fields for {len(layer.blobs)} parameter blobs",
            field="param",
            remedy="leave the last ones out",
        )
    if not layer.learns and any(spec.HasField("lr_mult") and spec.lr_mult for spec in given):
        raise layer.error(
            "keeps its statistics itself and cannot learn them",
            field="param",
            remedy="write lr_mult: 0 or leave param out",
        )
    specs = given + [ParamSpec()] * (len(layer.blobs) - len(given))
    return [
        _without_rate(spec) if param.frozen or layer.keeps(index) else spec
        for index, spec in enumerate(specs)
    ]


def _without_rate(spec: ParamSpec) -> ParamSpec:
    copy = ParamSpec()
    copy.CopyFrom(spec)
    copy.lr_mult = 0
    return copy
