"""Pictures as files: by Graphviz where it is there, else by matplotlib."""

import subprocess
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest

from catdog.errors import CatdogError
from catdog.export.draw import RANKDIRS, draw, draw_spec, draw_to_file
from catdog.export.draw import dot as graphviz
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter
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


def test_a_deep_net_shows_one_phase(tmp_path):
    spec, target = tmp_path / "net.prototxt", tmp_path / "net.dot"
    data = 'layer {{ name: "{0}" type: "DummyData" top: "0" include {{ phase: {0} }} }}'
    chain = "".join(
        f'layer {{ name: "r{i}" type: "Power" bottom: "{i}" top: "{i + 1}" }}' for i in range(21)
    )
    spec.write_text(data.format("TRAIN") + data.format("TEST") + chain)
    for arguments, shown in (
        ({}, ["TRAIN"]),
        ({"whole": True}, ["TRAIN", "TEST"]),
        ({"phase": TEST}, ["TEST"]),
    ):
        draw_spec(spec, target, **arguments)
        assert [
            name for name in ("TRAIN", "TEST") if f"<B>{name}</B>" in target.read_text()
        ] == shown
    spec.write_text(data.format("TEST") + chain)
    draw_spec(spec, target)
    assert "<B>TEST</B>" in target.read_text()


def test_the_shapes_of_a_spec(tmp_path):
    spec = tmp_path / "net.prototxt"
    spec.write_text(SIMPLE)
    draw_spec(spec, tmp_path / "net.dot")
    assert "5 × 6 × 4 × 5" in (tmp_path / "net.dot").read_text()
    draw_spec(spec, tmp_path / "net.dot", phase=TRAIN)
    # what cannot be built can be looked at
    spec.write_text(SIMPLE.replace("kernel_size: 2", "kernel_size: 90"))
    draw_spec(spec, tmp_path / "net.dot")
    assert "×" in (tmp_path / "net.dot").read_text()


def test_the_tool(tmp_path):
    spec = tmp_path / "net.prototxt"
    spec.write_text(
        SIMPLE + 'layer { name: "late" type: "Softmax" bottom: "scores" top: "late" '
        "include { phase: TEST } }"
    )
    draw_net.main([str(spec), str(tmp_path / "a.dot")])
    draw_net.main([str(spec), str(tmp_path / "b.dot"), "--phase", "TRAIN", "--rankdir", "BT"])
    texts = [(tmp_path / name).read_text() for name in ("a.dot", "b.dot")]
    assert ["late" in text for text in texts] == [True, False]
    assert "rankdir=BT" in texts[1]
    with pytest.raises(CatdogError, match="rankdir"):
        draw_net.main([str(spec), str(tmp_path / "c.dot"), "--rankdir", "UP"])
