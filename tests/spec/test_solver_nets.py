"""Which nets a solver trains and tests, each in its state."""

import pytest

from catdog.errors import SpecError
from catdog.proto.caffe_pb2 import TEST, TRAIN
from catdog.spec import read_solver
from catdog.spec.solver_nets import solver_nets

DATA = 'layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 } } }'


@pytest.fixture
def read(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.prototxt").write_text(f'name: "{name}"\n{DATA}\n')

    def read(text):
        path = tmp_path / "solver.prototxt"
        path.write_text(f'base_lr: 0.1 lr_policy: "fixed" max_iter: 1 {text}')
        return read_solver(path)

    return read


def names(spec):
    return [(net.spec.message.name, net.iterations) for net in solver_nets(spec)]


@pytest.mark.parametrize(
    ("text", "trained", "tests"),
    [
        ('net: "a.prototxt"', "a", []),
        ('net: "a.prototxt" test_interval: 5', "a", [("a", None)]),
        ('net: "a.prototxt" test_interval: 5 test_iter: 3', "a", [("a", 3)]),
        ('net: "a.prototxt" test_interval: 5 test_iter: 3 test_iter: 4', "a", [("a", 3), ("a", 4)]),
        ('net: "a.prototxt" test_interval: 5 test_iter: 0', "a", []),
        ('net: "a.prototxt" test_interval: 5 test_iter: 0 test_iter: 4', "a", [("a", 4)]),
        ('train_net: "a.prototxt"', "a", []),
        (
            'train_net: "a.prototxt" test_net: "b.prototxt" test_net: "c.prototxt" '
            "test_iter: 3 test_iter: 4 test_interval: 5",
            "a",
            [("b", 3), ("c", 4)],
        ),
        (
            'net: "a.prototxt" test_net: "b.prototxt" test_iter: 3 test_iter: 4 test_interval: 5',
            "a",
            [("b", 3), ("a", 4)],
        ),
        (f'net_param {{ name: "n" {DATA} }} test_interval: 5', "n", [("n", None)]),
        (
            f'train_net_param {{ name: "n" {DATA} }} test_net_param {{ name: "o" {DATA} }} '
            'test_net: "b.prototxt" test_iter: 1 test_iter: 2 test_interval: 5',
            "n",
            [("o", 1), ("b", 2)],
        ),
    ],
)
def test_nets_of_a_solver(read, text, trained, tests):
    assert names(read(text)) == [(trained, None), *tests]


def test_states_come_from_the_net_the_solver_and_the_command_line(read):
    spec = read(
        'train_net_param { name: "n" state { level: 1 stage: "of_net" } '
        'layer { name: "s" type: "Silence" include { stage: "given" } } } '
        'train_state { level: 2 stage: "of_solver" }'
    )
    state = solver_nets(spec, 3, ["given"])[0].state
    assert (state.phase, state.level) == (TRAIN, 3)
    assert list(state.stage) == ["of_net", "of_solver", "given"]


def test_each_test_net_has_its_state(read):
    spec = read(
        'net: "a.prototxt" test_interval: 5 test_iter: 1 test_iter: 1 '
        'test_state { stage: "one" } test_state { stage: "two" level: 4 }'
    )
    states = [net.state for net in solver_nets(spec)[1:]]
    assert [(state.phase, list(state.stage), state.level) for state in states] == [
        (TEST, ["one"], 0),
        (TEST, ["two"], 4),
    ]


STAGED = DATA[:-1] + ' include { stage: "noisy" } }' + DATA.replace('"d"', '"e"').replace("x", "y")


def test_a_stage_of_the_solver_is_one_of_all_its_nets(read, tmp_path):
    (tmp_path / "a.prototxt").write_text(STAGED)
    spec = read('net: "a.prototxt" test_interval: 1 test_iter: 1 stage: "noisy"')
    assert [list(net.state.stage) for net in solver_nets(spec)] == [["noisy"], ["noisy"]]


def test_a_stage_that_no_layer_looks_at_is_a_mistake(read, tmp_path):
    (tmp_path / "a.prototxt").write_text(STAGED)
    with pytest.raises(SpecError, match='stage "noise"; did you mean "noisy"'):
        solver_nets(read('net: "a.prototxt" stage: "noise"'))


def test_a_stage_of_the_command_line_that_no_layer_looks_at_is_a_mistake(read, tmp_path):
    (tmp_path / "a.prototxt").write_text(STAGED)
    with pytest.raises(SpecError) as caught:
        solver_nets(read('net: "a.prototxt"'), stages=["nosiy"])
    assert str(caught.value) == (
        '--stage: no layer of the net looks at stage "nosiy"; did you mean "noisy"?'
    )


def test_a_file_that_two_nets_name_is_read_once(read):
    train, test = solver_nets(read('net: "a.prototxt" test_interval: 5'))
    assert train.spec is test.spec


def test_the_net_is_tested_where_a_stage_gives_it_data(read, tmp_path):
    (tmp_path / "a.prototxt").write_text(
        STAGED.replace('stage: "noisy"', 'stage: "noisy" phase: TEST')
    )
    assert len(solver_nets(read('net: "a.prototxt" test_interval: 5 stage: "noisy"'))) == 2
