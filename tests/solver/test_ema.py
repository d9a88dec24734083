"""The moving average against torch's own, and that it comes and goes without a trace."""

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from catdog.layers.base import Setting
from catdog.net.freezing import freeze
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.randomness import Randomness
from catdog.solver.ema import Average
from tests.net.test_freezing import built, message, step


def weights(net: Net) -> list[torch.Tensor]:
    return [blob.clone() for blobs in net.layer_blobs().values() for blob in blobs]


def same(some: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(some, others, strict=True))


def test_it_is_torchs_average() -> None:
    net = built()
    average = Average(net, 0.05)
    theirs = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.05))
    theirs.update_parameters(net)  # the first one is a copy
    average.admit()
    for _ in range(5):
        step(net)
        average.update()
        theirs.update_parameters(net)
    mine = dict(net.named_parameters())
    with average.applied():
        for name, parameter in theirs.module.named_parameters():
            assert torch.equal(mine[name].data, parameter.data), name
    assert any("blobs.2" in name for name in mine), "a factor of BatchNorm"


def test_its_decay_warms_up() -> None:
    net = built()
    average = Average(net, 0.3)
    average.admit()
    want, decays = [w.double().numpy() for w in weights(net)], []
    for t in range(6):
        step(net)
        decays.append(min(0.3, (1 + t) / (10 + t)))
        assert average.warm_decay == decays[-1]
        average.update()
        now = [w.double().numpy() for w in weights(net)]
        want = [decays[-1] * a + (1 - decays[-1]) * w for a, w in zip(want, now, strict=True)]
    assert decays[0] == 0.1 and decays[-1] == 0.3 and average.updates == 6
    with average.applied():
        for mine, reference in zip(weights(net), want, strict=True):
            np.testing.assert_allclose(mine.numpy(), reference, rtol=1e-5, atol=1e-6)


def test_applied_and_back_the_weights_are_what_they_were() -> None:
    net = built()
    average = Average(net, 0.9)
    average.admit()
    step(net)
    average.update()
    own = weights(net)
    with average.applied():
        averaged = weights(net)
        assert not same(own, averaged)
        with average.applied(False):
            assert same(own, weights(net))
        with average.applied():
            assert same(averaged, weights(net))
    assert same(own, weights(net))
    with pytest.raises(ZeroDivisionError), average.applied():
        raise ZeroDivisionError
    assert same(own, weights(net))


def test_frozen_layers_are_left_out_until_they_learn() -> None:
    net = built("conv1", "scale_a", "conv2")
    average = Average(net, 0.9)
    average.admit()
    assert len(average._weights) == 2, "of fc alone"
    for node in net:
        node.layer.param.frozen = False
    average.admit()
    average.admit()
    assert len(average._weights) == len(net.learnable)


def test_shared_parameters_are_averaged_once() -> None:
    net = NetParameter()
    net.CopyFrom(message())
    for layer in net.layer:
        if layer.type == "Scale":
            layer.param.add(name="shared")
    whole = Net(freeze(net, ()), setting=Setting(Randomness(1)))
    average = Average(whole, 0.9)
    average.admit()
    assert len(average._weights) == len(whole.learnable)


def test_without_a_decay_it_does_nothing() -> None:
    net = built()
    average = Average(net)
    average.admit()
    step(net)
    average.update()
    own = weights(net)
    with average.applied():
        assert same(own, weights(net))
    assert not average and not average.updates
