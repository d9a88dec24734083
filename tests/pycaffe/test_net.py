"""pycaffe's Net: its constructors, its dictionaries, running forward and backward."""

import numpy as np
import pytest
import torch

import catdog.pycaffe as caffe
from catdog.errors import CatdogError, LayerError, WeightsError
from tests.pycaffe.nets import DEPLOY, SIMPLE


@pytest.fixture
def net(write):
    made = caffe.Net(write(SIMPLE), caffe.TRAIN)
    made.blobs["label"].data[...] = [0, 1, 2, 3, 6]
    return made


@pytest.fixture
def deploy(write):
    return caffe.Net(write(DEPLOY), caffe.TEST)


def test_dictionaries_tell_layers_and_blobs(net):
    assert list(net.blobs) == ["data", "label", "conv", "scores", "loss"]
    assert list(net.params) == ["conv", "ip"]
    assert [layer.type for layer in net.layers] == [
        *("DummyData", "Convolution", "InnerProduct", "SoftmaxWithLoss"),
    ]
    assert list(net.layer_dict) == list(net._layer_names) == ["data", "conv", "ip", "loss"]
    assert net.layer_dict["ip"].blobs is net.params["ip"]
    assert net.inputs == [] and net.outputs == ["loss"]
    assert dict(net.top_names)["data"] == ["data", "label"]
    assert dict(net.bottom_names)["loss"] == ["scores", "label"]
    assert net.blob_loss_weights["loss"] == 1 and net.blob_loss_weights["scores"] == 0


def test_layers_take_shapes_by_themselves(deploy):
    deploy.blobs["data"].reshape(2, 3, 9, 9)
    conv = deploy.layer_dict["conv"]
    ends = [deploy.blobs["data"]], [deploy.blobs["conv"]]
    before = [blob.data.copy() for blob in conv.blobs]
    conv.setup(*ends)
    assert all((blob.data == kept).all() for blob, kept in zip(conv.blobs, before, strict=True))
    conv.reshape(*ends)
    assert deploy.blobs["conv"].shape == (2, 5, 7, 7)
    with pytest.raises(CatdogError, match=r'layer "conv": got other blobs.*net.bottom_names'):
        conv.reshape([deploy.blobs["ip"]], [deploy.blobs["conv"]])


def test_a_mistake_is_a_runtime_error_as_caffes():
    with pytest.raises(RuntimeError, match=r"none.prototxt: no such file"):
        caffe.Net("none.prototxt", caffe.TEST)


def test_numbers_of_blobs_lead_to_their_names(net):
    assert [net._blob_names[i] for i in net._outputs] == ["loss"]
    assert [net._blob_names[i] for i in net._top_ids(0)] == ["data", "label"]
    assert [net._blob_names[i] for i in net._bottom_ids(3)] == ["scores", "label"]


def test_blobs_and_parameters_outlive_the_net(net):
    blobs = [*net.blobs.values(), *(blob for blobs in net.params.values() for blob in blobs)]
    del net
    for blob in blobs:
        assert np.isfinite(blob.data.sum() + blob.diff.sum())


def test_constant_data_that_a_program_wrote_stay(net):
    before = net.blobs["data"].data.copy()
    net.forward()
    assert net.blobs["label"].data.tolist() == [0, 1, 2, 3, 6]
    assert (net.blobs["data"].data != before).any()


def test_forward_and_backward_agree_with_torch(net):
    conv, ip = net.params["conv"], net.params["ip"]
    loss = net.forward()["loss"]
    net.backward()
    leaves = [torch.tensor(b.data, requires_grad=True) for b in (*conv, *ip)]
    x = torch.tensor(net.blobs["data"].data, requires_grad=True)
    scores = torch.conv2d(x, leaves[0], leaves[1], padding=1).flatten(1) @ leaves[2].T + leaves[3]
    wanted = torch.nn.functional.cross_entropy(scores, torch.tensor([0, 1, 2, 3, 6]))
    wanted.backward()
    np.testing.assert_allclose(loss, wanted.detach(), rtol=1e-5)
    for blob, leaf in zip((*conv, *ip, net.blobs["data"]), (*leaves, x), strict=True):
        np.testing.assert_allclose(blob.diff, leaf.grad, rtol=1e-4, atol=1e-6)


def test_forward_from_one_layer_to_another(net):
    net.blobs["conv"].data[...] = np.random.default_rng(0).normal(size=net.blobs["conv"].shape)
    found = net.forward(start="ip", end="ip")
    weights, bias = (blob.data for blob in net.params["ip"])
    wanted = net.blobs["conv"].data.reshape(5, -1) @ weights.T + bias
    assert list(found) == ["scores"]
    np.testing.assert_allclose(found["scores"], wanted, rtol=1e-4, atol=1e-5)


def test_backward_through_one_layer_that_never_ran_forward(net):
    diff = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    net.blobs["scores"].diff[...] = diff
    found = net.backward(start="ip", end="ip")
    wanted = (diff @ net.params["ip"][0].data).reshape(net.blobs["conv"].shape)
    np.testing.assert_allclose(found["conv"], wanted, rtol=1e-4, atol=1e-5)


