"""Texts in the encodings that they come in."""

import os
import threading

import pytest

from catdog.runtime.text_file import open_text, read_text

TEXT = "ä line\nanother\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_mark_tells_the_encoding(tmp_path, encoding):
    path = tmp_path / "text"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode(encoding))
    assert read_text(path) == TEXT
    with open_text(path) as lines:
        assert next(lines) == "ä line\n"


@pytest.mark.parametrize("text", ["", "a"])
def test_short_texts(tmp_path, text):
    (tmp_path / "text").write_text(text)
    assert read_text(tmp_path / "text") == text


def test_what_is_no_text(tmp_path):
    (tmp_path / "text").write_bytes(b"\x89HDF")
    with pytest.raises(UnicodeError):
        read_text(tmp_path / "text")
    assert read_text(tmp_path / "text", errors="surrogateescape") == "\udc89HDF"


def test_a_pipe_is_read_once(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(TEXT.encode("utf-16"),))
    writer.start()
    assert read_text(path) == TEXT
    writer.join()
