import textwrap
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.errors import CatdogError, LayerError, SpecError
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.spec import override, read_net, read_solver, to_prototxt, to_yaml
from catdog.spec.read import parse_prototxt, parse_yaml
from tests.spec.messages import messages

KINDS = [NetParameter, SolverParameter]


def yaml_net(text: str) -> NetParameter:
    net = NetParameter()
    parse_yaml(textwrap.dedent(text), net, "net.yaml")
    return net


def faults(text: str, parse=parse_yaml, kind=NetParameter, name="net.yaml") -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(textwrap.dedent(text), kind(), name)
    return str(caught.value).splitlines()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS).flatmap(messages))
def test_what_is_written_as_yaml_is_read_back(message):
    again = type(message)()
    parse_yaml(to_yaml(message, header="a\nb"), again, "x.yaml")
    assert again == message


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS).flatmap(messages))
def test_what_is_written_as_prototxt_is_read_back_with_a_tree(message):
    again = type(message)()
    tree = parse_prototxt(to_prototxt(message), again, "x.prototxt")
    assert again == message
    assert {entry.key for entry in tree.entries} == {f.name for f, _ in message.ListFields()}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_message_or_a_spec_error(text):
    for parse in (parse_yaml, parse_prototxt):
        try:
            parse(text, NetParameter(), "x")
        except SpecError as error:
            assert str(error).startswith("x")


def test_one_value_stands_for_a_list_of_one():
    net = yaml_net("layer: {name: a, type: ReLU, bottom: x, top: x}")
    assert [layer.name for layer in net.layer] == ["a"]
    assert list(net.layer[0].bottom) == ["x"]


def test_numbers_are_read_as_the_field_wants_them():
    solver = SolverParameter()
    parse_yaml("base_lr: 1e-3\ngamma: .1\nnet: 12\nsnapshot_prefix: no\n", solver, "s.yaml")
    assert solver.base_lr == pytest.approx(1e-3)
    assert solver.gamma == pytest.approx(0.1)
    assert (solver.net, solver.snapshot_prefix) == ("12", "no")


def test_anchors_merge_keys_and_holders():
    net = yaml_net(
        """
        x-shared: &rate
          param: [{lr_mult: 1}, {lr_mult: 2}]
        layer:
        - &first {name: a, type: ReLU, bottom: x, top: y}
        - {<<: [*first, *rate], name: b}
        """
    )
    assert [layer.name for layer in net.layer] == ["a", "b"]
    assert net.layer[1].bottom == ["x"]
    assert [spec.lr_mult for spec in net.layer[1].param] == [1, 2]


def test_all_faults_of_a_file_at_once():
    assert faults(
        """\
        nme: x
        layer:
        - name: conv2
          type: Convolution
          convolution_param: {kernal_size: 3, num_output: many, pad: -1}
        - name: pool
          type: Pooling
          kernel_size: 2
          pooling_param: {pool: mx}
          top: {a: 1}
        """
    ) == [
        'net.yaml:1:1: unknown field "nme"; did you mean "name"?',
        'net.yaml:5:23: layer "conv2" (Convolution): unknown field "kernal_size"; '
        'did you mean "kernel_size"?',
        'net.yaml:5:39: layer "conv2" (Convolution): "num_output" takes a whole number, not "many"',
        'net.yaml:5:57: layer "conv2" (Convolution): "pad" takes 0 or more, not -1',
        'net.yaml:8:3: layer "pool" (Pooling): unknown field "kernel_size"; '
        "it is a field of convolution_param, pooling_param",
        'net.yaml:9:19: layer "pool" (Pooling): "pool" has no value "mx"; did you mean "MAX"?',
        'net.yaml:10:3: layer "pool" (Pooling): "top" takes a single value, not a block of fields',
    ]


def test_all_faults_of_a_prototxt_at_once():
    text = """\
        name: "x"
        layer { name: "conv2" type: "Convolution"
          convolution_param { kernal_size: 3  num_output: "many" } }
        force_backward: maybe
        """
    assert faults(text, parse_prototxt, name="net.prototxt") == [
        'net.prototxt:3:23: layer "conv2" (Convolution): unknown field "kernal_size"; '
        'did you mean "kernel_size"?',
        'net.prototxt:3:39: layer "conv2" (Convolution): "num_output" takes a whole number, '
        'not "many"',
        'net.prototxt:4:1: "force_backward" takes true or false, not "maybe"',
    ]


