"""SSD's label map: a text file that names the classes of boxes (LabelMap in caffe.proto)."""

from pathlib import Path

from google.protobuf import text_format

from catdog.errors import DataError
from catdog.proto.caffe_pb2 import LabelMap
from catdog.runtime import text_file


def read_label_map(path: Path) -> dict[str, int]:
    """The label of each name. Raises DataError where it cannot be read, has anything twice, or a
    label below 0."""
    try:
        text = text_file.read_text(path)
        found = text_format.Parse(text, LabelMap())
    except (OSError, ValueError) as error:  # ValueError: no text, or a zero byte in the name
        what = getattr(error, "strerror", None) or "is no label map"
        raise DataError(what.lower(), where=str(path), remedy="check label_map_file") from None
    except text_format.ParseError as error:
        what = f"is no label map ({str(error).splitlines()[0]})"
        remedy = 'write item { name: "cat" label: 1 display_name: "cat" } for each class'
        raise DataError(what, where=str(path), remedy=remedy) from None
    labels: dict[str, int] = {}
    for item in found.item:
        if item.label < 0:
            what = f'has the label {item.label} for "{item.name}"'
            raise DataError(what, where=str(path), remedy="count classes from 1; 0 is none of them")
        if item.name in labels or item.label in labels.values():
            what = f'has the name "{item.name}" or the label {item.label} twice'
            raise DataError(what, where=str(path), remedy="give each class one item")
        labels[item.name] = item.label
    if not labels:
        raise DataError("names no classes", where=str(path), remedy="check label_map_file")
    return labels
