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
    #: What the inputs are: normal, large, positive, rois, anchors, boxes.
    draw: str = "normal"
    seed: int = 1

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
    if how == "large":
        return random.normal(0, 5, shape)
    if how == "rois" and len(shape) == 2:
        return _rois(random, len(shape))
    if how == "anchors":
        # scores, deltas, and a photo of 40 x 48 as it was
        kinds = {8: random.uniform(0, 1, shape), 16: random.normal(0, 0.3, shape)}
        return kinds.get(shape[1], np.array([[40, 48, 1, 1]]))
    if how == "boxes":
        return _boxes(random, shape)
    return random.normal(0, 1, shape)


def _rois(random: np.random.RandomState, images: int) -> np.ndarray:
    """Regions [image, x1, y1, x2, y2] in a photo of 36 x 44."""
    corners = random.randint(0, 36, (5, 2, 2))
    return np.concatenate(
        [random.randint(0, images, (5, 1)), corners.min(1), corners.max(1) + 4], axis=1
    )


def _boxes(random: np.random.RandomState, shape: tuple[int, ...]) -> np.ndarray:
    """Offsets, scores or, of three axes, priors and their variances."""
    if len(shape) == 2:
        return random.uniform(0, 1, shape) if shape[1] == 90 else random.normal(0, 1, shape)
    middles, sizes = random.uniform(0.2, 0.8, (30, 2)), random.uniform(0.1, 0.4, (30, 2))
    priors = np.concatenate([middles - sizes / 2, middles + sizes / 2], 1)
    return np.stack([priors.ravel(), np.tile([0.1, 0.1, 0.2, 0.2], 30)])[None]


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


def layer(
    kind: str, fields: str = "", *, bottom: str = "data", top: str = "out", name: str = ""
) -> str:
    """One layer; several bottoms and tops by words; named as its first top."""
    bottoms = " ".join(f'bottom: "{name}"' for name in bottom.split())
    tops = " ".join(f'top: "{name}"' for name in top.split())
    return f'layer {{ name: "{name or top.split()[0]}" type: "{kind}" {bottoms} {tops} {fields} }}'


def _convolution(fields: str, kind: str = "Convolution") -> Case:
    return Case(layer(kind, f"convolution_param {{ {fields} }}"))


def _pooling(fields: str) -> Case:
    return Case(layer("Pooling", f"pooling_param {{ {fields} }}"))


def _two(kind: str, fields: str = "", second: tuple[int, ...] = (2, 6, 9, 11)) -> Case:
    return Case(layer(kind, fields, bottom="data other"), {"data": (2, 6, 9, 11), "other": second})


def _detection(most: int, *, share: bool = True, code: str = "CENTER_SIZE") -> Case:
    """Boxes of 30 priors, of three classes."""
    return Case(
        layer(
            "DetectionOutput",
            "detection_output_param { num_classes: 3 background_label_id: 0"
            f" confidence_threshold: 0.3 share_location: {str(share).lower()} code_type: {code}"
            f" nms_param {{ nms_threshold: 0.45 top_k: 25 }} keep_top_k: {most} }}",
            bottom="loc conf prior",
        ),
        {"loc": (2, 30 * 4 * (1 if share else 3)), "conf": (2, 90), "prior": (1, 2, 120)},
        draw="boxes",
    )


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
    "Permute": Case(layer("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }")),
    "Normalize": Case(
        layer("Normalize", "norm_param { across_spatial: false channel_shared: false }")
    ),
    "PriorBox": _two(
        "PriorBox",
        "prior_box_param { min_size: 3 max_size: 6 aspect_ratio: 2 clip: false variance: 0.1"
        " variance: 0.1 variance: 0.2 variance: 0.2 }",
        (2, 3, 30, 40),
    ),
    "PriorBoxClustered": _two(
        "PriorBoxClustered",
        "prior_box_param { width: 3.5 width: 5 height: 4 height: 7 step: 4 clip: true variance: 0.1"
        " variance: 0.1 variance: 0.2 variance: 0.2 }",
        (2, 3, 30, 40),
    ),
    "ConvolutionDepthwise": _convolution(
        "num_output: 6 kernel_size: 3 pad: 1 stride: 2", "ConvolutionDepthwise"
    ),
    "ROIPooling": Case(
        layer(
            "ROIPooling",
            "roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.25 }",
            bottom="data rois",
        ),
        {"data": (2, 6, 9, 11), "rois": (5, 5)},
        draw="rois",
    ),
    "PSROIPooling": Case(
        layer(
            "PSROIPooling",
            "psroi_pooling_param { spatial_scale: 0.25 output_dim: 2 group_size: 2 }",
            bottom="data rois",
        ),
        {"data": (2, 8, 9, 11), "rois": (5, 5)},
        draw="rois",
    ),
    "Interp": Case(layer("Interp", "interp_param { height: 13 width: 7 }")),
    "Interp_zoom": Case(layer("Interp", "interp_param { zoom_factor: 3 }")),
    "ReLU6": Case(layer("ReLU6"), draw="large"),
    "ShuffleChannel": Case(layer("ShuffleChannel", "shuffle_channel_param { group: 3 }")),
    "Reorg": Case(layer("Reorg", "reorg_param { stride: 2 }"), {"data": (2, 8, 6, 10)}),
    "Proposal": Case(
        layer(
            "Proposal",
            "proposal_param { feat_stride: 8 base_size: 8 min_size: 0 ratio: 0.5 ratio: 1 scale: 2"
            " scale: 4 pre_nms_topn: 60 post_nms_topn: 12 nms_thresh: 0.6 }",
            bottom="score delta info",
            top="rois",
        ),
        {"score": (1, 8, 5, 6), "delta": (1, 16, 5, 6), "info": (1, 4)},
        draw="anchors",
    ),
    "DetectionOutput": _detection(12),
    "DetectionOutput_each_class": _detection(15, share=False),
    "DetectionOutput_corner": _detection(20, code="CORNER"),
    "Convolution_chain": Case(
        layer("Convolution", "convolution_param { num_output: 8 kernel_size: 3 }", top="conv")
        + layer("BatchNorm", bottom="conv", top="conv", name="norm")
        + layer("Scale", "scale_param { bias_term: true }", bottom="conv", top="conv", name="scale")
        + layer(
            "ReLU", "relu_param { negative_slope: 0.2 }", bottom="conv", top="conv", name="leaky"
        )
        + layer("Convolution", "convolution_param { num_output: 8 kernel_size: 1 }", bottom="conv")
        + layer("Eltwise", bottom="out conv", top="sum")
        + layer("ReLU", bottom="sum", top="sum", name="relu")
    ),
}
