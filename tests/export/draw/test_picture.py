"""Pictures as files: by Graphviz where it is there, else by matplotlib."""

import re
import subprocess
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest

from catdog.errors import CatdogError
from catdog.export.draw import RANKDIRS, Depicted, draw, draw_spec, draw_to_file
from catdog.export.draw import dot as graphviz
from catdog.proto.caffe_pb2 import TEST, NetParameter
from catdog.spec.read import parse_prototxt
from tests.pycaffe.nets import DEPLOY, SIMPLE
from tools import draw_net


@pytest.fixture
def net():
    message = NetParameter()
    parse_prototxt(DEPLOY, message, "net")
    return message


@pytest.fixture(autouse=True)
def without_graphviz(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)


def test_png_shows_the_boxes_in_their_colours(net):
    picture = cv2.imdecode(np.frombuffer(draw(net), np.uint8), cv2.IMREAD_COLOR)
    height, width, _ = picture.shape
    assert width > 3 * height
    blue = (np.abs(picture.astype(int) - (0xFB, 0xE3, 0xCF)).max(2) < 3).sum()
    assert blue > 3000


@pytest.mark.parametrize("rankdir", RANKDIRS)
def test_the_flow_goes_where_it_is_told(net, rankdir):
    root = ET.fromstring(draw(net, form="svg", rankdir=rankdir))
    width, height = (float(root.get(side).removesuffix("pt")) for side in ("width", "height"))
    assert (width > height) == (rankdir in ("LR", "RL"))


def test_text_for_graphviz_names_every_layer(net):
    text = draw(net, form="dot", rankdir="TB", shapes={"conv": (4, 5, 4, 4)}).decode()
    assert text.startswith("digraph net {") and "rankdir=TB" in text
    for layer in net.layer:
        assert f"<B>{layer.name}</B>" in text
    assert "4 × 5 × 4 × 4" in text and "0 -> 1" in text


def test_names_that_are_special_in_dot_and_in_formulas():
    net = NetParameter(name='a "net" \\ <b>')
    net.layer.add(name="<a&b> $x_1$", type="Input", top=["data"])
    text = draw(net, form="dot").decode()
    assert "&lt;a&amp;b&gt; $x_1$" in text and 'label="a \\"net\\" \\\\ <b>"' in text
    assert draw(net).startswith(b"\x89PNG")


def test_graphviz_draws_where_it_is_there(net, monkeypatch):
    given = {}

    def run(command, *, input, **_):  # noqa: A002 the name of subprocess.run
        given["command"], given["input"] = command, input
        return subprocess.CompletedProcess(command, 0, stdout=b"picture")

    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    assert draw(net, form="gif") == b"picture"
    assert given["command"] == ["dot", "-Tgif"] and given["input"].startswith(b"digraph")


def test_graphviz_may_fail(monkeypatch):
    def run(command, **_):
        raise subprocess.CalledProcessError(1, command, stderr=b'Format: "x" unknown\nmore')

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(CatdogError, match='dot: cannot draw: Format: "x" unknown'):
        graphviz.picture("digraph {}", "x")


def test_forms_and_directions_that_are_not_known(net, tmp_path):
    with pytest.raises(CatdogError, match='cannot write "gif" without Graphviz; use one of png'):
        draw_to_file(net, tmp_path / "net.gif")
    with pytest.raises(CatdogError, match='no direction "XY"; one of LR'):
        draw(net, rankdir="XY")
    assert not list(tmp_path.iterdir())


def test_a_net_of_no_layers_and_a_large_one():
    assert draw(NetParameter()).startswith(b"\x89PNG")
    deep = NetParameter()
    deep.layer.add(name="data", type="Input", top=["0"])
    for i in range(300):
        deep.layer.add(name=f"conv{i}", type="Convolution", bottom=[str(i)], top=[str(i + 1)])
    assert draw(deep, form="svg").count(b'<g id="text_') > 600


def sides(content: bytes) -> tuple[int, int]:
    height, width, _ = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape
    return width, height


def test_a_deep_net_goes_down_in_columns_and_stays_small(net, monkeypatch):
    deep = NetParameter()
    deep.layer.add(name="data", type="Input", top=["0"])
    for i in range(25):
        deep.layer.add(
            name=f"a longer name {i}", type="Convolution", bottom=[str(i)], top=[str(i + 1)]
        )
    width, height = sides(draw(deep))
    assert max(width, height) < 6000
    assert 0.5 < width / height < 2
    # as it is told, but no larger, and the text smaller
    width, height = sides(draw(deep, rankdir="LR"))
    assert width == 6000 > 10 * height
    assert b"rankdir=TB" in draw(deep, form="dot")
    assert b"rankdir=LR" in draw(net, form="dot")
    # dot knows no columns
    monkeypatch.setattr(graphviz, "picture", lambda *_: b"by dot")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert draw(net) == draw(deep, form="gif") == b"by dot" != draw(deep)


STATES = """name: "Net"
layer { name: "d1" type: "DummyData" top: "data" include { phase: TRAIN }
  dummy_data_param { shape { dim: 5 dim: 2 } } }
layer { name: "d2" type: "DummyData" top: "data" include { phase: TEST stage: "one" }
  dummy_data_param { shape { dim: 7 dim: 3 } } }
layer { name: "d3" type: "DummyData" top: "data" include { phase: TEST stage: "two" }
  dummy_data_param { shape { dim: 8 dim: 4 } } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 6 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "fc" bottom: "fc" top: "l"
  include { phase: TRAIN } }
layer { name: "fine" type: "Power" bottom: "fc" top: "fine" include { min_level: 2 } }
"""


