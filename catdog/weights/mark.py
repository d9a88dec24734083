"""Which run wrote a file of weights, and after how many updates: read without the numbers."""

from pathlib import Path
from typing import NamedTuple

import h5py
from google.protobuf.message import DecodeError

from catdog.data.hdf5_file import hdf5_file, member, stored_bytes
from catdog.errors import CatdogError
from catdog.proto import packed
from catdog.proto.caffe_pb2 import NetParameter
from catdog.proto.parse import parse
from catdog.weights.hdf5 import NET

_FIELDS: packed.Kept = {
    NetParameter.RUN_FIELD_NUMBER: {},
    NetParameter.ITERATION_FIELD_NUMBER: {},
}


class Mark(NamedTuple):
    """A run by its name, empty where a file does not tell, and an iteration."""

    run: str = ""
    iteration: int = 0


def read_mark(path: Path) -> Mark:
    """The mark of a .caffemodel or .caffemodel.h5; an empty one of any other file."""
    try:
        net = parse(NetParameter, packed.only(memoryview(_content(path)), _FIELDS))
    except (OSError, KeyError, ValueError, DecodeError, CatdogError):
        return Mark()
    return Mark(net.run, net.iteration)


def _content(path: Path) -> bytes:
    if not h5py.is_hdf5(path):
        return path.read_bytes()
    with hdf5_file(path) as file:
        carried = member(file, NET)
        return stored_bytes(carried) if isinstance(carried, h5py.Dataset) else b""
