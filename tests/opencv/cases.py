"""Small nets of the layers that OpenCV 4 knows too, with drawn weights and inputs."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from catdog.net.net import Net
from catdog.spec import read_net
from catdog.weights import caffemodel, weights_of

RECORDED = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Case:
    """Layers in prototxt over inputs of these shapes; numbers are drawn with the seed."""

    layers: str
    inputs: dict[str, tuple[int, ...]] = field(default_factory=lambda: {"data": (2, 6, 9, 11)})
    #: Of what the inputs are drawn: normal, positive or a function of a generator and a shape.
    draw: str = "normal"
    seed: int = 1
    #: Where OpenCV's numbers are others, and why.
    differs: str = ""

    @property
    def text(self) -> str:
        """The net."""
        shapes = [
            f'input: "{name}" input_shape {{ {" ".join(f"dim: {n}" for n in shape)} }}'
            for name, shape in self.inputs.items()
        ]
        return "\n".join([*shapes, self.layers, ""])

    def arrays(self) -> dict[str, np.ndarray]:
        """The inputs."""
        # RandomState: its numbers stay the same from one NumPy to the next
        random = np.random.RandomState(self.seed)
        return {
            name: _drawn(random, shape, self.draw).astype(np.float32)
            for name, shape in self.inputs.items()
        }

    def write(self, folder: Path) -> None:
        """The net, its weights and its inputs as files."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "net.prototxt").write_text(self.text)
        np.savez(folder / "in.npz", **self.arrays())
        draw_weights(folder / "net.prototxt", folder / "net.caffemodel", self.seed)


def _drawn(random: np.random.RandomState, shape: tuple[int, ...], how: str) -> np.ndarray:
    if how == "positive":
        return random.uniform(0.1, 2.0, shape)
    if how == "small":
        return random.normal(0, 0.2, shape)
    return random.normal(0, 1, shape)


def draw_weights(text: Path, target: Path, seed: int = 1) -> None:
    """Weights of a net, positive where they are variances; nothing for a net without any."""
    net = Net(read_net(text), phase="TEST")
    if not net.learnable:
        return
    random = np.random.RandomState(seed)
    for node in net:
        for index in range(len(node.layer.blobs)):
            parameter = node.layer.blobs.parameter(index)
            shape = tuple(parameter.shape)
            inputs = max(1, int(np.prod(shape[1:])))
            numbers = random.normal(0, 1 / np.sqrt(inputs), shape)
            if node.type == "BatchNorm":
                numbers = (numbers * 0.3, random.uniform(0.5, 2, shape), np.ones(shape))[index]
            if node.type in ("Scale", "Normalize", "PReLU") and not index:
                numbers = random.uniform(0.2, 1.5, shape)
            parameter.data[...] = parameter.data.new_tensor(np.asarray(numbers, np.float32))
    caffemodel.write(target, weights_of(net, net.message))


def layer(kind: str, fields: str = "", *, bottom: str = "data", top: str = "out") -> str:
    """One layer; several bottoms and tops by words."""
    bottoms = " ".join(f'bottom: "{name}"' for name in bottom.split())
    tops = " ".join(f'top: "{name}"' for name in top.split())
    return f'layer {{ name: "{top.split()[0]}" type: "{kind}" {bottoms} {tops} {fields} }}'


def _convolution(fields: str, kind: str = "Convolution") -> Case:
    return Case(layer(kind, f"convolution_param {{ {fields} }}"))


def _pooling(fields: str) -> Case:
    return Case(layer("Pooling", f"pooling_param {{ {fields} }}"))


def _two(kind: str, fields: str = "", second: tuple[int, ...] = (2, 6, 9, 11)) -> Case:
    return Case(layer(kind, fields, bottom="data other"), {"data": (2, 6, 9, 11), "other": second})


