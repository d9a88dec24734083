"""Names of labels, plain and mixed."""

import numpy as np
import pytest

from catdog.data.class_names import name_of, read_class_names, vector_name
from catdog.errors import DataError

CLASSES = ["cat", "dog", "hen"]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (1, "dog"),
        (7, "7"),
        (0.25, "0.25"),
        ([0, 1, 0], "dog"),
        ([0.5, 0.2, 0.3], "50% cat, 30% hen"),
    ],
)
def test_names(label, name):
    assert name_of(np.float32(label), CLASSES) == name


def test_several_labels():
    assert vector_name(np.float32([1, 0, 0.5]), CLASSES) == "cat, hen 0.5"
    assert vector_name(np.float32([0, 0, 0, 31]), CLASSES) == "3 31"


def test_a_file_of_names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes("\ufeffn01440764 tench, Tinca tinca\r\nhen\r\n\r\n".encode())
    assert read_class_names(path) == ["n01440764 tench, Tinca tinca", "hen"]
    # ImageNet has two classes of one name
    path.write_text("crane\nhen\ncrane\n")
    assert read_class_names(path) == ["crane (0)", "hen", "crane (2)"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "1: an empty line"), (b"a\n\nb", "2: an empty line"), (b"\x80\x81", "no text")],
)
def test_what_are_no_names_is_told(tmp_path, content, words):
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_class_names(tmp_path / "names.txt")
