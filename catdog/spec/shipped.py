"""The nets and solvers that ship with catdog, and where a net or a solver that is named is found.

`quick`, `quick.yaml` and `solvers/quick.yaml` are looked for in the working directory, then in the
folder of the spec that names them, then among those that ship: in a checkout the net_specs/ and
solvers/ at its top, in an installed catdog those of the package. Any other path is that path.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from catdog.errors import CatdogError, did_you_mean

NETS, SOLVERS = "net_specs", "solvers"
#: What a folder holds.
_WORDS = {NETS: "net", SOLVERS: "solver"}
_PACKAGE = Path(__file__).resolve().parents[1]
_SENTENCE = re.compile(r".*?\.(?=\s|$)")


@dataclass(frozen=True)
class ShippedSpec:
    """A net or a solver that ships: its name, its file, the first sentence of its comment."""

    name: str
    path: Path
    about: str


def shipped_nets() -> list[ShippedSpec]:
    """The nets that ship, in order of their names."""
    return [ShippedSpec(path.stem, path, _about(path)) for path in _files(NETS)]


def shipped_solvers() -> list[ShippedSpec]:
    """The solvers that ship, in order of their names."""
    return [ShippedSpec(path.stem, path, _about(path)) for path in _files(SOLVERS)]


def find_net(name: str | Path, beside: Path | None = None) -> Path:
    """The file of a net; `beside` is the spec that names it.

    A file that is not there is the path as it was written: reading it says where it was looked for.
    """
    return _find(name, NETS, beside)


def find_solver(name: str | Path) -> Path:
    """The file of a solver, as `find_net`."""
    return _find(name, SOLVERS)


def find_spec(name: str | Path) -> Path:
    """The file of a net or a solver, as `find_net`; CatdogError where the name fits both."""
    if Path(name).is_dir():
        # a store, or a mistake
        return Path(name)
    found = {kind: _find(name, kind) for kind in _WORDS}
    there = {kind: path for kind, path in found.items() if path.is_file()}
    if len(set(there.values())) > 1:
        either = " or ".join(f"{kind}/{path.name}" for kind, path in there.items())
        what = "is the name of a net and of a solver"
        raise CatdogError(what, where=str(name), remedy=f"write {either}")
    return next(iter(there.values()), Path(name))


def is_shipped(path: Path) -> bool:
    """Whether a file is one of those that ship."""
    whole = path.resolve()
    return whole in _files(whole.parent.name)


def shipped_note(path: Path) -> str:
    """A line that says that a net or solver that ships was taken; nothing for any other file.

    Nothing for one that was found in the working directory either, at the top of a checkout.
    """
    if path not in _files(path.parent.name):
        return ""
    return f"{_WORDS[path.parent.name]} {path.stem}: {path}, which ships with catdog"


def no_such_spec(name: Path, *kinds: str) -> CatdogError:
    """The error for a net or solver that is not there; `kinds` are NETS, SOLVERS, both or none."""
    beside = [each.name for each in name.parent.iterdir()] if name.parent.is_dir() else []
    shipped = [kind for kind in kinds if may_ship(name, kind)]
    if not shipped:
        remedy = did_you_mean(name.name, beside) or "check the path"
        return CatdogError("no such file", where=str(name), remedy=remedy)
    words = " and ".join(f"{_WORDS[kind]}s" for kind in shipped)
    return CatdogError(
        f"no such file in {Path.cwd()}, and none of the {words} that ship with catdog",
        where=str(name),
        remedy=did_you_mean(name.name, beside)
        or meant(name, *kinds)
        or "`catdog list` names those",
    )


def meant(name: Path, *kinds: str) -> str:
    """`did you mean "x"?` with the net or solver that ships whose name is nearest, or nothing."""
    known = [path.stem for kind in kinds if may_ship(name, kind) for path in _files(kind)]
    # names here are short: three letters of seven are no likeness
    return did_you_mean(name.stem, known, alike=0.7)


def _find(name: str | Path, kind: str, beside: Path | None = None) -> Path:
    given = Path(name).expanduser()
    folders = [Path(), *([beside.parent] if beside else [])]
    places = [folder / each for folder in folders for each in _readings(given, kind)]
    if may_ship(given, kind):
        places += [path for path in _files(kind) if path.stem == given.stem]
    # a folder of that name is no spec; a pipe is
    there = (path for path in places if path.exists() and not path.is_dir() and path != beside)
    return next(there, given)


def _readings(name: Path, kind: str) -> Iterator[Path]:
    """What a name may stand for in a folder: itself, or a file in the folder of its kind."""
    yield name
    if may_ship(name, kind):
        yield name.with_suffix(".yaml")
        yield Path(kind, f"{name.stem}.yaml")


def may_ship(name: Path, kind: str) -> bool:
    """Whether what ships is called by such a name: `x`, `x.yaml`, or that in its folder."""
    return name.name != "" and name.suffix in ("", ".yaml") and str(name.parent) in (".", kind)


@cache
def _files(kind: str) -> tuple[Path, ...]:
    if kind not in _WORDS:
        return ()
    folder = _PACKAGE / kind
    # in a checkout they stand at its top
    folder = folder if folder.is_dir() else _PACKAGE.parent / kind
    return tuple(sorted(folder.glob("*.yaml")))


def _about(path: Path) -> str:
    """The first sentence of the comment that a spec opens with."""
    words: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.removeprefix("#").strip()
        if not line.startswith("#") or not text:
            break
        words.append(text)
    whole = " ".join(words)
    found = _SENTENCE.match(whole)
    return found[0] if found else whole
