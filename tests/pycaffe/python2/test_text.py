"""Text that was bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.pycaffe.python2 import ByteString, as_bytes, character, decode, encode, number_of
from catdog.pycaffe.python2.file import File, StringIO, opened
from catdog.pycaffe.python2.text import as_text


@given(st.binary())
def test_bytes_go_through_text_without_loss(raw):
    assert as_bytes(as_text(raw)) == raw
    assert "".join(map(character, raw)).encode("utf-8", "surrogateescape") == raw
    assert [number_of(character(byte)) for byte in raw] == list(raw)


def test_a_byte_string_is_text_where_text_is_wanted():
    key = ByteString("0001_é".encode())
    assert key == "0001_é" == f"{key}" == str(key)
    assert key != "0001" and key == "0001_é".encode() and {key: 1}["0001_é"] == 1
    assert key + "x" == "0001_éx" and "x" + key == "x0001_é"
    assert key.split("_") == ["0001", "é"] and key.strip() == "0001_é" and "01" in key
    assert int(key.split("_")[0]) == 1 and key[0] == "0" and key[:4] == "0001"
    assert sorted([ByteString(b"b"), "a"]) == ["a", "b"] and key.startswith(("x", "00"))
    assert bytes(key) == "0001_é".encode() and list(ByteString(b"ab")) == ["a", "b"]


def test_codecs():
    assert decode("é", "utf-8") == decode("é".encode(), "utf-8") == "é"
    assert decode("é", "latin-1") == "Ã©"
    assert encode("é", "utf-8") == "é" and bytes(encode("é", "latin-1")) == b"\xe9"
    assert encode("hi", "hex") == "6869" and decode("6869", "hex") == "hi"

    class Own:
        def encode(self, more):
            return more

    assert encode(Own(), 3) == 3


def test_files_take_both_and_change_no_newline(tmp_path):
    path = str(tmp_path / "file")
    with opened(path, "w") as file:
        file.write("é\r\n")
        file.write(b"\xff\n")
        file.writelines(["a", b"b"])
        assert file.name == path and not file.closed
    assert file.closed
    raw = "é\r\n".encode() + b"\xff\nab"
    with opened(path, "rb") as file:
        assert bytes(file.read()) == raw
    with opened(path) as file:
        assert list(file) == ["é\r\n", "\udcff\n", "ab"]
        file.seek(0)
        assert file.readline() == "é\r\n" and file.readlines() == ["\udcff\n", "ab"]
    with opened(path, "rU") as file:
        assert file.read() == "é\n\udcff\nab"
    with opened(path, "a") as file:
        print("end", file=file)
    assert (tmp_path / "file").read_bytes() == raw + b"end\n"
    with pytest.raises(FileNotFoundError):
        opened("none/at/all")


def test_files_in_memory():
    memory = StringIO()
    memory.write("a\n")
    memory.write(b"\xff")
    assert memory.getvalue() == b"a\n\xff" and isinstance(memory, File)
    memory.seek(0)
    assert memory.readline() == "a\n" and memory.read() == b"\xff"