def test_parameter_diffs_add_up_until_cleared(net):
    net.forward()
    net.backward()
    once = net.params["ip"][0].diff.copy()
    net.backward()
    held = net.params["ip"][0].diff
    np.testing.assert_allclose(held, 2 * once, rtol=1e-5)
    net.clear_param_diffs()
    assert not held.any()


def test_what_is_written_to_parameters_counts_at_once(deploy):
    for blob in deploy.params["ip"]:
        blob.data[...] = 0
    deploy.params["ip"][1].data[1] = 100
    assert deploy.forward()["prob"][:, 1].tolist() == [1] * 4


def test_an_array_held_over_forward_passes_shows_the_last(deploy):
    held = deploy.blobs["prob"].data
    deploy.blobs["data"].data[...] = 1
    assert (deploy.forward()["prob"] == held).all()
    deploy.blobs["data"].data[...] = -1
    assert deploy.forward()["prob"] is not held
    assert (deploy.blobs["prob"].data == held).all()


def test_inputs_as_arguments_and_more_outputs(deploy):
    found = deploy.forward(blobs=["pool"], data=np.ones((4, 3, 6, 6)))
    assert set(found) == {"prob", "pool"}
    with pytest.raises(CatdogError, match="got arrays for dat"):
        deploy.forward(dat=np.ones((4, 3, 6, 6)))
    with pytest.raises(CatdogError, match="use forward_all"):
        deploy.forward(data=np.ones((3, 3, 6, 6)))
    with pytest.raises(CatdogError, match=r'no layer "pol".*did you mean "pool"'):
        deploy.forward(end="pol")


def test_forward_all_takes_any_number(deploy):
    data = np.random.default_rng(0).normal(size=(10, 3, 6, 6))
    found = deploy.forward_all(data=data, blobs=["pool"])
    assert found["prob"].shape == (10, 3) and found["pool"].shape == (10, 5, 1, 1)
    wanted = deploy.forward(data=data[4:8])["prob"]
    np.testing.assert_array_equal(found["prob"][4:8], wanted)


def test_forward_backward_all(write):
    net = caffe.Net(write("force_backward: true\n" + DEPLOY), caffe.TEST)
    data = np.random.default_rng(0).normal(size=(6, 3, 6, 6))
    diff = np.random.default_rng(1).normal(size=(6, 3))
    outputs, diffs = net.forward_backward_all(data=data, prob=diff, diffs=["pool"])
    assert outputs["prob"].shape == (6, 3) and diffs["data"].shape == data.shape
    net.forward(data=data[:4])
    wanted = net.backward(prob=diff[:4], diffs=["pool"])
    np.testing.assert_allclose(diffs["data"][:4], wanted["data"], rtol=1e-5)
    np.testing.assert_allclose(diffs["pool"][:4], wanted["pool"], rtol=1e-5)


def test_a_net_without_loss_sends_nothing_back(deploy):
    deploy.forward()
    deploy.blobs["prob"].diff[...] = 1
    deploy.backward()
    assert not deploy.blobs["data"].diff.any() and not deploy.params["ip"][0].diff.any()


def test_another_size_of_input(deploy):
    weights = deploy.params["conv"][0].data.copy()
    deploy.blobs["data"].reshape(2, 3, 9, 8)
    deploy.reshape()
    assert deploy.blobs["conv"].shape == (2, 5, 7, 6) and deploy.blobs["prob"].shape == (2, 3)
    deploy.blobs["data"].data[...] = 1
    deploy.blobs["data"].reshape(1, 3, 6, 6)
    assert deploy.forward()["prob"].shape == (1, 3)
    np.testing.assert_array_equal(deploy.params["conv"][0].data, weights)
    deploy.params["conv"][0].data[...] = 0
    assert not deploy.forward(end="conv")["conv"].any()


def test_another_size_that_a_layer_cannot_take(net):
    net.blobs["conv"].reshape(5, 3, 3, 3)
    with pytest.raises(LayerError, match=r'layer "ip".*made for another shape'):
        net.forward(start="ip")


def test_hooks_hear_of_every_layer(net):
    heard = []
    net.before_forward(lambda layer: heard.append(("before", layer)))
    net.after_forward(lambda layer: heard.append(("after", layer)))
    net.before_backward(lambda layer: heard.append(("back", layer)))
    net.after_backward(lambda layer: heard.append(("done", layer)))
    net.forward(start="ip")
    net.backward(end="ip")
    assert heard == [
        *(("before", 2), ("after", 2), ("before", 3), ("after", 3)),
        *(("back", 3), ("done", 3), ("back", 2), ("done", 2)),
    ]


@pytest.mark.parametrize("save", ["save", "save_hdf5"])
def test_saved_parameters_come_back(net, write, tmp_path, save):
    path = tmp_path / "weights"
    getattr(net, save)(path)
    file = write(SIMPLE)
    same = [caffe.Net(file, str(path), caffe.TRAIN), caffe.Net(file, caffe.TRAIN, weights=path)]
    other = caffe.Net(file, caffe.TRAIN)
    assert (other.params["ip"][0].data != net.params["ip"][0].data).any()
    other.load_hdf5(path)
    for loaded in (*same, other):
        for name, blobs in net.params.items():
            for mine, theirs in zip(blobs, loaded.params[name], strict=True):
                np.testing.assert_array_equal(mine.data, theirs.data)


