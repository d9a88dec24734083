"""How the pictures of a net are prepared, in words for those who will do it without catdog."""

from collections.abc import Iterator

from catdog.proto.caffe_pb2 import (
    DatasetParameter,
    LayerParameter,
    NetParameter,
    TransformationParameter,
)


def preparation_notes(net: NetParameter, dataset: DatasetParameter | None = None) -> list[str]:
    """A line for each step that is known, from the net's Input layers and the data set's record."""
    inputs = [layer for layer in net.layer if layer.type == "Input"]
    steps = [*(_of_dataset(dataset) if dataset else ())]
    for layer in inputs:
        steps += _of_transform(layer)
    lines = ["", "Pictures are prepared like this:", *(f"  {step}" for step in steps)]
    classes = [f"Classes: {', '.join(dataset.class_name)}"] if dataset else []
    return [*(lines if steps else []), *classes]


_FITTED = {
    DatasetParameter.STRETCH: "stretched",
    DatasetParameter.PAD: "padded with the mean colour and brought",
    DatasetParameter.CROP: "cropped in the middle and brought",
}


def _of_dataset(dataset: DatasetParameter) -> Iterator[str]:
    yield f"channels {DatasetParameter.ChannelOrder.Name(dataset.channel_order)}, 0 to 255"
    if dataset.equalize:
        yield "each channel equalised (cv2.equalizeHist)"
    if dataset.width and dataset.height:
        way = DatasetParameter.Interpolation.Name(dataset.interpolation)
        size = f"{dataset.width} x {dataset.height} (width x height, cv2.INTER_{way})"
        yield f"{_FITTED[dataset.resize]} to {size}"


def _of_transform(layer: LayerParameter) -> Iterator[str]:
    param: TransformationParameter = layer.transform_param
    if param.crop_size:
        yield f"the middle {param.crop_size} x {param.crop_size}"
    if param.mean_file:
        yield f"minus the mean picture {param.mean_file}"
    if param.mean_value:
        yield f"minus {', '.join(f'{value:g}' for value in param.mean_value)}"
    if param.scale != 1:
        yield f"times {param.scale:g}"