CASES: dict[str, Case] = {
    "Convolution": _convolution("num_output: 5 kernel_size: 3"),
    "Convolution_pad_stride": _convolution(
        "num_output: 4 kernel_h: 3 kernel_w: 5 pad_h: 1 pad_w: 2 stride_h: 2 stride_w: 1"
    ),
    "Convolution_group_dilation": _convolution(
        "num_output: 6 kernel_size: 3 pad: 2 dilation: 2 group: 3 bias_term: false"
    ),
    "Convolution_depthwise": _convolution("num_output: 6 kernel_size: 3 pad: 1 group: 6"),
    "Deconvolution": _convolution("num_output: 3 kernel_size: 4 stride: 2 pad: 1", "Deconvolution"),
    "Deconvolution_group": _convolution(
        "num_output: 6 kernel_size: 4 stride: 2 pad: 1 group: 6 bias_term: false", "Deconvolution"
    ),
    "Pooling_max": _pooling("kernel_size: 3 stride: 2"),
    "Pooling_max_pad": _pooling("kernel_size: 3 stride: 2 pad: 1"),
    "Pooling_floor": _pooling("kernel_size: 2 stride: 2 ceil_mode: false"),
    "Pooling_average": _pooling("pool: AVE kernel_size: 3 stride: 2"),
    "Pooling_average_pad": _pooling("pool: AVE kernel_size: 3 stride: 2 pad: 1"),
    "Pooling_global": _pooling("pool: AVE global_pooling: true"),
    "InnerProduct": Case(layer("InnerProduct", "inner_product_param { num_output: 7 }")),
    "InnerProduct_axis": Case(
        layer("InnerProduct", "inner_product_param { num_output: 4 axis: 2 bias_term: false }")
    ),
    "ReLU": Case(layer("ReLU")),
    "ReLU_slope": Case(layer("ReLU", "relu_param { negative_slope: 0.1 }")),
    "PReLU": Case(layer("PReLU")),
    "ELU": Case(layer("ELU")),
    "Sigmoid": Case(layer("Sigmoid")),
    "TanH": Case(layer("TanH")),
    "AbsVal": Case(layer("AbsVal")),
    "BNLL": Case(layer("BNLL")),
    "Power": Case(layer("Power", "power_param { power: 2 scale: 0.5 shift: 1 }")),
    "Exp": Case(layer("Exp", "exp_param { base: 2 scale: 0.5 shift: 0.1 }")),
    "Log": Case(layer("Log"), draw="positive"),
    "Softmax": Case(layer("Softmax")),
    "Softmax_axis": Case(layer("Softmax", "softmax_param { axis: 2 }")),
    "LRN": Case(layer("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 }")),
    "LRN_within": Case(
        layer("LRN", "lrn_param { local_size: 3 alpha: 0.5 norm_region: WITHIN_CHANNEL }")
    ),
    "BatchNorm": Case(layer("BatchNorm")),
    "BatchNorm_Scale": Case(
        layer("BatchNorm", top="norm")
        + layer("Scale", "scale_param { bias_term: true }", bottom="norm")
    ),
    "Scale": Case(layer("Scale")),
    "Scale_bias": Case(layer("Scale", "scale_param { bias_term: true }")),
    "MVN": Case(layer("MVN")),
    "MVN_across": Case(layer("MVN", "mvn_param { across_channels: true }")),
    "Eltwise_sum": _two("Eltwise", "eltwise_param { coeff: 0.5 coeff: -2 }"),
    "Eltwise_product": _two("Eltwise", "eltwise_param { operation: PROD }"),
    "Eltwise_max": _two("Eltwise", "eltwise_param { operation: MAX }"),
    "Concat": _two("Concat", second=(2, 3, 9, 11)),
    "Concat_axis": _two("Concat", "concat_param { axis: 2 }", second=(2, 6, 4, 11)),
    "Slice": Case(
        layer("Slice", "slice_param { slice_point: 2 }", top="a b")
        + layer("ReLU", bottom="a", top="x")
        + layer("Sigmoid", bottom="b", top="y")
    ),
    "Split": Case(
        layer("Split", top="a b")
        + layer("ReLU", bottom="a", top="x")
        + layer("Sigmoid", bottom="b", top="y")
    ),
    "Flatten": Case(layer("Flatten")),
    "Flatten_axis": Case(layer("Flatten", "flatten_param { axis: 2 }")),
    "Reshape": Case(layer("Reshape", "reshape_param { shape { dim: 0 dim: 3 dim: -1 dim: 11 } }")),
    "Crop": _two("Crop", "crop_param { axis: 2 offset: 1 offset: 2 }", second=(2, 6, 5, 7)),
    "Dropout": Case(layer("Dropout")),
}
