"""What there is to choose from: nets, solvers, weights, devices."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from catdog.cli import inventory
from catdog.errors import CatdogError
from catdog.spec.shipped import shipped_nets, shipped_solvers
from catdog.studio.folders import is_text
from catdog.studio.spec_text import MOST_LETTERS, NET, SOLVER

#: How specs end, and files that are none of a person's own.
_ENDINGS = (".yaml", ".yml", ".prototxt")
_RECORDS = ("dataset.yaml", "project.yaml", "compose.yaml", "mkdocs.yml")
_NET = re.compile(r"^(layers?|input)\b\s*[:{]", re.MULTILINE)
_SOLVER = re.compile(
    r"^(base_lr|lr_policy|max_iter|max_epoch|snapshot_prefix|(train_)?net)\s*:", re.M
)
#: Specs of a folder that are looked at.
_MOST = 500


@dataclass(frozen=True)
class SpecChoice:
    """A net or a solver: the name to ask for it by, where it is from, a sentence about it.

    `net` is what a solver trains.
    """

    name: str
    kind: str
    shipped: bool
    about: str = ""
    net: str = ""


@dataclass(frozen=True)
class WeightsChoice:
    """ImageNet weights by name, whether they are on this machine, and what brings them."""

    name: str
    there: bool
    source: str
    solver: str


def nets(folder: Path) -> list[SpecChoice]:
    """The nets of a folder, then those that ship."""
    shipped = [SpecChoice(each.name, NET, True, each.about) for each in shipped_nets()]
    return [*(each for each in _own(folder) if each.kind == NET), *shipped]


def solvers(folder: Path) -> list[SpecChoice]:
    """The solvers of a folder, then those that ship."""
    shipped = [
        SpecChoice(each.name, SOLVER, True, each.about, _trained(_read(each.path)))
        for each in shipped_solvers()
    ]
    return [*(each for each in _own(folder) if each.kind == SOLVER), *shipped]


def path_of(kind: str, name: str, folder: Path) -> Path:
    """The file of a net or a solver that can be chosen. Raises CatdogError for any other name."""
    shipped = shipped_nets() if kind == NET else shipped_solvers()
    paths = {each.name: each.path for each in shipped}
    paths |= {each.name: folder / each.name for each in _own(folder) if each.kind == kind}
    if name not in paths:
        raise CatdogError(f"no such {kind}", where=name, remedy="choose one of the list")
    return paths[name]


def text_of(kind: str, name: str, folder: Path) -> str:
    """The text of a net or a solver that can be chosen; as `path_of`."""
    return _read(path_of(kind, name, folder))


def weights() -> list[WeightsChoice]:
    """The weights that have a name."""
    return [
        WeightsChoice(
            str(row["name"]),
            not str(row["there"]).startswith("not here"),
            str(row["there"]).removeprefix("not here: "),
            str(row["solver"]),
        )
        for row in inventory.weights(Path(), lambda _: None)
    ]


def devices() -> list[tuple[str, str]]:
    """The devices of this machine: what `--device` takes, and what they are."""
    import torch

    count = torch.cuda.device_count()
    found = [(f"cuda:{at}", torch.cuda.get_device_name(at)) for at in range(count)]
    if torch.backends.mps.is_available():
        found.append(("mps", "the GPU of this Mac"))
    return [*found, ("cpu", "CPU")]


def _own(folder: Path) -> Iterator[SpecChoice]:
    """The nets and solvers below a folder."""
    count = 0
    for path in inventory.files_below(folder):
        if not is_text(str(path)) or path.suffix not in _ENDINGS:
            continue
        if path.name in _RECORDS or path.name.endswith("_run.yaml"):
            continue
        count += 1
        if count > _MOST:
            return
        try:
            status = path.stat()
            if status.st_size <= MOST_LETTERS and (kind := _kind(path, status.st_mtime_ns)):
                name = str(path.relative_to(folder))
                trained = _trained(_read(path)) if kind == SOLVER else ""
                yield SpecChoice(name, kind, False, "", trained)
        except (OSError, CatdogError):
            continue


@lru_cache(maxsize=1024)
def _kind(path: Path, _changed: int) -> str:
    """What a file is by the fields at its beginnings of lines; read again where it has changed."""
    text = _read(path)
    if _NET.search(text):
        return NET
    return SOLVER if len(set(_SOLVER.findall(text))) > 1 else ""


def _trained(text: str) -> str:
    """What the text of a solver names as its net."""
    found = re.search(r"^(?:train_)?net:\s*[\"']?([^\s\"'#]+)", text, re.MULTILINE)
    return found[1] if found else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CatdogError("cannot be read", where=str(path)) from error
