"""Digests of files, and files that end with their own."""

import hashlib
from pathlib import Path

from catdog.runtime.checksum import seal, seal_holds, sha256_of


def test_a_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    content = bytes(range(256)) * 5000
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).digest()
    assert sha256_of(path, without=7) == hashlib.sha256(content[:-7]).digest()


def test_a_seal_holds_until_a_byte_changes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert seal_holds(path, b"end") is None
    seal(path, b"end")
    sealed = path.read_bytes()
    assert sealed == b"abcend" + hashlib.sha256(b"abc").digest()
    assert seal_holds(path, b"end") is True
    path.write_bytes(b"abd" + sealed[3:])
    assert seal_holds(path, b"end") is False
    path.write_bytes(sealed[:-1])
    assert seal_holds(path, b"end") is None
