import pytest

from catdog.errors import SpecError
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.spec import read_net, read_solver
from catdog.spec.read import read_spec


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.yaml", "name: x\nlayer: [{name: r, type: ReLU, bottom: a, top: a}]", NetParameter),
        ("a.prototxt", 'input: "data" input_shape { dim: 1 }', NetParameter),
        ("a.yaml", "net: x.yaml\nbase_lr: 0.1", SolverParameter),
        ("a.prototxt", 'train_net: "x"', SolverParameter),
        ("a.yaml", "", NetParameter),
    ],
)
def test_the_fields_say_what_it_is(tmp_path, name, text, kind):
    path = tmp_path / name
    path.write_text(text)
    assert type(read_spec(path).message) is kind


def test_faults_are_those_of_what_it_is_most_likely(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("net: x.yaml\nbase_lr: 0.1\nmomentun: 0.9")
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    (fault,) = caught.value.faults
    assert 'did you mean "momentum"?' in str(fault)
    path.write_text("name: x\nlayerr: {name: a}")
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert 'did you mean "layer"?' in str(caught.value)


def test_one_line_for_a_net_in_place_of_a_solver_and_the_reverse(tmp_path):
    net, solver = tmp_path / "net.yaml", tmp_path / "solver.prototxt"
    net.write_text("name: x\nlayer:\n" + "- {name: r, type: ReLU, bottom: a, top: a}\n" * 9)
    solver.write_text('net: "net.yaml"\nbase_lr: 0.1\nlr_policy: "fixed"\n')
    with pytest.raises(SpecError) as caught:
        read_net(solver)
    assert str(caught.value) == f"{solver}: is a solver, not a net; its net is net.yaml"
    with pytest.raises(SpecError) as caught:
        read_solver(net)
    assert str(caught.value) == (
        f"{net}: is a net, not a solver; name a solver, which names its net: `net: {net}`"
    )