@pytest.fixture
def drawn(tmp_path, capsys):
    """A function: the names and sizes that the tool draws of STATES, its lines, its warnings."""
    spec, target = tmp_path / "net.prototxt", tmp_path / "net.dot"
    spec.write_text(STATES)

    def run(*words):
        draw_net.main([str(spec), str(target), *words])
        text, (out, err) = target.read_text(), capsys.readouterr()
        names = re.findall(r"<B>(\w+)</B>", text)
        sizes = re.findall(r">([^<]* × [^<]*)<", text)
        title = re.search(r'label="([^"]*)"; labelloc', text)
        return names, sizes, title[1], out.strip().removeprefix(f"{target}: "), err

    return run


def test_a_picture_shows_one_state_and_says_which(drawn):
    names, sizes, title, line, _ = drawn()
    assert names == ["d1", "fc", "loss"] and sizes == ["5 × 2", "5 × 6"]
    assert title == "Net: TRAIN"
    assert line == (
        "TRAIN; for other layers: --phase TEST; --phase TEST --stage one; "
        "--phase TEST --stage two; --level 2"
    )
    names, sizes, title, line, _ = drawn("--phase", "TEST", "--stage", "two", "--level", "2")
    assert names == ["d3", "fc", "fine"] and sizes == ["8 × 4", "8 × 6", "8 × 6"]
    assert title == "Net: TEST, stage two, level 2"
    assert line.endswith("layers: --phase TRAIN; --stage two,one")


def test_a_state_that_cannot_be_built_is_drawn_without_sizes(drawn):
    names, sizes, title, _, told = drawn("--phase", "TEST")
    assert names == ["fc"] and not sizes and title == "Net: TEST"
    assert told.startswith("no sizes in the picture, for the net cannot be built: ")
    assert 'layer "d2", which makes it, is only there with --stage one' in told


def test_all_layers_have_no_sizes(drawn):
    names, sizes, title, line, _ = drawn("--phase", "ALL")
    assert names == ["d1", "d2", "d3", "fc", "loss", "fine"] and not sizes
    assert title == "Net: all layers of all states"
    assert line == "all layers of all states; to see one of them: --phase TRAIN"


def test_a_stage_that_no_layer_looks_at_is_not_drawn(drawn, tmp_path):
    with pytest.raises(CatdogError, match=r'--stage: no layer .* "tow"; did you mean "two"'):
        drawn("--stage", "tow")
    assert not (tmp_path / "net.dot").exists()


def test_a_shape_of_no_blob_is_not_drawn(drawn, tmp_path):
    with pytest.raises(CatdogError, match=r'--shape: no blob .* "dat"; did you mean "data"'):
        drawn("--shape", "dat=1,2")
    assert not (tmp_path / "net.dot").exists()


def test_a_phase_is_chosen_by_the_data(tmp_path):
    spec, target = tmp_path / "net.prototxt", tmp_path / "net.dot"
    data = 'layer {{ name: "{0}" type: "DummyData" top: "0" include {{ phase: {0} }} }}'
    spec.write_text(data.format("TEST"))
    assert draw_spec(spec, target) == f"{target}: TEST; for other layers: --phase TRAIN"
    assert "<B>TEST</B>" in target.read_text()
    spec.write_text(data.format("TEST") + data.format("TRAIN"))
    assert draw_spec(spec, target).startswith(f"{target}: TRAIN;")


def test_a_net_without_rules_has_one_state(tmp_path):
    spec, target = tmp_path / "net.prototxt", tmp_path / "net.dot"
    spec.write_text(DEPLOY)
    assert draw_spec(spec, target) == f"{target}: the net, which is the same in each state"
    assert 'label="deploy";' in target.read_text()


def test_the_stages_of_the_net_itself_count(tmp_path):
    spec, target = tmp_path / "net.prototxt", tmp_path / "net.dot"
    spec.write_text('state { phase: TEST stage: "two" } ' + STATES)
    assert draw_spec(spec, target, Depicted(TEST)).startswith(f"{target}: TEST, stage two;")
    assert "<B>d3</B>" in target.read_text()


def test_shapes_of_data_that_are_not_there(tmp_path, capsys):
    spec, target = tmp_path / "net.prototxt", tmp_path / "net.dot"
    spec.write_text(
        'layer { name: "d" type: "Data" top: "data" data_param { source: "no" batch_size: 9 } }'
    )
    draw_net.main([str(spec), str(target)])
    assert "data was assumed to be 9 x 3 x 227 x 227" in capsys.readouterr().err
    draw_net.main([str(spec), str(target), "--shape", "data=9,1,28,28"])
    assert "9 × 1 × 28 × 28" in target.read_text() and not capsys.readouterr().err


def test_the_shapes_of_a_spec(tmp_path):
    spec = tmp_path / "net.prototxt"
    spec.write_text(SIMPLE)
    draw_spec(spec, tmp_path / "net.dot")
    assert "5 × 6 × 4 × 5" in (tmp_path / "net.dot").read_text()
    # what cannot be built can be looked at
    spec.write_text(SIMPLE.replace("kernel_size: 2", "kernel_size: 90"))
    told: list[str] = []
    draw_spec(spec, tmp_path / "net.dot", tell=told.append)
    assert "<B>conv</B>" in (tmp_path / "net.dot").read_text()
    assert len(told) == 1 and 'layer "conv"' in told[0]


def test_the_tool(tmp_path):
    spec = tmp_path / "net.prototxt"
    spec.write_text(SIMPLE)
    draw_net.main([str(spec), str(tmp_path / "b.dot"), "--rankdir", "BT"])
    assert "rankdir=BT" in (tmp_path / "b.dot").read_text()
    with pytest.raises(CatdogError, match="rankdir"):
        draw_net.main([str(spec), str(tmp_path / "c.dot"), "--rankdir", "UP"])
