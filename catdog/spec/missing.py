"""What to say of a file that a spec names and that is not there."""

from collections.abc import Callable
from pathlib import Path, PureWindowsPath

from catdog.errors import Fault, did_you_mean
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.spec.read import Spec
from catdog.spec.shipped import NETS, find_net, is_shipped, may_ship, meant


def namesake(name: str, locate: Callable[[str], Path]) -> Path | None:
    """A file of the same name in the working directory or beside the spec, if there is one.

    Paths of another machine, Windows or not, end in a name that often lies there.
    """
    last = PureWindowsPath(name).name
    path = locate(last) if last and last != name else None
    return path if path and path.exists() else None


def is_elsewhere(spec: Spec[SolverParameter], name: str, found: Path) -> bool:
    """Whether a net that ships was found, and the solver's own lies where its paths begin."""
    start = _start(spec, name) if is_shipped(found) else None
    return start is not None and not (start / name).samefile(found)


def no_such_file(spec: Spec[SolverParameter], name: str) -> Fault:
    """The fault of a solver's net that is not there, with the line that names it."""
    keys = ("net", "train_net", "test_net")
    given = {spec.message.net: keys[0], spec.message.train_net: keys[1]}
    key = given.get(name, keys[2])
    anywhere = Path(name).is_absolute() or PureWindowsPath(name).is_absolute()
    looked = "" if anywhere else f" in {Path.cwd()} or beside the solver"
    if not anywhere and may_ship(Path(name), NETS) and not is_shipped(find_net(name)):
        looked += ", and no net that ships with catdog"
    what = f'no such file "{name}"{looked}'
    return Fault(what, _remedy(spec, name, key), spec.where(key=key), field=key)


def _remedy(spec: Spec[SolverParameter], name: str, key: str) -> str:
    if start := _start(spec, name):
        return f"start in {start}, where its paths begin"
    found = namesake(name, spec.locate)
    if found and found != spec.path:
        return f"{found} has that name: write {key}: {found}"
    folder = spec.locate(name).parent
    beside = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    beside = [name for name in beside if name != spec.path.name]
    return did_you_mean(Path(name).name, beside) or meant(Path(name), NETS) or "check the path"


def _start(spec: Spec[SolverParameter], name: str) -> Path | None:
    """The folder above a solver from which the path that it names leads to a file."""
    above = (folder for folder in spec.path.resolve().parents if (folder / name).exists())
    return next(above, None)