def test_weights_of_another_shape_change_nothing(net, write, tmp_path):
    net.save(tmp_path / "w.caffemodel")
    other = caffe.Net(write(SIMPLE.replace("num_output: 7", "num_output: 8")), caffe.TRAIN)
    before = other.params["conv"][0].data.copy()
    with pytest.raises(WeightsError, match="rename the layer"):
        other.copy_from(tmp_path / "w.caffemodel")
    np.testing.assert_array_equal(other.params["conv"][0].data, before)


def test_weights_without_a_layer_of_the_net_are_passed_over(net, write, tmp_path):
    net.save(tmp_path / "w.caffemodel")
    text = SIMPLE.replace('name: "ip"', 'name: "new"').replace('name: "conv"', 'name: "first"')
    caffe.Net(write(text), caffe.TRAIN).copy_from(tmp_path / "w.caffemodel")


def test_nets_share_parameters_but_not_diffs(net, write):
    other = caffe.Net(write(SIMPLE), caffe.TRAIN)
    other.share_with(net)
    net.params["ip"][0].data[...] = 3
    other.params["ip"][0].diff[...] = 1
    assert (other.params["ip"][0].data == 3).all() and not net.params["ip"][0].diff.any()
    other.forward(start="ip", end="ip")
    wrong = caffe.Net(write(SIMPLE.replace("num_output: 7", "num_output: 8")), caffe.TRAIN)
    with pytest.raises(CatdogError, match='"ip" has other parameters'):
        wrong.share_with(net)


def test_arrays_for_a_memory_data_layer(write):
    text = """layer { name: "data" type: "MemoryData" top: "data" top: "label"
      memory_data_param { batch_size: 2 channels: 1 height: 2 width: 3 } }
    layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }"""
    net = caffe.Net(write(text), caffe.TEST)
    data = np.arange(24, dtype=np.float32).reshape(4, 1, 2, 3)
    net.set_input_arrays(data, np.array([1, 2, 3, 4], np.float32))
    assert net.forward()["flat"].tolist() == data[:2].reshape(2, 6).tolist()
    net.forward()
    assert net.blobs["label"].data.tolist() == [3, 4]


def test_arrays_need_a_memory_data_layer(net):
    with pytest.raises(CatdogError, match="is no MemoryData layer"):
        net.set_input_arrays(np.zeros((5, 2, 3, 4), np.float32), np.zeros(5, np.float32))


RULES = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 } } }
layer { name: "always" type: "Power" bottom: "data" top: "always" }
layer { name: "high" type: "Power" bottom: "data" top: "high" include { min_level: 1 } }
layer { name: "a" type: "Power" bottom: "data" top: "a" include { stage: "A" } }
layer { name: "ab" type: "Power" bottom: "data" top: "ab" include { stage: "A" stage: "B" } }
layer { name: "train" type: "Power" bottom: "data" top: "train" include { phase: TRAIN } }
"""


@pytest.mark.parametrize(
    ("arguments", "outputs"),
    [
        ({}, ["always"]),
        ({"level": 1}, ["always", "high"]),
        ({"stages": ["A"]}, ["a", "always"]),
        ({"stages": ["A", "B"]}, ["a", "ab", "always"]),
    ],
)
def test_rules_choose_layers(write, arguments, outputs):
    assert caffe.Net(write(RULES), caffe.TEST, **arguments).outputs == outputs


def test_all_positional(write):
    assert caffe.Net(write(RULES), caffe.TRAIN, 1, ["A"]).outputs == [
        "a",
        "always",
        "high",
        "train",
    ]


def test_a_blob_with_several_readers_is_split(write):
    net = caffe.Net(write(RULES), caffe.TRAIN)
    assert net._layer_names[:2] == ["data", "data_data_0_split"]
    # the copies lie where the blob lies: what is written counts for both
    net.blobs["data"].data[...] = 5
    assert (net.forward(start="always")["always"] == 5).all()


def test_a_net_needs_a_phase_and_a_file(write, tmp_path):
    with pytest.raises(TypeError, match="phase"):
        caffe.Net(write(DEPLOY))
    with pytest.raises(CatdogError, match="no such file"):
        caffe.Net(str(tmp_path / "none.prototxt"), caffe.TEST)
    with pytest.raises(CatdogError, match="no such file"):
        caffe.Net(write(DEPLOY), caffe.TEST, weights=str(tmp_path / "none.caffemodel"))


def test_the_same_seed_gives_the_same_net(write):
    file, found = write(DEPLOY), []
    for _ in range(2):
        caffe.set_random_seed(5)
        found.append(caffe.Net(file, caffe.TEST).params["conv"][0].data)
    np.testing.assert_array_equal(*found)
    assert (caffe.Net(file, caffe.TEST).params["conv"][0].data != found[0]).any()
