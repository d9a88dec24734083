"""Nets written as Python expressions."""

import pytest

import catdog.pycaffe as caffe
from catdog.pycaffe import layers as L
from catdog.pycaffe import params as P
from catdog.pycaffe.net_spec import assign_proto, param_name_dict


def lenet():
    n = caffe.NetSpec()
    shapes = [{"dim": [2, 1, 28, 28]}, {"dim": [2, 1, 1, 1]}]
    n.data, n.label = L.DummyData(shape=shapes, transform_param={"scale": 1 / 255}, ntop=2)
    n.conv1 = L.Convolution(
        n.data, kernel_size=5, num_output=20, weight_filler={"type": "xavier"},
        param=[{"lr_mult": 1}, {"lr_mult": 2}],
    )  # fmt: skip
    n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.AVE)
    n.ip1 = L.InnerProduct(n.pool1, num_output=50, weight_filler={"type": "xavier"})
    n.relu1 = L.ReLU(n.ip1, in_place=True)
    n.ip2 = L.InnerProduct(n.relu1, num_output=10)
    n.loss = L.SoftmaxWithLoss(n.ip2, n.label, loss_param={"normalization": P.Loss.NONE})
    return n


def test_layers_have_the_names_and_fields_given():
    net = lenet().to_proto()
    names = ["data", "conv1", "pool1", "ip1", "relu1", "ip2", "loss"]
    assert [layer.name for layer in net.layer] == names
    data, conv, pool, _, relu, ip2, loss = net.layer
    assert list(data.top) == ["data", "label"] and data.dummy_data_param.shape[0].dim[2] == 28
    assert conv.convolution_param.kernel_size == [5]
    assert conv.convolution_param.weight_filler.type == "xavier"
    assert [spec.lr_mult for spec in conv.param] == [1, 2]
    assert pool.pooling_param.pool == P.Pooling.AVE
    assert relu.bottom == relu.top == ["ip1"] and ip2.bottom == ["ip1"]
    assert loss.loss_param.normalization == P.Loss.NONE


def test_what_it_writes_is_a_net(write):
    net = caffe.Net(write(str(lenet().to_proto())), caffe.TEST)
    assert len(net.layers) == 7 and net.forward()["loss"] >= 0


def test_layers_without_names_are_numbered(write):
    data = L.DummyData(shape={"dim": [1, 3]})
    first = L.InnerProduct(data, num_output=2)
    both = L.Eltwise(first, L.InnerProduct(data, num_output=2, name="own"))
    net = both.to_proto()
    names = ["DummyData1", "InnerProduct1", "own", "Eltwise1"]
    assert [layer.name for layer in net.layer] == names
    assert net.layer[3].bottom == ["InnerProduct1", "InnerProduct2"]
    assert len(caffe.Net(write(str(net)), caffe.TEST).layers) == 5
    assert [layer.name for layer in caffe.to_proto(first).layer] == ["DummyData1", "InnerProduct1"]


def test_layers_without_tops(write):
    n = caffe.NetSpec()
    n.data, n.more = L.DummyData(shape={"dim": 3}, ntop=2)
    n.end = L.Silence(n.data, ntop=0)
    n.end2 = L.Silence(n.more, ntop=0)
    net = n.to_proto()
    assert [layer.name for layer in net.layer] == ["data", "end", "end2"]
    assert caffe.Net(write(str(net)), caffe.TEST).forward() == {}


def test_an_input_that_is_no_top():
    data = L.DummyData(ntop=2)
    message = r"^Silence input 0 is not a Top \(type is <class 'tuple'>\)$"
    with pytest.raises(TypeError, match=message):
        L.Silence(data, ntop=0)
    L.Silence(*data, ntop=0)


def test_a_spec_is_a_dictionary_too():
    n = lenet()
    assert n["conv1"] is n.conv1 and list(n.keys())[:2] == ["data", "label"]
    n["extra"] = L.ReLU(n.ip2)
    assert "extra" in dict(n.items()) and n.extra in n.vals()
    del n["extra"]
    n.update({"other": L.ReLU(n.ip2)})
    del n.other
    with pytest.raises(AttributeError):
        _ = n.other
    with pytest.raises(AttributeError, match="NothingParameter"):
        _ = P.Nothing


def test_every_type_finds_its_message():
    names = param_name_dict()
    assert names["Convolution"] == "convolution" and names["InnerProduct"] == "inner_product"
    assert names["Python"] == "python" and names["HDF5Data"] == "hdf5_data"


def test_assigning_to_fields():
    layer = caffe.proto.caffe_pb2.LayerParameter()
    assign_proto(layer, "bottom", "one")
    assign_proto(layer, "param", {"lr_mult": 3})
    assign_proto(layer, "convolution_param", {"pad": [1, 2], "bias_filler": {"value": 0.5}})
    assign_proto(layer, "relu_param", {})
    assert layer.bottom == ["one"] and layer.param[0].lr_mult == 3
    assert layer.convolution_param.pad == [1, 2]
    assert layer.convolution_param.bias_filler.value == 0.5 and layer.HasField("relu_param")
