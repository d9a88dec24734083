"""Nets of forks in serialised form to text and back."""

import pytest

from catdog.errors import CatdogError
from catdog.export.convert import Conversion, convert
from catdog.proto.caffe_pb2 import NetParameter
from catdog.spec import read_net
from tests.proto.test_forks import layer, part, varint
from tools.convert import main

POOLING = layer("p", "Pooling", part(121, varint(13, 0)))
PERMUTE = layer("a", "Permute", part(202, varint(1, 2)))


@pytest.fixture
def ambiguous(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(POOLING)
    return path


def test_what_may_be_two_things_is_not_guessed(ambiguous, tmp_path):
    wanted = (
        r'net\.caffemodel: layer "p": field 13 of PoolingParameter is round_mode: CEIL in BVLC, '
        r".* or ceil_mode: false in Tiny-DSOD, .*; say whose file it is: --fork BVLC$"
    )
    with pytest.raises(CatdogError, match=wanted):
        convert(Conversion(ambiguous, tmp_path / "net.prototxt"))
    # for the bytes it does not count
    convert(Conversion(ambiguous, tmp_path / "copy.caffemodel"))
    assert (tmp_path / "copy.caffemodel").read_bytes() == POOLING


@pytest.mark.parametrize(
    ("fork", "field"),
    [("BVLC", "round_mode: CEIL"), ("tiny-dsod", "ceil_mode: false"), ("tiny-dsot", None)],
)
def test_a_fork_settles_it(fork, field, ambiguous, tmp_path):
    target = tmp_path / "net.prototxt"
    words = [str(ambiguous), str(target), "--fork", fork]
    if field is None:
        with pytest.raises(CatdogError, match='no fork "tiny-dsot"; did you mean "Tiny-DSOD"'):
            main(words)
        return
    main(words)
    assert field in target.read_text()
    assert "fork" not in target.read_text()
    main([*words[:1], str(tmp_path / "settled.caffemodel"), *words[2:]])
    main([str(tmp_path / "settled.caffemodel"), str(target)])
    assert field in target.read_text()


def test_what_a_text_cannot_have_is_told(ambiguous, tmp_path):
    told = []
    target = tmp_path / "net.prototxt"
    convert(Conversion(ambiguous, target, tell=told.append, fork="IntelCaffe"))
    assert told == [
        "left out, as catdog does not have it: Pooling: avg_include_pad: false (IntelCaffe)"
    ]
    assert not read_net(target).message.layer[0].pooling_param.ListFields()


def test_a_text_gets_the_numbers_of_the_fork_that_is_named(tmp_path):
    source, target = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    source.write_text(
        'name: "n" input: "x" input_shape { dim: 1 dim: 2 dim: 3 dim: 3 }'
        'layer { name: "a" type: "Permute" bottom: "x" top: "y" permute_param { order: 2 } }'
    )
    pb = target.with_suffix(".pb")
    for fork, number in (("", 202), ("frcnn-makefile", 210), ("PytorchToCaffe", 172)):
        convert(Conversion(source, pb, fork=fork))
        assert part(number, varint(1, 2)) in pb.read_bytes()
        convert(Conversion(pb, tmp_path / "again.prototxt"))
        assert read_net(tmp_path / "again.prototxt").message == read_net(source).message


def test_an_old_net_keeps_the_numbers_of_its_fork(tmp_path):
    """Inputs become a layer; the rest is as it was."""
    source, target = tmp_path / "net.pb", tmp_path / "new.pb"
    sizes = b"".join(varint(4, size) for size in (1, 2, 3, 3))
    permute = layer("a", "Permute", part(224, varint(1, 2)))
    source.write_bytes(part(3, b"x") + sizes + permute)
    convert(Conversion(source, target))
    assert target.read_bytes().endswith(permute)
    assert NetParameter.FromString(target.read_bytes()).layer[0].type == "Input"
