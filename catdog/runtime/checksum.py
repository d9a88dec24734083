"""SHA-256 of files, and files that end with their own: a change of any byte is noticed."""

import hashlib
from pathlib import Path

_CHUNK = 1 << 20
_SIZE = hashlib.sha256().digest_size


def sha256_of(path: Path, *, without: int = 0) -> bytes:
    """The digest of a file, but for so many bytes at its end."""
    left, digest = path.stat().st_size - without, hashlib.sha256()
    with path.open("rb") as file:
        while left > 0 and (part := file.read(min(_CHUNK, left))):
            digest.update(part)
            left -= len(part)
    return digest.digest()


def seal(path: Path, mark: bytes) -> None:
    """Append a mark and the digest of all that stands before it."""
    digest = sha256_of(path)
    with path.open("ab") as file:
        file.write(mark + digest)


def seal_holds(path: Path, mark: bytes) -> bool | None:
    """Whether a file is as it was when it was sealed; None where it has no seal at its end."""
    length = len(mark) + _SIZE
    if path.stat().st_size < length:
        return None
    with path.open("rb") as file:
        file.seek(-length, 2)
        end = file.read()
    if not end.startswith(mark):
        return None
    return sha256_of(path, without=length) == end[len(mark) :]
