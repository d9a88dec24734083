"""Which run wrote a file of weights."""

from pathlib import Path

import pytest

from catdog.proto.caffe_pb2 import NetParameter
from catdog.weights import Mark, read_mark, weights_of, write_weights
from tests.solver.test_solverstate import edited

FORMATS = Path(__file__).parents[1] / "goldens/formats"


@pytest.mark.parametrize("name", ["x.caffemodel", "x.caffemodel.h5"])
def test_a_mark_written_is_a_mark_read(name: str, tmp_path: Path) -> None:
    net = edited()
    message = NetParameter()
    message.CopyFrom(net.message)
    message.run, message.iteration = "0a1b2c3d", 70
    write_weights(tmp_path / name, weights_of(net, message))
    assert read_mark(tmp_path / name) == Mark("0a1b2c3d", 70)


def test_other_files_have_none(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff" * 9)
    for path in (FORMATS / "model.caffemodel", tmp_path / "x", tmp_path / "nothing"):
        assert read_mark(path) == Mark()
