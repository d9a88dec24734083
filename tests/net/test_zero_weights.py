"""Weights of zeros: what is said of them is what becomes of them."""

import pytest
import torch
from google.protobuf import text_format

from catdog.net.net import Net
from catdog.net.zero_weights import stuck_at_zero
from catdog.proto.caffe_pb2 import NetParameter

FILLED = 'weight_filler { type: "xavier" }'
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }'
INPUTS = {"data": (6, 2, 7, 7), "label": (6,)}


def layer(name: str, kind: str, bottom: str, top: str = "", more: str = "") -> str:
    top = top or name
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top}" {more} }}'


def conv(fields: str = "", name: str = "c", bottom: str = "data") -> str:
    more = f"convolution_param {{ num_output: 3 kernel_size: 3 {fields} }}"
    return layer(name, "Convolution", bottom, more=more)


def ip(fields: str = "", bottom: str = "c") -> str:
    more = f"inner_product_param {{ num_output: 2 {fields} }}"
    return layer("ip", "InnerProduct", bottom, more=more)


def over(kind: str) -> str:
    return layer("over", kind, "c", "c")


POOL = layer("p", "Pooling", "c", more="pooling_param { kernel_size: 2 stride: 2 }")
NETS = {
    "both": ((conv(), over("ReLU"), ip()), ["c", "ip"]),
    "one below the other": ((conv(), ip()), ["c", "ip"]),
    "pooled": ((conv(), over("BatchNorm"), POOL, ip(bottom="p")), ["c", "ip"]),
    "below a ReLU": ((conv(), over("ReLU"), ip(FILLED)), ["c"]),
    "below a leaky ReLU": (
        (conv(), layer("o", "ReLU", "c", "c", "relu_param { negative_slope: 0.1 }"), ip(FILLED)),
        [],
    ),
    "below TanH": ((conv(), over("TanH"), ip(FILLED)), []),
    "between": (
        (conv(FILLED), conv(name="d", bottom="c"), layer("r", "ReLU", "d"), ip(FILLED, "r")),
        ["d"],
    ),
    "the last alone": ((conv(FILLED), over("ReLU"), ip()), []),
    "a single one": ((ip(bottom="data"),), []),
    "a bias that is not 0": ((conv("bias_filler { value: 1 }"), over("ReLU"), ip()), []),
    "below Sigmoid": ((conv(), over("Sigmoid"), ip()), []),
    "a branch beside another": (
        (conv(FILLED), conv(name="d"), layer("s", "Eltwise", 'c" bottom: "d'), ip(FILLED, "s")),
        [],
    ),
    "a branch beside another of zeros": (
        (conv(), conv(name="d"), layer("s", "Eltwise", 'c" bottom: "d'), ip(bottom="s")),
        ["c", "d", "ip"],
    ),
    "a scale of zeros": (
        (
            conv(FILLED),
            layer("s", "Scale", "c", more="scale_param { filler { value: 0 } }"),
            layer("t", "Eltwise", 'c" bottom: "s'),
            ip(FILLED, "t"),
        ),
        [],
    ),
    "shared with one that is filled": (
        (
            conv(FILLED).replace("convolution", 'param { name: "w" } convolution'),
            conv(name="d").replace("convolution", 'param { name: "w" } convolution'),
            layer("s", "Eltwise", 'c" bottom: "d'),
            ip(bottom="s"),
        ),
        [],
    ),
}


def built(layers: tuple[str, ...], *, fill: bool = True, loss: str = LOSS) -> Net:
    text = "\n".join((*layers, loss))
    return Net(text_format.Parse(text, NetParameter()), inputs=INPUTS, fill=fill)


def still_zero(net: Net) -> list[str]:
    """The layers whose first blob is 0 after some steps."""
    generator = torch.Generator().manual_seed(0)
    batch = {
        "data": torch.randn(INPUTS["data"], generator=generator),
        "label": torch.tensor([0, 1, 1, 0, 1, 1]),
    }
    parameters = [item.parameter for item in net.learnable if item.lr_mult]
    for _ in range(5):
        net(batch).loss.backward()
        with torch.no_grad():
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
                parameter.grad = None
    return [node.name for node in net if node.layer.multiplies and not node.layer.blobs[0].any()]


@pytest.mark.parametrize(("layers", "names"), NETS.values(), ids=NETS)
def test_what_is_said_to_stay_at_0_does_and_nothing_else(
    layers: tuple[str, ...], names: list[str]
) -> None:
    net = built(layers)
    told = list(stuck_at_zero(net))
    assert told == list(stuck_at_zero(built(layers, fill=False)))
    assert [line.split(" are all 0")[0] for line in told] == (
        [f"the weights of {', '.join(names)}"] if names else []
    )
    assert still_zero(net) == names


def test_weights_that_were_copied_are_not_told() -> None:
    net = built(NETS["both"][0])
    for blobs in net.layer_blobs().values():
        blobs[0].fill_(0.1)
    assert not list(stuck_at_zero(net))


def test_a_net_without_a_loss_is_not_told() -> None:
    assert not list(stuck_at_zero(built(NETS["both"][0], loss="")))
