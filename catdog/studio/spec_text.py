"""The text of a net or a solver that is no file yet: what it is written in, and its places."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from catdog.errors import Fault, SpecError
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.spec import Spec
from catdog.spec.read import net_of_text, solver_of_text

YAML, PROTOTXT = "yaml", "prototxt"
NET, SOLVER = "net", "solver"
#: Letters of a text and layers of a net; the largest nets of Caffe's model zoo have a third.
MOST_LETTERS, MOST_LAYERS = 500_000, 3_000

#: `layer {` and `include < `: no YAML has a block after a bare word.
_BLOCK = re.compile(r"^[ \t]*\w+(?:[ \t\r]*\n)?[ \t]*[{<]", re.MULTILINE)
#: `- name: conv1` and `transform_param:` with nothing behind it: no prototxt has them.
_NESTED = re.compile(r"^[ \t]*-\s|^[ \t]*\w+:[ \t\r]*(#.*)?$", re.MULTILINE)
_KEY = re.compile(r"^(\w+):", re.MULTILINE)
_PLACE = re.compile(r"(?P<path>.*):(?P<line>\d+):(?P<column>\d+)", re.DOTALL)


@dataclass(frozen=True)
class DraftFault:
    """A fault of a draft: in which text, where, what is wrong and what to do about it.

    `text` is NET or SOLVER; line and column count from 1 and are 0 where the whole text is meant.
    """

    text: str
    line: int
    column: int
    what: str
    remedy: str = ""


def form_of(text: str) -> str:
    """YAML or PROTOTXT, whichever a text looks like; fields alone are the same in both."""
    if _BLOCK.search(text):
        return PROTOTXT
    keys = _KEY.findall(text)
    return PROTOTXT if len(keys) > len(set(keys)) and not _NESTED.search(text) else YAML


def path_of(kind: str, text: str, folder: Path) -> Path:
    """The path that places in a text are told with; no file need be there."""
    return folder / f"{kind}.{form_of(text)}"


def read_net_text(text: str, folder: Path, faults: list[Fault]) -> Spec[NetParameter] | None:
    """The net of a text; None where it is none, with its faults in the list."""
    path = path_of(NET, text, folder)
    try:
        _check_length(text, path)
        found = net_of_text(text, path, faults)
        if len(found.message.layer) > MOST_LAYERS:
            what = f"has {len(found.message.layer):,} layers, more than {MOST_LAYERS:,}"
            raise SpecError([Fault(what, "train it on the command line", f"{path}:1:1")])
    except SpecError as error:
        faults += error.faults
        return None
    return found


def read_solver_text(text: str, folder: Path, faults: list[Fault]) -> Spec[SolverParameter] | None:
    """The solver of a text; as `read_net_text`."""
    path = path_of(SOLVER, text, folder)
    try:
        _check_length(text, path)
        return solver_of_text(text, path, faults)
    except SpecError as error:
        faults += error.faults
        return None


def _check_length(text: str, path: Path) -> None:
    if len(text) > MOST_LETTERS:
        what = f"has {len(text):,} letters, more than {MOST_LETTERS:,}"
        raise SpecError([Fault(what, "train it on the command line", f"{path}:1:1")])


def placed(fault: Fault, folder: Path) -> DraftFault:
    """A fault with its place taken apart."""
    match = _PLACE.fullmatch(fault.where)
    path = Path(match["path"] if match else fault.where)
    line, column = (int(match["line"]), int(match["column"])) if match else (0, 0)
    named = path.parent == folder and path.stem in (NET, SOLVER)
    text = path.stem if named else (NET if fault.layer else SOLVER)
    # what is said of another place than these texts needs it
    where = "" if named or not fault.where else f"{fault.where}: "
    layer = f'layer "{fault.layer}": ' if fault.layer else ""
    shown = replace(fault, where="", layer="", remedy="", what=f"{where}{layer}{fault.what}")
    here = f"{folder}/"
    return DraftFault(
        text, line, column, str(shown).replace(here, ""), fault.remedy.replace(here, "")
    )
