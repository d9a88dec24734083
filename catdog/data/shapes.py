"""Shapes of the blobs of data layers: from the data where they are there, else assumed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catdog.data.sources import SOURCES, Context, open_source
from catdog.data.transform import CropTooLarge, Transform, shape_text
from catdog.errors import DataError, LayerError
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.missing import namesake
from catdog.spec.shape import Shape

#: Height and width where they are not known otherwise: those of CaffeNet.
ASSUMED_SIZE = 227


@dataclass(frozen=True)
class DataShapes:
    """Shapes of the tops of a data layer by name, and what was assumed of them."""

    shapes: dict[str, Shape]
    assumed: str = ""


def data_shapes(
    layer: LayerParameter,
    context: Context,
    given: Mapping[str, Shape] | None = None,
    *,
    must_fit: bool = True,
) -> DataShapes:
    """Shapes of one batch of a data layer.

    `given` ones count first, then those of the data; where these are not there, crop_size, the
    mean and the other fields are used, and the rest is assumed.

    Raises LayerError for the layer's fields, DataError for data that are there but do not fit;
    without `must_fit`, pictures smaller than crop_size are as good as none.
    """
    wanted = {top: shape for top, shape in (given or {}).items() if top in layer.top}
    if len(wanted) == len(layer.top):
        return DataShapes(wanted)
    try:
        source = open_source(layer, context)
        found = source.shapes
        source.close()
    except DataError as error:
        small = isinstance(error, CropTooLarge) and not must_fit
        if _is_there(layer, context) and not small:
            raise
        return _assume(layer, context, wanted, "pictures too small" if small else "no data")
    return DataShapes({**found, **_with_batch(layer, found, wanted), **wanted})


def _is_there(layer: LayerParameter, context: Context) -> bool:
    source = getattr(_own_message(layer), "source", "")
    return bool(source) and context.locate(source).exists()


def _own_message(layer: LayerParameter) -> Any:
    return SOURCES[layer.type].data_message(layer)


def _with_batch(
    layer: LayerParameter, found: Mapping[str, Shape], wanted: Mapping[str, Shape]
) -> dict[str, Shape]:
    """Labels for a batch of another size, where the pictures' shape was given."""
    if layer.top[0] not in wanted:
        return {}
    first = wanted[layer.top[0]]
    batched = {top: (first[0], *found[top][1:]) for top in layer.top[1:]}
    return {**batched, **SOURCES[layer.type].tops_beside(layer, first)}


def _labels(layer: LayerParameter, context: Context, batch: int) -> Shape:
    """The shape of labels, which augment_param may change."""
    if layer.type == "ImageData" and layer.image_data_param.num_labels > 1:
        return (batch, layer.image_data_param.num_labels)
    return _without_mean(layer, context).label_shape(batch)


def _assume(
    layer: LayerParameter, context: Context, wanted: Mapping[str, Shape], why: str
) -> DataShapes:
    param = _own_message(layer)
    batch = max(1, param.batch_size)
    first = wanted.get(layer.top[0]) or (batch, *_picture(layer, context))
    labels = _labels(layer, context, first[0])
    beside = SOURCES[layer.type].tops_beside(layer, first)
    shapes = {**dict.fromkeys(layer.top, labels), **beside, layer.top[0]: first, **wanted}
    if layer.top[0] in wanted:
        return DataShapes(shapes)
    blob, other = layer.top[0], namesake(param.source, context.locate)
    there = f" ({other} has that name)" if other else ""
    return DataShapes(
        shapes,
        f'layer "{layer.name}": {why} at {param.source}{there}, so {blob} was assumed to be '
        f"{shape_text(first)}; --shape {blob}={','.join(map(str, first))} says otherwise",
    )


def _picture(layer: LayerParameter, context: Context) -> Shape:
    """Channels, height and width of a picture, from the layer's fields."""
    if layer.type == "HDF5Data":
        beside = namesake(layer.hdf5_data_param.source, context.locate)
        there = f"{beside} has that name; or " if beside else ""
        raise LayerError(
            f"(HDF5Data) no data at {layer.hdf5_data_param.source}, which alone have the shape of "
            f"{layer.top[0]}",
            layer=layer.name,
            field="source",
            remedy=f"{there}say it: --shape {layer.top[0]}=N,C,H,W",
        )
    transform = layer.transform_param
    channels = len(transform.mean_value) if len(transform.mean_value) > 1 else 3
    if transform.force_gray or not getattr(_own_message(layer), "is_color", True):
        channels = 1
    size = SOURCES[layer.type].assumed_size(layer)
    if transform.mean_file and context.locate(transform.mean_file).exists():
        mean = Transform(layer, context.phase, context.locate).mean_picture
        if mean is not None:
            channels, *of_mean = mean.shape
            size = size or (of_mean[0], of_mean[1])
    crop = _without_mean(layer, context).crop
    return (channels, *(crop or size or (ASSUMED_SIZE, ASSUMED_SIZE)))


def _without_mean(layer: LayerParameter, context: Context) -> Transform:
    """The transformation of a layer whose mean need not be there."""
    bare = LayerParameter()
    bare.CopyFrom(layer)
    bare.transform_param.ClearField("mean_file")
    return Transform(bare, context.phase)
