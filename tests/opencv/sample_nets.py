"""Nets like those of OpenCV's known samples, small and with drawn weights."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from tests.opencv.cases import draw_weights

_SIDE = 48
#: Each script with the nets that it is called with.
SCRIPTS = {
    "face_detector": ("res10",),
    "mobilenet_ssd": ("mobilenet",),
    "age_gender": ("age", "gender"),
    "colorization": ("colorization",),
    "openpose": ("pose",),
    "super_resolution": ("fsrcnn",),
    "edge_detection": ("edges",),
    "models": ("mobilenet", "age", "pose"),
}


def _layer(name: str, kind: str, bottom: str, fields: str = "", top: str = "") -> str:
    bottoms = " ".join(f'bottom: "{each}"' for each in bottom.split())
    return f'layer {{ name: "{name}" type: "{kind}" {bottoms} top: "{top or name}" {fields} }}'


def _conv(name: str, bottom: str, outputs: int, fields: str = "kernel_size: 3 pad: 1") -> str:
    return _layer(
        name, "Convolution", bottom, f"convolution_param {{ num_output: {outputs} {fields} }}"
    )


def _norm(blob: str) -> str:
    return "\n".join(
        [
            _layer(f"{blob}/bn", "BatchNorm", blob, top=blob),
            _layer(f"{blob}/scale", "Scale", blob, "scale_param { bias_term: true }", blob),
            _layer(f"{blob}/relu", "ReLU", blob, top=blob),
        ]
    )


def _input(channels: int, side: int = _SIDE, name: str = "data") -> str:
    return f'input: "{name}" input_dim: 1 input_dim: {channels} input_dim: {side} input_dim: {side}'


def _heads(sources: dict[str, tuple[int, int]], classes: int) -> Iterator[str]:
    """SSD's layers over some blobs, each with the sizes of its priors, to DetectionOutput."""
    for name, (least, most) in sources.items():
        for what, numbers in (("loc", 4), ("conf", classes)):
            yield _conv(f"{name}_{what}", name, 4 * numbers)
            yield _layer(
                f"{name}_{what}_perm",
                "Permute",
                f"{name}_{what}",
                "permute_param { order: 0 order: 2 order: 3 order: 1 }",
            )
            yield _layer(f"{name}_{what}_flat", "Flatten", f"{name}_{what}_perm")
        yield _layer(
            f"{name}_prior",
            "PriorBox",
            f"{name} data",
            f"prior_box_param {{ min_size: {least} max_size: {most} aspect_ratio: 2 flip: true"
            " clip: false variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 }",
        )
    for what, last in (("loc", "flat"), ("conf", "flat")):
        bottoms = " ".join(f"{name}_{what}_{last}" for name in sources)
        yield _layer(f"mbox_{what}", "Concat", bottoms, "concat_param { axis: 1 }")
    priors = " ".join(f"{name}_prior" for name in sources)
    yield _layer("mbox_prior", "Concat", priors, "concat_param { axis: 2 }")
    shape = f"reshape_param {{ shape {{ dim: 0 dim: -1 dim: {classes} }} }}"
    yield _layer("conf_reshape", "Reshape", "mbox_conf", shape)
    yield _layer("conf_softmax", "Softmax", "conf_reshape", "softmax_param { axis: 2 }")
    yield _layer("conf_flatten", "Flatten", "conf_softmax", "flatten_param { axis: 1 }")
    yield _layer(
        "detection_out",
        "DetectionOutput",
        "mbox_loc conf_flatten mbox_prior",
        f"detection_output_param {{ num_classes: {classes} share_location: true"
        " background_label_id: 0 nms_param { nms_threshold: 0.45 top_k: 100 }"
        " code_type: CENTER_SIZE keep_top_k: 20 confidence_threshold: 0.3 }",
    )


