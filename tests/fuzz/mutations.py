"""Damage that follows from a number: the same one makes the same file again."""

import random
import re
from collections.abc import Callable, Sequence

#: Numbers of 1, 2, 4 and 8 bytes at which readers go wrong.
_WORDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
#: What stands in no text that a person writes.
_TOKENS = (
    b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"1e-320", b"2147483648",
    b"99999999999999999999", b"9" * 5000, "²".encode(), "é".encode(), b"\xff", b"\x00",
    b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\x85", "\u2028".encode(), b'"', b"'",
    b"\\", b"{", b"}", b"[", b"]", b":", b"- ", b"&a ", b"*a", b"<<: ", b"!!python/object:x ",
    b"!!timestamp ", b"%", b"#", b"\t", b",", b"\n", b"\n\n", b"true", b"null", b"~",
    b"2001-01-01", b"0x10", b"1_000", b"1:30", b"?", b"|", b">", b"---\n", b"\x1b[",
)  # fmt: skip
_NUMBER = re.compile(rb"[-+]?\d[\d.]*(?:[eE][-+]?\d+)?")
_WORD = re.compile(rb"[\w./-]+")
_VARINTS = (b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x0f", b"\xff" * 11, b"\x80\x80\x80\x80\x10")

Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def mutate(samples: Sequence[bytes], seed: str, *, text: bool) -> bytes:
    """One of the samples, damaged in one to four places."""
    rng = random.Random(seed)
    data = bytearray(rng.choice(samples))
    changes = _OF_TEXT if text and rng.random() < 0.8 else _OF_BYTES
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
        rng.choice(changes)(data, rng, samples)
    return bytes(data)


def _place(data: bytearray, rng: random.Random) -> int:
    """Anywhere, the beginning more often: that is where the structure is."""
    end = len(data) if rng.random() < 0.6 else min(len(data), 128)
    return rng.randrange(end) if end else 0


def _span(data: bytearray, rng: random.Random) -> slice:
    at = _place(data, rng)
    return slice(at, at + rng.choice((1, 2, 4, 8, 16, 64, 256)))


def _bit(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _byte(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[_place(data, rng)] = rng.randrange(256)


def _word(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    size = rng.choice((1, 2, 4, 8))
    at = _place(data, rng)
    value = (rng.choice(_WORDS) + rng.choice((0, 0, -1))) % 256**size
    data[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))


def _varint(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, rng)
    data[at : at + 1] = rng.choice(_VARINTS)


def _cut(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    del data[_place(data, rng) :]


def _leave_out(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    del data[_span(data, rng)]


def _repeat(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    span = _span(data, rng)
    data[span] = data[span] * rng.choice((2, 3, 50))


def _insert(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, rng)
    data[at:at] = rng.randbytes(rng.choice((1, 4, 32)))


def _splice(data: bytearray, rng: random.Random, samples: Sequence[bytes]) -> None:
    """A part of another sample, over this one, or to the end."""
    other = bytearray(rng.choice(samples))
    span = _span(other, rng) if rng.random() < 0.7 else slice(_place(other, rng), None)
    at = _place(data, rng)
    end = len(data) if span.stop is None else at + rng.choice((0, len(other[span])))
    data[at:end] = other[span]


def _move(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    part = bytes(data[_span(data, rng)])
    at = _place(data, rng)
    data[at : at + len(part)] = part


def _token(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    at = _place(data, rng)
    data[at:at] = rng.choice(_TOKENS)


def _other_word(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    """A word or a number becomes an odd one, or another word of the text."""
    found = list((_NUMBER if rng.random() < 0.5 else _WORD).finditer(bytes(data)))
    if found:
        one = rng.choice(found)
        new = rng.choice(_TOKENS) if rng.random() < 0.6 else rng.choice(found).group()
        data[one.start() : one.end()] = new


def _line(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    """A line goes, comes twice, or changes its place or its depth."""
    lines = bytes(data).split(b"\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(to, lines[at])
        case 2:
            lines[at], lines[to] = lines[to], lines[at]
        case _:
            lines[at] = rng.choice((b"  ", b"\t", b"- ")) + lines[at]
    data[:] = b"\n".join(lines)


_OF_BYTES: tuple[Change, ...] = (
    _bit, _bit, _byte, _word, _word, _varint, _cut, _leave_out, _repeat, _insert, _splice, _move,
)  # fmt: skip
_OF_TEXT: tuple[Change, ...] = (
    _token, _other_word, _other_word, _other_word, _line, _line, _splice, _repeat, _leave_out, _cut,
)  # fmt: skip
