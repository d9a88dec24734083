import torch

from catdog.net.example_batch import example_batch
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.spec.read import parse_yaml


def test_numbers_where_they_do_no_harm_and_zeros_elsewhere():
    message = NetParameter()
    parse_yaml(
        """
        layer:
        - {name: in, type: Input, top: [x, label, words, mask],
           input_param: {shape: [{dim: [4, 5]}, {dim: 4}, {dim: [4, 3]}, {dim: [4, 5]}]}}
        - {name: embed, type: Embed, bottom: words, top: e,
           embed_param: {num_output: 2, input_dim: 1}}
        - {name: sum, type: Eltwise, bottom: [x, mask], top: s}
        - {name: loss, type: SoftmaxWithLoss, bottom: [s, label], top: loss}
        """,
        message,
        "net.yaml",
    )
    net = Net(message)
    batch = example_batch(net)
    assert {name: tensor.shape for name, tensor in batch.items()} == net.inputs
    assert {name for name, tensor in batch.items() if tensor.any()} == {"x", "mask"}
    assert all(torch.equal(batch[name], again) for name, again in example_batch(net).items())
    net(batch)
