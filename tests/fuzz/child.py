"""A process that reads many damaged files, and may die of one."""

import os
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import torch

from catdog.errors import CatdogError
from tests.fuzz.mutations import mutate
from tests.fuzz.targets import TARGETS, Target, check

#: Bytes that a reader may take beside what the process has.
_ROOM = 3 << 30
#: Seconds for a file of a few kilobytes, on a machine that has other things to do too.
_PATIENCE = 30
_SHOWN = 3


def mutation(form: str, number: int) -> bytes:
    """The mutation of a format with a number."""
    target = TARGETS[form]
    return mutate(target.samples(), f"{form} {number}", text=target.text)


def trouble(target: Target, folder: Path, data: bytes) -> str:
    """What went wrong as a file was read, with where; nothing where all is well."""
    path = folder / target.file
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    try:
        with warnings.catch_warnings():
            # a warning would be a second line
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DeprecationWarning)
            target.read(path)
    except CatdogError as error:
        try:
            check(error)
        except AssertionError as fault:
            return f"{type(error).__name__} {fault}"
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if f"{os.sep}catdog{os.sep}" in f.filename]
        at = ours[-1] if ours else frames[-1]
        return f"{Path(at.filename).name}:{at.lineno}: {type(error).__name__}: {error}"[:400]
    return ""


def in_a_child(work: Callable[[], Iterable[str]], note: Path) -> str:
    """Do something in a process of its own; what it told, and how it ended if not well."""
    child = os.fork()
    if not child:
        try:
            _limit()
            told = list(work())
            note.write_text("\n".join(told))
            os._exit(bool(told))
        except BaseException:
            note.write_text(f"{note.read_text()}\n{traceback.format_exc()}")
        os._exit(70)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not code:
        return ""
    died = f"ended by {signal.Signals(-code).name} at " if code < 0 else ""
    return f"{died}{note.read_text()}"


def read_mutations(form: str, numbers: Iterable[int], folder: Path, note: Path) -> Iterable[str]:
    """Read these mutations; gives the first troubles, each kind once."""
    found: dict[str, str] = {}
    for number in numbers:
        data = mutation(form, number)
        note.write_text(f"mutation {number} of {form}")
        signal.alarm(_PATIENCE)
        told = trouble(TARGETS[form], folder, data)
        signal.alarm(0)
        if told:
            found.setdefault(told.partition(": ")[0], f"mutation {number} of {form}: {told}")
    return list(found.values())


def _limit() -> None:
    """No more memory than there is need for; no core, and no threads that a fork has lost."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + _ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    # what native readers say of each file
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    os.dup2(sink, sys.__stdout__.fileno() if sys.__stdout__ else 1)
