"""The command that builds the data of a net, where they are not there yet."""

import re
from collections.abc import Iterable
from pathlib import Path

from catdog.data.lmdb_store import BUILT, NotBuilt, as_typed_here
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.runtime.text_file import read_text

#: `#   make lmdb SIZE=64 && python tools/train.py ...`
_BUILDS = re.compile(
    r"^#\s*((?:make lmdb|make cifar10|python tools/create_lmdb\.py|catdog create_lmdb)\b"
    r"[^&\n]*?)\s*(?:&&.*)?$",
    re.M,
)


def build_command(missing: NotBuilt, net: Path, data: Iterable[LayerParameter]) -> str:
    """The command in a comment of the net's text that builds its data; else the usual one, for
    pictures of the size that the data layers crop to."""
    crops = (layer.transform_param.crop_size for layer in data)
    return _in_comment(missing.where, net) or missing.command(max(crops, default=0))


def larger_by(net: Path, data: Iterable[LayerParameter]) -> str:
    """What to add to the remedy for data that `make lmdb` built too small; else nothing."""
    layers = list(data)
    built = [at for layer in layers if (at := Path(layer.data_param.source)).name in BUILT]
    if not built:
        return ""
    return f": `{as_typed_here(build_command(NotBuilt('', built[0]), net, layers))}`"


def _in_comment(data: str, net: Path) -> str:
    """Empty where no comment has one, and for data that are not named in the text."""
    try:
        text = read_text(net)
    except (OSError, UnicodeError):
        return ""
    found = _BUILDS.search(text)
    return found[1] if found and data in text else ""