def _res10() -> Iterator[str]:
    yield _input(3)
    yield _layer("data_part", "Power", "data", "power_param { scale: 0.01 }")
    yield _layer("data_bn", "BatchNorm", "data_part")
    yield _layer("data_scale", "Scale", "data_bn", "scale_param { bias_term: true }", "data_bn")
    yield _conv("conv1", "data_bn", 8, "kernel_size: 7 pad: 3 stride: 2")
    yield _norm("conv1")
    yield _layer("pool1", "Pooling", "conv1", "pooling_param { kernel_size: 3 stride: 2 }")
    yield _conv("branch", "pool1", 8, "kernel_size: 3 pad: 1 bias_term: false")
    yield _norm("branch")
    yield _conv("branch2", "branch", 8, "kernel_size: 3 pad: 1 bias_term: false")
    yield _layer("sum", "Eltwise", "branch2 pool1")
    yield _layer("sum_relu", "ReLU", "sum", top="sum")
    yield _layer(
        "norm", "Normalize", "sum", "norm_param { across_spatial: false channel_shared: false }"
    )
    yield _conv("down", "sum", 8, "kernel_size: 3 pad: 1 stride: 2")
    yield _layer("down_relu", "ReLU", "down", top="down")
    yield from _heads({"norm": (12, 20), "down": (20, 34)}, 2)


def _mobilenet() -> Iterator[str]:
    yield _input(3)
    yield _conv("conv0", "data", 8, "kernel_size: 3 pad: 1 stride: 2 bias_term: false")
    yield _norm("conv0")
    for number, (bottom, width, stride) in enumerate([("conv0", 8, 2), ("conv1", 12, 1)], 1):
        deep = f"kernel_size: 3 pad: 1 stride: {stride} group: {width} bias_term: false"
        yield _conv(f"conv{number}/dw", bottom, width, deep)
        yield _norm(f"conv{number}/dw")
        yield _conv(f"conv{number}", f"conv{number}/dw", 12, "kernel_size: 1 bias_term: false")
        yield _norm(f"conv{number}")
    yield _conv("conv3", "conv2", 12, "kernel_size: 3 pad: 1 stride: 2")
    yield _layer("conv3/relu", "ReLU", "conv3", top="conv3")
    yield from _heads({"conv2": (12, 20), "conv3": (20, 34)}, 4)


def _levi(outputs: int) -> Iterator[str]:
    """Levi and Hassner's net of age and gender."""
    yield _input(3)
    yield _conv("conv1", "data", 8, "kernel_size: 7 stride: 2")
    yield _layer("relu1", "ReLU", "conv1", top="conv1")
    yield _layer("pool1", "Pooling", "conv1", "pooling_param { kernel_size: 3 stride: 2 }")
    yield _layer("norm1", "LRN", "pool1", "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")
    yield _conv("conv2", "norm1", 12, "kernel_size: 5 pad: 2 group: 2")
    yield _layer("relu2", "ReLU", "conv2", top="conv2")
    yield _layer("fc6", "InnerProduct", "conv2", "inner_product_param { num_output: 16 }")
    yield _layer("relu6", "ReLU", "fc6", top="fc6")
    yield _layer("drop6", "Dropout", "fc6", top="fc6")
    fields = f"inner_product_param {{ num_output: {outputs} }}"
    yield _layer("fc8", "InnerProduct", "fc6", fields)
    yield _layer("prob", "Softmax", "fc8")


def _colorization() -> Iterator[str]:
    yield _input(1, name="data_l")
    yield _conv("bw_conv1_1", "data_l", 8)
    yield _layer("relu1_1", "ReLU", "bw_conv1_1", top="bw_conv1_1")
    yield _conv("conv2_1", "bw_conv1_1", 8, "kernel_size: 3 pad: 2 dilation: 2 stride: 2")
    yield _layer("relu2_1", "ReLU", "conv2_1", top="conv2_1")
    yield _layer("conv2_1norm", "BatchNorm", "conv2_1")
    up = "convolution_param { num_output: 8 kernel_size: 4 pad: 1 stride: 2 }"
    yield _layer("conv8_1", "Deconvolution", "conv2_1norm", up)
    yield _layer("relu8_1", "ReLU", "conv8_1", top="conv8_1")
    yield _conv("conv8_313", "conv8_1", 13, "kernel_size: 1")
    yield _layer("conv8_313_rh", "Scale", "conv8_313", "scale_param { bias_term: false }")
    yield _layer("class8_313_rh", "Softmax", "conv8_313_rh")
    yield _conv("class8_ab", "class8_313_rh", 2, "kernel_size: 1")


