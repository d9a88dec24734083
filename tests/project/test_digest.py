"""The digest of photos changes with names, labels and sizes, and with nothing else."""

import os
from pathlib import Path

from catdog.project.digest import digest_of
from catdog.project.found import find


def test_what_counts(tmp_path):
    table, zipped = tmp_path / "list.csv", tmp_path / "photos.zip"
    names = [f"{n}.png" for n in range(24)]
    for name in names:
        (tmp_path / name).write_bytes(b"x")

    def digest(text: str, source: Path = table) -> str:
        table.write_text(text)
        return digest_of(find(table), source)

    text = "".join(f"{name},{'ant' if n % 2 else 'bee'}\n" for n, name in enumerate(names))
    first = digest(text)
    os.utime(tmp_path / "0.png", (1, 1))
    # other bytes of the list, the same photos
    assert digest(text.replace(",", " , ")) == first
    others = {digest(text.replace("0.png,bee", "0.png,ant", 1)), digest(text.replace("bee", "cow"))}
    (tmp_path / "0.png").write_bytes(b"xy")
    others.add(digest(text))
    (tmp_path / "0.png").unlink()
    others.add(digest(text))
    for content in (b"PK", b"PK5"):
        zipped.write_bytes(content)
        others.add(digest(text, zipped))
    assert len(others | {first}) == 7
