"""The command line with which a run goes on."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from catdog.errors import CatdogError
from catdog.studio.place import StudioFolder
from catdog.studio.trust import leads_out
from catdog.tracking.runs import RunRecord

#: Flags of `catdog train` that a page may repeat, with whether each has a value.
_VALUED = "solver freeze level stage gpu device epochs lr batch class-weights set amp resources log"
_PLAIN = "cache-features compile force tensorboard"
_FLAGS = {
    **dict.fromkeys((f"--{name}" for name in _VALUED.split()), True),
    **dict.fromkeys((f"--{name}" for name in _PLAIN.split()), False),
}
_BY_HAND = "go on with the command line"


def words_to_go_on(run: RunRecord, place: StudioFolder, max_iter: int = 0) -> tuple[str, ...]:
    """The words of a command line that goes on with a run, for more iterations where they are said.

    They are those of its record, which is a file that anybody may have written: only flags that run
    no code and lead nowhere else are repeated. Raises CatdogError for others, for a run that was
    begun elsewhere or not by `catdog train`, and where it is at `max_iter` already.
    """
    where = run.name
    done = int(run.content.get("iteration") or 0)
    if 0 < max_iter <= done:
        what = f"has {done} iterations already"
        raise CatdogError(what, where=where, remedy="say a later iteration")
    begun = str(run.content.get("folder") or "")
    if "\0" in begun or Path(begun).resolve() != place.folder:
        raise CatdogError("was begun in another folder", where=where, remedy=_BY_HAND)
    given = _given(str(run.content.get("command") or ""), where)
    words = ["train"]
    for flag, value in _pairs(given, where):
        if flag == "--set" and max_iter and value.startswith(("max_iter=", "max_epoch=")):
            continue
        if flag == "--epochs" and max_iter:
            continue
        _check(flag, value, place, where)
        words += [flag, value] if value else [flag]
    more = ["--set", f"max_iter={max_iter}"] if max_iter else []
    return (*words, *more, "--snapshot", "auto")


def _given(command: str, where: str) -> list[str]:
    """The words after `catdog train`, `python tools/train.py` and the like."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if len(words) < 2 or Path(words[1]).name not in ("train", "train.py"):
        raise CatdogError("its record has no command of a training", where=where, remedy=_BY_HAND)
    return words[2:]


def _pairs(words: Sequence[str], where: str) -> Iterator[tuple[str, str]]:
    """Flags with their values, without those that go on from a snapshot or begin from weights."""
    left = list(words)
    while left:
        flag, equals, value = left.pop(0).partition("=")
        if flag in ("--snapshot", "--weights"):
            # the snapshot has the weights
            if not equals and left and not left[0].startswith("--"):
                left.pop(0)
            continue
        if flag in ("--note", "--tag"):
            left = left if equals else left[1:]
            continue
        if flag not in _FLAGS:
            raise CatdogError(f"was begun with {flag}", where=where, remedy=_BY_HAND)
        if _FLAGS[flag] and not equals:
            value = left.pop(0) if left else ""
        yield flag, value


def _check(flag: str, value: str, place: StudioFolder, where: str) -> None:
    if flag == "--solver":
        place.within(value)
    if flag == "--set" and any(leads_out(each, place) for each in _words(value, where)):
        raise CatdogError(f"{value} leads outside", where=where, remedy=_BY_HAND)


def _words(assignment: str, where: str) -> Iterator[str]:
    """The words in the value of an assignment, which is YAML: in quotes, lists and messages too."""
    value = assignment.partition("=")[2]
    try:
        # more lines would be more fields
        events = list(yaml.parse(value, Loader=yaml.SafeLoader)) if "\n" not in value else []
    except yaml.YAMLError:
        events = []
    if not events:
        raise CatdogError(f"was begun with --set {assignment}", where=where, remedy=_BY_HAND)
    for event in events:
        if isinstance(event, yaml.ScalarEvent):
            yield from event.value.split(",")
