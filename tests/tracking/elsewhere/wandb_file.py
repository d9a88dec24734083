"""What an offline run of W&B's has on disk: records of its protobuf in LevelDB's log format."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: A block of the log, the head of the file, the head of a piece: checksum, length, kind.
_BLOCK, _HEAD, _PIECE = 32768, 7, 7
#: Kinds of pieces that end a record.
_FULL, _LAST = 1, 4


def records(folder: Path) -> list[Any]:
    """The records of the only run in a folder of W&B's, oldest first."""
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = folder.glob("*.wandb")
    return [Record.FromString(content) for content in _contents(path.read_bytes())]


def history(listed: list[Any]) -> list[dict[str, Any]]:
    """The rows that were logged."""
    rows = [record.history for record in listed if record.WhichOneof("record_type") == "history"]
    return [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in row.item}
        for row in rows
    ]


def _contents(data: bytes) -> Iterator[bytes]:
    at, whole = _HEAD, b""
    while at + _PIECE <= len(data):
        if _BLOCK - at % _BLOCK < _PIECE:
            at += _BLOCK - at % _BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + _PIECE : at + _PIECE + length]
        at += _PIECE + length
        if kind in (_FULL, _LAST):
            yield whole
            whole = b""
