"""A table that grows row by row, and that an interrupted run leaves to go on with.

    submission.csv.part      the rows so far
    submission.csv.part.of   what they were made of

In the end it takes the place of submission.csv.
"""

import csv
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from catdog.errors import CatdogError
from catdog.runtime.files import flush, is_stream, replacing, unwritable
from catdog.runtime.lock import only_one
from catdog.runtime.wording import counted

PART, OF = ".part", ".part.of"
_NAMES = "surrogateescape"


class RowFile:
    """The rows of some items, in the order of these; an item may have none.

    Args:
        path: where they are written, from its end on.
        before: how many are there already; `rows` counts those that come too.
        done: how many of the items need no row any more.
        without: the places of those of them that have none.
    """

    def __init__(
        self, path: Path, before: int = 0, done: int = 0, without: Sequence[int] = ()
    ) -> None:
        self.path, self.before, self.rows = path, before, before
        self.done, self.without = done, without

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        """More rows at the end; none of them waits in this process. Raises Unwritable."""
        try:
            with self.path.open("a", newline="", encoding="utf-8", errors=_NAMES) as file:
                writer = csv.writer(file, lineterminator="\n")
                for row in rows:
                    writer.writerow(row)
                    self.rows += 1
        except OSError as error:
            raise unwritable(self.path, error) from error


@contextmanager
def row_file(
    path: str | Path,
    titles: Sequence[str],
    ids: Sequence[str],
    made_of: Mapping[str, str],
    *,
    resume: bool = False,
    step: int = 1,
) -> Iterator[RowFile]:
    """A file of rows for items of these ids, the first word of each row; it takes its place last.

    With `resume` the rows of an interrupted run stay, up to a multiple of `step` items. `made_of`
    says by digests what rows depend on; raises CatdogError where those rows were made of
    something else. Without a single row nothing is left, and `path` is as it was.
    """
    path = Path(path)
    if is_stream(path):
        if resume:
            raise CatdogError("is no file: there is nothing to go on with", where=str(path))
        with replacing(path) as beside:
            file = RowFile(beside)
            file.add([titles])
            yield file
        return
    target = Path(os.path.realpath(path))
    part, of = (target.with_name(target.name + ending) for ending in (PART, OF))
    busy = "another prediction is writing here"
    with only_one(part, busy, "name another --out", where=str(path)):
        there = _rows_there(part, of, titles, ids, made_of, step) if resume else None
        file = there or _begun(part, of, titles, made_of)
        with _kept(file, of):
            yield file
        _finish(file, target, of)


def _begun(part: Path, of: Path, titles: Sequence[str], made_of: Mapping[str, str]) -> RowFile:
    part.unlink(missing_ok=True)
    with replacing(of) as beside:
        beside.write_text("".join(f"{what}: {digest}\n" for what, digest in made_of.items()))
    file = RowFile(part)
    file.add([titles])
    file.rows = 0
    return file


@contextmanager
def _kept(file: RowFile, of: Path) -> Iterator[None]:
    """Where the work stops, keep rows that there are, and say so; else leave nothing."""
    try:
        yield
    except BaseException as error:
        if file.rows:
            rows = counted(file.rows, "row")
            error.add_note(f"{rows} in {file.path}: the same command with --resume goes on")
        raise
    finally:
        if not file.rows:
            for path in (file.path, of):
                path.unlink(missing_ok=True)


def _finish(file: RowFile, target: Path, of: Path) -> None:
    if not file.rows:
        return
    try:
        flush(file.path)
        file.path.replace(target)
        flush(target.parent)
    except OSError as error:
        raise unwritable(target, error) from error
    of.unlink(missing_ok=True)


def _rows_there(
    part: Path,
    of: Path,
    titles: Sequence[str],
    ids: Sequence[str],
    made_of: Mapping[str, str],
    step: int,
) -> RowFile | None:
    """The rows of an interrupted run, of the same things; None without any."""
    if not part.exists():
        return None
    _check_made_of(of, made_of)
    with part.open("r+b") as file:
        ends, after = _whole_rows(file, titles, ids)
        done = after[-1] // step * step if after else 0
        count = sum(1 for at in after if at <= done)
        if not count:
            return None
        file.truncate(ends[count - 1])
    with_row = {at - 1 for at in after[:count]}
    return RowFile(part, count, done, [at for at in range(done) if at not in with_row])


def _check_made_of(of: Path, made_of: Mapping[str, str]) -> None:
    lines = of.read_text(errors="replace").splitlines() if of.exists() else []
    before = dict(line.split(": ", 1) for line in lines if ": " in line)
    others = [what for what, digest in made_of.items() if before.get(what) != digest]
    if others:
        raise CatdogError(
            f"its rows are of other {' and other '.join(others)}",
            where=str(of.with_suffix("")),
            remedy="repeat the command that was interrupted, or begin anew without --resume",
        )


def _whole_rows(
    file: BinaryIO, titles: Sequence[str], ids: Sequence[str]
) -> tuple[Sequence[int], Sequence[int]]:
    """The ends in bytes of the rows that are whole, and how many items each of them ends."""
    read, ends, after = 0, array("Q"), array("Q")
    is_whole = True

    def lines() -> Iterator[str]:
        nonlocal read, is_whole
        for line in file:
            read += len(line)
            is_whole = line.endswith(b"\n")
            yield line.decode(errors=_NAMES)

    at = 0
    with suppress(csv.Error):
        reader = csv.reader(lines())
        if next(reader, None) != list(titles):
            return ends, after
        for row in reader:
            while at < len(ids) and (not row or ids[at] != row[0]):
                at += 1
            if not is_whole or len(row) != len(titles) or at == len(ids):
                break
            at += 1
            ends.append(read)
            after.append(at)
    return ends, after
