"""What a run was made with: versions, machine, command, and the commit of the working tree."""

import platform
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

#: Seconds that git may take.
_PATIENCE = 5.0
#: In an address: what stands between the user's name and the host, also where it is not quoted.
_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):\S*@")


def versions() -> dict[str, str]:
    """Of catdog, torch, Python and the system."""
    try:
        own = version("catdog-torch")
    except PackageNotFoundError:
        own = "not installed"
    return {
        "catdog": own,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def machine() -> str:
    """The name of this host."""
    return socket.gethostname()


def without_passwords(text: str) -> str:
    """A text with *** in place of the passwords of its addresses, as of postgresql://."""
    return _PASSWORD.sub(r"\1:***@", text)


def command() -> str:
    """The command line of this process, as a shell takes it."""
    return shlex.join(_words(sys.argv))


def command_with(flag: str, value: str) -> str:
    """The command line of this process with a value for a flag, in place of any before."""
    words, left = [], iter(sys.argv)
    for word in left:
        if word == flag:
            next(left, None)
        elif not word.startswith(f"{flag}="):
            words.append(word)
    return shlex.join([*_words(words), flag, value])


def _words(argv: Sequence[str]) -> list[str]:
    """A command line from its first word on: the console command, or Python with a script."""
    name, _, tool = argv[0].partition(" ")
    first = [name, tool] if name == "catdog" and tool else [_python(), argv[0]]
    return [*first, *map(without_passwords, argv[1:])]


def _python() -> str:
    return Path(sys.executable).name or "python"


def device_name(device: str) -> str:
    """A device as a person knows it: `cuda:0 (NVIDIA H200)`."""
    if torch.device(device).type != "cuda" or not torch.cuda.is_available():
        return device
    return f"{device} ({torch.cuda.get_device_name(device)})"


def commit(folder: Path | None = None) -> dict[str, str | bool] | None:
    """Commit of the tree that a folder lies in, and whether files differ from it.

    None outside of a tree, before its first commit, and where git is missing or slow.
    """
    # without the program that a repository may name to watch its files, and without a lock, which
    # would stay where this takes too long
    words = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false"]
    words += ["status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None
    head, *lines = done.stdout.splitlines() or [""]
    name = head.removeprefix("# branch.oid ")
    if name == head or name == "(initial)":
        return None
    return {"commit": name, "dirty": any(not line.startswith("#") for line in lines)}