def test_a_key_given_twice_shows_the_list_form():
    assert faults("layer: {name: a}\nlayer: {name: b}\n") == [
        'net.yaml:2:1: "layer" is given twice; '
        "write one list: `layer:` and below it lines `- {...}`"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [a, b]", 'net.yaml:1:11: "name" takes one value, not a list'),
        ("layer: {clip_param: {min: 0}}", 'net.yaml:1:21: layer "": "max" is missing'),
        ("name:", "net.yaml:1:6: has no value; give it one or leave the line out"),
        ("layer: [[{name: a}]]", "net.yaml:1:9: a list in a list; write one list"),
        ("- a", "net.yaml:1:1: holds no fields; write `field: value` lines"),
        ("name: {a", "net.yaml:2:1: not YAML"),
        ("layer: &a {name: b, blobs: *a}", "net.yaml:1:8: an anchor holds itself"),
        ("state: {<<: 3}", "net.yaml:1:13: << takes a mapping; write `<<: *anchor`"),
        ("name: !!python/object/apply:os.getcwd []", 'net.yaml:1:1: "name"'),
    ],
)
def test_faults_of_form(text, message):
    found = faults(text)[0] if text[-2:] != "[]" else None
    if found is None:
        # the tag is never looked at, so nothing runs; an empty list sets nothing
        assert yaml_net(text) == NetParameter()
    else:
        assert found.startswith(message)


def test_aliases_of_aliases_end():
    lines = ["x-0: &a0 {name: a, type: b}"]
    lines += [f"x-{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 3)]
    assert "a list in a list" in faults("\n".join(lines))[0]
    wide = "layer: &l {name: a}\n" + "\n".join(
        f"x-{i}: &b{i} {{{', '.join(f'k{j}: *b{i - 1}' for j in range(10))}}}" for i in range(1, 9)
    ).replace("*b0", "*l")
    assert faults(wide)[0].endswith("its aliases repeat more than 50,000 values")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer {", 'x:1:8: a block without its "}" (it begins in line 1)'),
        ('name: "a', "x:1:7: a string without its end"),
        ("name 3", 'x:1:6: expected ":"'),
        ("state <phase: TRAIN", 'x:1:20: a block without its ">" (it begins in line 1)'),
    ],
)
def test_broken_prototxt(text, message):
    assert faults(text, parse_prototxt, name="x") == [message]


def test_prototxt_in_all_its_forms():
    net = NetParameter()
    parse_prototxt(
        "name: 'a' \"b\" # c\nlayer: < bottom: ['x', 'y'], top: 'z'; loss_weight: 1.5f >", net, "x"
    )
    assert net.name == "ab"
    assert list(net.layer[0].bottom) == ["x", "y"]
    assert net.layer[0].loss_weight[0] == 1.5


def test_override():
    solver = SolverParameter(base_lr=1, test_iter=[1, 2])
    changed = override(solver, ["base_lr=1e-2", "test_iter=[7]", "train_state.level=2"])
    assert changed.base_lr == pytest.approx(0.01)
    assert list(changed.test_iter) == [7]
    assert changed.train_state.level == 2
    assert solver.base_lr == 1
    with pytest.raises(SpecError, match=r'--set max_itr=3.*did you mean "max_iter"'):
        override(solver, ["max_itr=3"])
    with pytest.raises(CatdogError, match="no FIELD=VALUE"):
        override(solver, ["max_iter"])


def test_files_that_cannot_be_read(tmp_path: Path):
    (tmp_path / "solver.yaml").write_text("base_lr: 1")
    with pytest.raises(CatdogError, match=r'no such file; did you mean "solver.yaml"'):
        read_solver(tmp_path / "solvr.yaml")
    with pytest.raises(CatdogError, match="is a folder"):
        read_net(tmp_path)
    (tmp_path / "w.caffemodel").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatdogError, match="is not text"):
        read_net(tmp_path / "w.caffemodel")


def test_paths_are_looked_for_beside_the_spec(tmp_path: Path, monkeypatch):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/net.yaml").write_text("name: a")
    monkeypatch.chdir(tmp_path)
    spec = read_net("specs/net.yaml")
    assert spec.locate("net.yaml") == Path("specs/net.yaml")
    assert spec.locate("nowhere.yaml") == Path("nowhere.yaml")
    (tmp_path / "net.yaml").touch()
    assert spec.locate("net.yaml") == Path("net.yaml")


def test_a_layer_error_gets_its_place(tmp_path: Path):
    path = tmp_path / "net.yaml"
    path.write_text("layer:\n- {name: a}\n- name: b\n  pooling_param: {kernel_size: 3}\n")
    spec = read_net(path)
    with pytest.raises(LayerError) as caught, spec.located(), spec.located():
        raise LayerError("no", layer="b", field="kernel_size")
    assert str(caught.value) == f'{path}:4:19: layer "b": no'


def test_whole_numbers_of_64_bits_are_no_text_in_yaml():
    solver = SolverParameter(random_seed=2**40)
    solver.net_param.layer.add(name="x").blobs.add().shape.dim.extend([3, 4])
    fields = yaml.safe_load(to_yaml(solver))
    assert fields["random_seed"] == 2**40
    assert fields["net_param"]["layer"][0]["blobs"][0]["shape"]["dim"] == [3, 4]
