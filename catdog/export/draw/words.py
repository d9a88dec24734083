"""The colour of a layer by its family, and its main parameters as text."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from catdog.proto.caffe_pb2 import (
    EltwiseParameter,
    LayerParameter,
    PoolingParameter,
    ReductionParameter,
)


class Colour(NamedTuple):
    """Of a row: the ground, and the darker rim."""

    fill: str
    rim: str


DATA = Colour("#eceff4", "#8b97ab")
CONVOLUTION = Colour("#cfe3fb", "#3f7fc6")
POOLING = Colour("#cdeee3", "#2f9c7c")
ACTIVATION = Colour("#fdeec4", "#c99a1c")
NORMALISATION = Colour("#e7dcfa", "#8560c4")
CONNECTED = Colour("#fbdccb", "#d2703a")
RECURRENT = Colour("#f6d5ea", "#b8519a")
SHAPING = Colour("#e3ebdc", "#71905a")
LOSS = Colour("#fbd3d6", "#c8434d")
OTHER = Colour("#f2f2f2", "#8c8c8c")

_FAMILIES: dict[Colour, str] = {
    DATA: "Input Data ImageData HDF5Data MemoryData DummyData WindowData Parameter",
    CONVOLUTION: "Convolution Deconvolution Im2col",
    POOLING: "Pooling SPP",
    ACTIVATION: """ReLU PReLU ELU Sigmoid TanH AbsVal Power Exp Log BNLL Swish Threshold Clip
        Dropout Softmax""",
    NORMALISATION: "LRN MVN BatchNorm Scale Bias",
    CONNECTED: "InnerProduct Embed",
    RECURRENT: "RNN LSTM LSTMUnit Recurrent",
    SHAPING: """Concat Slice Split Flatten Reshape Crop Tile Eltwise Reduction ArgMax BatchReindex
        Filter""",
}
_COLOURS = {kind: shade for shade, kinds in _FAMILIES.items() for kind in kinds.split()}


def colour(kind: str) -> Colour:
    """The colour of a layer type's family."""
    is_result = kind.endswith("Loss") or kind in ("Accuracy", "Silence", "HDF5Output")
    return _COLOURS.get(kind, LOSS if is_result else OTHER)


def details(layer: LayerParameter) -> str:
    """The main parameters of a layer as text, or nothing."""
    describe = _DETAILS.get(layer.type)
    return describe(layer) if describe else ""


def rates(layer: LayerParameter) -> str:
    """The lr_mult of a layer's parameters."""
    return "lr × " + " / ".join(f"{spec.lr_mult:g}" for spec in layer.param)


def _convolution(layer: LayerParameter) -> str:
    param = layer.convolution_param
    kernel = _kernel(param.kernel_size, param.kernel_h, param.kernel_w)
    words = [f"{param.num_output} @ {kernel}" if param.num_output else kernel]
    words += _steps(_extents(param.stride, param.stride_h, param.stride_w), "1", "stride")
    words += _steps(_extents(param.pad, param.pad_h, param.pad_w), "0", "pad")
    words += _steps(_extents(param.dilation, 0, 0), "1", "dilation")
    words += _steps(str(param.group), "1", "group")
    return ", ".join(filter(None, words))


def _pooling(layer: LayerParameter) -> str:
    param = layer.pooling_param
    method = PoolingParameter.PoolMethod.Name(param.pool)
    if param.global_pooling:
        return f"{method}, global"
    words = [f"{method} {_kernel([param.kernel_size], param.kernel_h, param.kernel_w)}"]
    words += _steps(_extents([param.stride], param.stride_h, param.stride_w), "1", "stride")
    words += _steps(_extents([param.pad], param.pad_h, param.pad_w), "0", "pad")
    return ", ".join(words)


def _kernel(sides: Sequence[int], height: int, width: int) -> str:
    """`3×3`, also where one number stands for both sides."""
    return _extents(list(sides) * 2 if len(sides) == 1 else sides, height, width)


def _extents(sides: Sequence[int], height: int, width: int) -> str:
    if height or width:
        return f"{height}×{width}"
    return "×".join(map(str, sides))


def _steps(value: str, usual: str, word: str) -> list[str]:
    plain = not value or set(value.split("×")) == {usual}
    return [] if plain else [f"{word} {value}"]


def _data(layer: LayerParameter) -> str:
    sizes = (
        layer.data_param.batch_size,
        layer.image_data_param.batch_size if layer.type == "ImageData" else 0,
        layer.hdf5_data_param.batch_size,
        layer.memory_data_param.batch_size,
        layer.window_data_param.batch_size,
    )
    return f"batch {max(sizes)}" if max(sizes) else ""


def _eltwise(layer: LayerParameter) -> str:
    return EltwiseParameter.EltwiseOp.Name(layer.eltwise_param.operation)


def _reduction(layer: LayerParameter) -> str:
    return ReductionParameter.ReductionOp.Name(layer.reduction_param.operation)


_DETAILS: dict[str, Callable[[LayerParameter], str]] = {
    "Convolution": _convolution,
    "Deconvolution": _convolution,
    "Pooling": _pooling,
    **dict.fromkeys(("Data", "ImageData", "HDF5Data", "MemoryData", "WindowData"), _data),
    "InnerProduct": lambda layer: str(layer.inner_product_param.num_output),
    "Embed": lambda layer: str(layer.embed_param.num_output),
    "RNN": lambda layer: str(layer.recurrent_param.num_output),
    "LSTM": lambda layer: str(layer.recurrent_param.num_output),
    "LRN": lambda layer: f"size {layer.lrn_param.local_size}",
    "Dropout": lambda layer: f"{layer.dropout_param.dropout_ratio:g}",
    "Eltwise": _eltwise,
    "Reduction": _reduction,
    "Concat": lambda layer: f"axis {layer.concat_param.axis}",
    "Slice": lambda layer: f"axis {layer.slice_param.axis}",
    "SPP": lambda layer: f"{layer.spp_param.pyramid_height} levels",
    "Accuracy": lambda layer: f"top {layer.accuracy_param.top_k}",
    "Python": lambda layer: f"{layer.python_param.module}.{layer.python_param.layer}",
}
