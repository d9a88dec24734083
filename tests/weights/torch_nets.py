"""Nets of torchvision with drawn weights and statistics, and ours of the same shape."""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from catdog.net.deploy import deploy_net
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, NetParameter
from catdog.spec import filter_net, net_state, read_net
from catdog.weights.architectures import ARCHITECTURES, Architecture

SPECS = Path(__file__).parent.parent.parent / "net_specs"
CLASSES = 1000
#: Of each EfficientNet-Lite the factors of its widths and depths (Tan and Le 2019, section 3.3),
#: and a small size of pictures that is halved as its own is: 224, 240 and 260 pixels.
LITE = {
    "efficientnet_lite0": (1.0, 1.0, 64),
    "efficientnet_lite1": (1.0, 1.1, 80),
    "efficientnet_lite2": (1.1, 1.2, 68),
}
#: The last layer of each spec and, in the weights, its name.
LAST = {
    "alexnet": ("fc8-cats-dogs", "fc8"),
    "vgg16": ("fc8-cats-dogs", "fc8"),
    "vgg16_bn": ("fc8-cats-dogs", "fc8"),
    "squeezenet1_1": ("conv10-cats-dogs", "conv10"),
    "resnet18": ("fc-cats-dogs", "fc"),
    "resnet50": ("fc-cats-dogs", "fc"),
    **dict.fromkeys(LITE, ("fc-cats-dogs", "fc")),
}


def architecture(name: str) -> Architecture:
    return next(each for each in ARCHITECTURES if each.name == name)


def model(name: str) -> nn.Module:
    """A net in evaluation; those of VGG take 64x64 pictures, to be small."""
    with torch.device("meta"):
        lite = name in LITE
        made = Lite(*LITE[name][:2]) if lite else torchvision.models.get_model(name, weights=None)
        if name.startswith("vgg"):
            made.avgpool = nn.Identity()
            made.classifier[0] = nn.Linear(512 * 2 * 2, 4096)
    return randomised(made.to_empty(device="cpu")).eval()


def size_of(name: str) -> int:
    return 224 if name == "alexnet" else LITE[name][2] if name in LITE else 64


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for tensor_name, tensor in module.state_dict().items():
        kind = tensor_name.rpartition(".")[2]
        if tensor.dim() > 1:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
        elif kind == "running_var" or (kind == "weight" and tensor.dim() == 1):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif kind != "num_batches_tracked":
            tensor.normal_(0, 0.1, generator=generator)
    return module


def photos(size: int, count: int = 2) -> Tensor:
    """Bytes as our stores hold them, BGR."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


def normalised(batch: Tensor, known: Architecture) -> Tensor:
    """The same photos as the other nets take them: RGB, normalised."""
    mean, deviation = (
        torch.tensor(colour, dtype=torch.float64).view(-1, 1, 1)
        for colour in (known.mean, known.deviation)
    )
    return ((batch.flip(1).double() - mean) / deviation).float()


def with_all_classes(name: str, size: int) -> NetParameter:
    """The deploy net of a spec with the last layer of the weights."""
    message = NetParameter()
    message.CopyFrom(read_net(SPECS / f"{name}.yaml").message)
    last, there = LAST[name]
    for layer in message.layer:
        if layer.name == last:
            layer.name = there
            layer.convolution_param.num_output = CLASSES
            layer.inner_product_param.num_output = CLASSES
    return deploy_net(filter_net(message, net_state(TEST)), {"data": (2, 3, size, size)})


def scores(net: Net, batch: Tensor) -> Tensor:
    """What goes into the probabilities, pictures x classes."""
    before = next(node for node in net if node.name == "prob").bottoms[0]
    with torch.no_grad():
        return net({"data": batch}, keep=[before]).blobs[before].flatten(1)


class _Same(nn.Conv2d):
    """A convolution with TensorFlow's padding: as much as the stride needs, less of it before."""

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads = []
        for size in (x.shape[3], x.shape[2]):
            pad = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [pad // 2, pad - pad // 2]
        return F.conv2d(F.pad(x, pads), self.weight, None, self.stride, 0, 1, self.groups)


class _Block(nn.Module):
    def __init__(self, inputs: int, kernel: int, stride: int, expansion: int, outputs: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.expands, self.adds = expansion > 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = _Same(inputs, middle, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(middle, eps=1e-3)
        self._depthwise_conv = _Same(middle, middle, kernel, stride, groups=middle, bias=False)
        self._bn1 = nn.BatchNorm2d(middle, eps=1e-3)
        self._project_conv = _Same(middle, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        top = self._bn2(self._project_conv(F.relu6(self._bn1(self._depthwise_conv(wide)))))
        return top + x if self.adds else top


class Lite(nn.Module):
    """EfficientNet-Lite with the names of its package's weights.

    That is EfficientNet (Tan and Le 2019, table 1) without squeeze and excitation, with ReLU6 for
    swish, and with a stem, a head and outer stages that the factors leave as they are.
    """

    STAGES = (
        (1, 3, 1, 1, 16),
        (2, 3, 2, 6, 24),
        (2, 5, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (3, 5, 1, 6, 112),
        (4, 5, 2, 6, 192),
        (1, 3, 1, 6, 320),
    )

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _Same(3, 32, 3, 2, bias=False), nn.BatchNorm2d(32, eps=1e-3)
        blocks, inputs = [], 32
        for repeats, kernel, stride, expansion, channels in self.STAGES:
            outputs = _round(channels * width)
            for index in range(math.ceil(repeats * depth) if repeats > 1 else 1):
                blocks.append(_Block(inputs, kernel, 1 if index else stride, expansion, outputs))
                inputs = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = _Same(inputs, 1280, 1, bias=False)
        self._bn1, self._fc = nn.BatchNorm2d(1280, eps=1e-3), nn.Linear(1280, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self._blocks(F.relu6(self._bn0(self._conv_stem(x))))
        return self._fc(F.relu6(self._bn1(self._conv_head(x))).mean((2, 3)))


def _round(channels: float) -> int:
    """The nearest multiple of 8 that is not below nine tenths."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
