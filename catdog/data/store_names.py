"""Which LMDBs a source names: one, or the shards of a data set."""

from pathlib import Path

from catdog.data.lmdb_store import DATA_FILE
from catdog.errors import DataError
from catdog.runtime.patterns import is_pattern, is_there, whole_matches
from catdog.runtime.text_file import read_text

SHARD = "shard-"
"""How the names of the LMDBs begin that a data set is divided into."""

_LIST = ".txt"


def shard_name(number: int) -> str:
    """The folder of a shard, counted from 0."""
    return f"{SHARD}{number:05d}"


def stores_of(path: Path) -> list[Path]:
    """The LMDBs that a path stands for, in the order of their records.

    That is an LMDB itself; a folder of `shard-*`; a pattern, `train_lmdb/shard-*` or
    `part-{0..3}/train_lmdb`; a text file, `.txt`, with one of these on each line, from the working
    directory or, failing that, the file's folder. Raises DataError where such a file cannot be
    read, and where it or a pattern names nothing, or braces what is not there.
    """
    if path.is_file() and path.suffix == _LIST:
        return _listed(path)
    return _named(path)


def is_store(path: Path) -> bool:
    """Whether a path stands for LMDBs that are there."""
    if path.is_file() and path.suffix != _LIST:
        return False
    try:
        return all((store / DATA_FILE).exists() for store in stores_of(path))
    except DataError:
        return False


def whole_of(store: Path) -> Path:
    """The folder of the shards that an LMDB is one of; else itself."""
    return store.parent if store.name.startswith(SHARD) else store


def _named(path: Path) -> list[Path]:
    if path.is_dir() and not (path / DATA_FILE).exists():
        return sorted(each for each in path.glob(f"{SHARD}*") if each.is_dir()) or [path]
    if path.exists() or not is_pattern(str(path)):
        return [path]
    folders = [each for each in map(Path, whole_matches(str(path))) if each.is_dir()]
    if not folders:
        raise DataError("no folder has such a name", where=str(path), remedy="check the pattern")
    return [store for folder in folders for store in _named(folder)]


def _listed(path: Path) -> list[Path]:
    try:
        lines = [line.strip() for line in read_text(path).splitlines()]
    except (OSError, UnicodeError) as error:
        raise DataError("cannot be read as a list of LMDBs", where=str(path)) from error
    places = [_beside(path, line) for line in lines if line and not line.startswith("#")]
    if not places:
        raise DataError("names no LMDB", where=str(path), remedy="write one on each line")
    return [store for place in places for store in _named(place)]


def _beside(path: Path, name: str) -> Path:
    here = Path(name)
    return here if is_there(here) else path.parent / here
