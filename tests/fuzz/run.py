"""Look for inputs that end in anything but one line, guided by what of catdog they run.

  python -m tests.fuzz.run caffemodel --minutes 10

What is found lies in OUT/FORMAT/, an input of each kind. With atheris (the extra `fuzz`) inputs
that reach new lines are kept and damaged further; without it mutations are tried as in `make test`.
"""

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import atheris
except ImportError:
    atheris = None

if atheris is not None:
    with atheris.instrument_imports(include=["catdog"]):
        from tests.fuzz import child
else:
    from tests.fuzz import child
from tests.fuzz.mutations import mutate
from tests.fuzz.targets import TARGETS

_LONGEST = 64 << 10
#: The first of the plain mutations that `make test` does not try.
_FIRST = 1_000_000
#: How libFuzzer ends where a reader has killed the process.
_GRIEF = (70, 71, 72, 77)


class Search:
    """The inputs of a format that were tried, and those with trouble."""

    def __init__(self, form: str, folder: Path) -> None:
        self.target, self.folder = TARGETS[form], folder
        self.place = Path(tempfile.mkdtemp(prefix=f"fuzz-{form}-"))
        self.known = {path.read_text() for path in folder.glob("*.txt")}

    def try_input(self, data: bytes) -> None:
        """Read an input; trouble of a new kind is written down."""
        told = child.trouble(self.target, self.place, data)
        kind = told.partition(": ")[0]
        if told and kind not in self.known:
            self.known.add(kind)
            name = hashlib.sha256(data).hexdigest()[:12]
            (self.folder / name).write_bytes(data)
            (self.folder / f"{name}.txt").write_text(kind)
            print(f"{name}: {told}", flush=True)


def _guided(search: Search, form: str, seconds: float) -> int:
    """Let atheris search in a process of its own; its exit code."""
    corpus = search.folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, sample in enumerate(search.target.samples()):
        (corpus / f"sample{number}").write_bytes(sample)
    samples = search.target.samples()

    def changed(data: bytes, most: int, seed: int) -> bytes:
        if seed % 3 == 0:
            return bytes(atheris.Mutate(data, most))
        return mutate([data, *samples], str(seed), text=search.target.text)[:most]

    options = [
        f"-max_total_time={max(1, int(seconds))}", f"-max_len={_LONGEST}", "-timeout=30",
        "-rss_limit_mb=6000", "-verbosity=0", "-print_final_stats=1",
        f"-artifact_prefix={search.folder}/died-", str(corpus),
    ]  # fmt: skip
    pid = os.fork()
    if not pid:
        atheris.Setup([form, *options], search.try_input, custom_mutator=changed)
        atheris.Fuzz()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _plain(search: Search, form: str, seconds: float) -> int:
    end, number = time.monotonic() + seconds, _FIRST
    while time.monotonic() < end:
        search.try_input(child.mutation(form, number))
        number += 1
    print(f"{form}: {number - _FIRST:,} inputs")
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("format", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, default=Path("fuzz"))
    args = parser.parse_args()
    folder = args.out / args.format
    folder.mkdir(parents=True, exist_ok=True)
    run: Callable[[Any, str, float], int] = _plain if atheris is None else _guided
    end, code = time.monotonic() + 60 * args.minutes, 0
    while (left := end - time.monotonic()) > 1:
        # a reader that dies takes the process along: its input lies in the folder
        code = run(Search(args.format, folder), args.format, left)
        if code in _GRIEF or code < 0:
            print(f"{args.format}: died ({code}), see {folder}/died-*", flush=True)
        elif code:
            sys.exit(code)


if __name__ == "__main__":
    main()
