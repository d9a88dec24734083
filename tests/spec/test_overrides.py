import pytest
from google.protobuf import text_format

from catdog.errors import CatdogError, SpecError
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.spec import Spec, filter_net
from catdog.spec.overrides import changed, of_solver
from catdog.spec.read import parse_prototxt
from catdog.spec.solver_nets import solver_nets

NET = """
net_param {
  layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
    data_param { source: "a" batch_size: 4 } }
  layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
    data_param { source: "b" batch_size: 5 } }
  layer { name: "drop1" type: "Dropout" bottom: "data" top: "data" }
  layer { name: "drop.2" type: "Dropout" bottom: "data" top: "data" }
  layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" param { lr_mult: 3 } }
  layer { name: "quiet" type: "Silence" bottom: "ip" include { phase: TEST } }
}
test_iter: 1 test_interval: 2
"""


@pytest.fixture
def nets(tmp_path):
    message = SolverParameter()
    tree = parse_prototxt(NET, message, "solver.prototxt")
    spec = Spec(message, tmp_path / "solver.prototxt", tree)
    return solver_nets(spec)


def layers(net):
    return {layer.name: layer for layer in filter_net(net.spec.message, net.state).layer}


def both(nets, *assignments):
    return [layers(net) for net in changed(nets, assignments)]


def test_what_is_about_the_solver_is_left_out(nets):
    words = ["base_lr=1", "net=x.yaml", "net.ip.param=1", " test_net.a.b=c", "train_state.level=1"]
    assert of_solver([*words, "net"]) == ["base_lr=1", "net=x.yaml", "train_state.level=1", "net"]
    assert changed(nets, ["base_lr=1"]) == nets


def test_a_field_of_all_nets_of_one_phase_and_of_a_pattern(nets):
    train, test = both(nets, "net.data.data_param.batch_size=7")
    assert train["data"].data_param.batch_size == test["data"].data_param.batch_size == 7
    assert (train["data"].data_param.source, test["data"].data_param.source) == ("a", "b")
    train, test = both(nets, "test_net.data.data_param.source='c d'")
    assert (train["data"].data_param.source, test["data"].data_param.source) == ("a", "c d")
    train, _ = both(nets, "train_net.drop*.dropout_param.dropout_ratio=0.25")
    assert [train[name].dropout_param.dropout_ratio for name in ("drop1", "drop.2")] == [0.25] * 2


def test_layers_of_the_other_phase_stay(nets):
    _, test = changed(nets, ["net.data.data_param.source=c"])
    assert [layer.data_param.source for layer in test.spec.message.layer[:2]] == ["a", "c"]
    assert (test.spec.path, test.spec.tree) == (nets[1].spec.path, nets[1].spec.tree)


def test_a_name_with_a_point_and_a_list(nets):
    train, test = both(
        nets, "net.drop.2.dropout_param.dropout_ratio=0.1", "net.ip.param=[{lr_mult: 1}, {}]"
    )
    assert test["drop.2"].dropout_param.dropout_ratio == pytest.approx(0.1)
    assert not train["drop1"].HasField("dropout_param")
    assert [param.lr_mult for param in train["ip"].param] == [1, 1]


def test_the_nets_that_were_given_stay(nets):
    before = [text_format.MessageToString(net.spec.message) for net in nets]
    changed(nets, ["net.ip.inner_product_param.num_output=3"])
    assert [text_format.MessageToString(net.spec.message) for net in nets] == before


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("net.dorp1.dropout_param.dropout_ratio=1", '"net.dorp1" names no layer; did you mean "dr'),
        ("net.drop12.dropout_param.dropout_ratio=1", r'"net.drop12" names no layer; did you mean'),
        ("train_net.quiet.top=x", '"train_net.quiet" names no layer'),
        ("train_net.x.y=1", r"the layers are data, drop1, drop.2, ip$"),
        ("net.ip=1", '"net.ip" names no layer'),
        ("net.ip.inner_product_param.num_outputs=3", r'--set net.ip.inner.*mean "num_output"'),
        ("net.drop1.dropout_param.dropout_ratio=half", "takes a number"),
        ("net.drop1.dropout_param.dropout_ratio=nan", 'takes a number, not "nan"'),
        ("net.ip.inner_product_param.num_output", "is no FIELD=VALUE"),
    ],
)
def test_what_cannot_be_said(nets, assignment, words):
    with pytest.raises((CatdogError, SpecError), match=words):
        changed(nets, [assignment])


def test_more_layers_than_one_reads_are_not_listed(nets):
    message = nets[0].spec.message
    known = len(layers(nets[0]))
    for number in range(known, 11):
        message.layer.add(name=f"layer{number}", type="Silence")
    with pytest.raises(CatdogError, match=r"--set train_net.x.y=1: .*layer10$"):
        changed(nets, ["train_net.x.y=1"])
    message.layer.add(name="one more", type="Silence")
    with pytest.raises(CatdogError, match=r"names no layer; see tools/summarize.py$"):
        changed(nets, ["train_net.x.y=1"])