def _pose() -> Iterator[str]:
    yield _input(3, name="image")
    yield _conv("conv1_1", "image", 8, "kernel_size: 3 pad: 1 stride: 2")
    yield _layer("relu1_1", "ReLU", "conv1_1", top="conv1_1")
    yield _layer("pool1", "Pooling", "conv1_1", "pooling_param { kernel_size: 2 stride: 2 }")
    for branch, outputs in (("L1", 8), ("L2", 6)):
        yield _conv(f"conv5_stage1_{branch}", "pool1", outputs)
    both = "conv5_stage1_L1 conv5_stage1_L2 pool1"
    yield _layer("concat_stage2", "Concat", both, "concat_param { axis: 1 }")
    for branch, outputs in (("L1", 8), ("L2", 6)):
        yield _conv(f"Mconv1_stage2_{branch}", "concat_stage2", 8, "kernel_size: 7 pad: 3")
        blob = f"Mconv1_stage2_{branch}"
        yield _layer(f"Mrelu1_stage2_{branch}", "ReLU", blob, top=blob)
        yield _conv(f"Mconv5_stage2_{branch}", blob, outputs, "kernel_size: 1")
    yield _layer("net_output", "Concat", "Mconv5_stage2_L2 Mconv5_stage2_L1")


def _fsrcnn() -> Iterator[str]:
    yield _input(1, 20)
    yield _conv("conv1", "data", 8, "kernel_size: 5 pad: 2")
    yield _layer("prelu1", "PReLU", "conv1", top="conv1")
    yield _conv("conv2", "conv1", 6, "kernel_size: 1")
    yield _layer("prelu2", "PReLU", "conv2", top="conv2")
    fields = "convolution_param { num_output: 1 kernel_size: 9 stride: 3 pad: 4 }"
    yield _layer("conv3", "Deconvolution", "conv2", fields)


def _edges() -> Iterator[str]:
    yield _input(3)
    yield _layer("small", "Power", "data", "power_param { scale: 0.01 }")
    yield _conv("conv1", "small", 8, "kernel_size: 3 pad: 5")
    yield _layer("relu1", "ReLU", "conv1", top="conv1")
    yield _conv("score-dsn1", "conv1", 1, "kernel_size: 1")
    yield _layer("crop1", "Crop", "score-dsn1 data", top="upscore-dsn1")
    yield _layer("pool1", "Pooling", "conv1", "pooling_param { kernel_size: 2 stride: 2 }")
    yield _conv("score-dsn2", "pool1", 1, "kernel_size: 1")
    up = "convolution_param { num_output: 1 kernel_size: 4 stride: 2 }"
    yield _layer("upsample_2", "Deconvolution", "score-dsn2", up)
    yield _layer("crop2", "Crop", "upsample_2 data", top="upscore-dsn2")
    yield _layer("concat", "Concat", "upscore-dsn1 upscore-dsn2")
    yield _conv("upscore-fuse", "concat", 1, "kernel_size: 1")
    yield _layer("sigmoid-fuse", "Sigmoid", "upscore-fuse")


_NETS = {
    "res10": _res10,
    "mobilenet": _mobilenet,
    "age": lambda: _levi(8),
    "gender": lambda: _levi(2),
    "colorization": _colorization,
    "pose": _pose,
    "fsrcnn": _fsrcnn,
    "edges": _edges,
}


def write(folder: Path) -> None:
    """All nets with their weights, and a photo, in a folder."""
    for seed, (name, lines) in enumerate(_NETS.items()):
        text = folder / f"{name}.prototxt"
        text.write_text("\n".join(lines()) + "\n")
        draw_weights(text, folder / f"{name}.caffemodel", seed)
    pixels = np.random.RandomState(8).randint(0, 256, (12, 12, 3)).astype(np.uint8)
    cv2.imwrite(str(folder / "photo.png"), np.kron(pixels, np.ones((4, 4, 1), np.uint8)))


def arguments(script: str, folder: Path) -> list[str]:
    """What a script is called with."""
    nets = [
        str(folder / f"{net}{end}")
        for net in SCRIPTS[script]
        for end in (".prototxt", ".caffemodel")
    ]
    return [str(folder / "photo.png"), *nets, str(folder / f"{script}.npz")]
