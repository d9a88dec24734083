import pytest
import torch

from catdog.net.net import Net
from catdog.net.step import Node
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter
from catdog.spec import filter_net, net_state
from catdog.spec.read import parse_yaml

CONV = """
- {name: conv, type: Convolution, bottom: data, top: conv,
   convolution_param: {num_output: 5, kernel_size: 3, pad: 1, weight_filler: {type: msra}}}
"""
BN = "- {name: bn, type: BatchNorm, bottom: conv, top: conv}\n"
SCALE = "- {name: scale, type: Scale, bottom: conv, top: conv, scale_param: {bias_term: true}}\n"
RELU = "- {name: relu, type: ReLU, bottom: conv, top: conv}\n"
POOL = """
- {name: pool, type: Pooling, bottom: conv, top: pool,
   pooling_param: {pool: MAX, kernel_size: 3, stride: 2}}
"""
END = """
- {name: score, type: InnerProduct, bottom: pool, top: score,
   inner_product_param: {num_output: 2, weight_filler: {type: msra}}}
- {name: loss, type: SoftmaxWithLoss, bottom: [score, label], top: loss}
"""
SHAPES = {"data": (4, 3, 9, 9), "label": (4,)}


def net_of(layers: str, phase: int = TRAIN) -> Net:
    message = NetParameter()
    parse_yaml("layer:" + layers, message, "net.yaml")
    return Net(filter_net(message, net_state(phase)), inputs=SHAPES)


def steps(net: Net) -> list[str]:
    return [s.name if isinstance(s, Node) else "joined" for s in net._fused.steps]


def numbers(layers: str, phase: int, step_by_step: bool) -> list[torch.Tensor]:
    """Loss, blobs and gradients, with the net of the same chance."""
    torch.manual_seed(0)
    net = net_of(layers, phase)
    for item in net.learnable:
        if item.lr_mult:
            item.parameter.data.normal_()
    net.place("cpu").double()
    net.step_by_step = step_by_step
    data = torch.randn(SHAPES["data"], dtype=torch.float64, requires_grad=True)
    for _ in range(2):
        result = net({"data": data, "label": torch.tensor([0, 1, 1, 0])})
    result.loss.backward()
    gradients = [item.parameter.grad for item in net.learnable if item.parameter.grad is not None]
    return [
        result.loss,
        data.grad,
        *gradients,
        *(b for bs in net.layer_blobs().values() for b in bs),
    ]


@pytest.mark.parametrize("phase", [TRAIN, TEST])
@pytest.mark.parametrize(
    ("layers", "wanted"),
    [
        (CONV + RELU + POOL + END, ["conv", "joined", "score", "loss"]),
        (CONV + BN + SCALE + RELU + POOL + END, ["conv", "joined", "joined", "score", "loss"]),
        (
            CONV + BN + SCALE.replace("bias_term: true", "axis: 1") + POOL + END,
            ["conv", "joined", "pool", "score", "loss"],
        ),
    ],
)
def test_two_layers_as_one_give_the_numbers_of_both(layers, wanted, phase):
    assert steps(net_of(layers, phase)) == wanted
    for apart, joined in zip(
        numbers(layers, phase, True), numbers(layers, phase, False), strict=True
    ):
        torch.testing.assert_close(joined, apart, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "layers",
    [
        # somebody else reads what is between them
        CONV + RELU + POOL + "- {name: other, type: Power, bottom: conv, top: other}" + END,
        # the gradient of a slope is not zero
        CONV + RELU.replace("}", ", relu_param: {negative_slope: 0.1}}") + POOL + END,
        CONV + RELU + POOL.replace("MAX", "AVE") + END,
        # ReLU's backward pass reads what Dropout would write over
        CONV + RELU + POOL + "- {name: drop, type: Dropout, bottom: pool, top: pool}" + END,
        CONV + BN + SCALE.replace("bias_term: true", "axis: 0, num_axes: 2") + POOL + END,
        CONV
        + BN.replace("top: conv", "top: bn, loss_weight: 1")
        + SCALE.replace("bottom: conv, top: conv", "bottom: bn, top: scaled")
        + POOL.replace("bottom: conv", "bottom: scaled")
        + END,
    ],
)
def test_layers_stay_apart_where_one_would_be_another_net(layers):
    assert "joined" not in steps(net_of(layers))


def test_a_blob_between_two_layers_can_be_kept():
    net = net_of(CONV + RELU + POOL + END)
    batch = {"data": torch.randn(SHAPES["data"]), "label": torch.zeros(4)}
    blobs = net(batch, keep=["conv", "pool"]).blobs
    assert blobs["conv"].min() == 0
    torch.testing.assert_close(blobs["pool"], torch.max_pool2d(blobs["conv"], 3, 2, ceil_mode=True))
