"""Command lines as gflags reads them: `-x v`, `-x=v`, `--x v`, `--x=v`, anywhere in the line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from catdog.errors import CatdogError, did_you_mean

#: Of glog, which are as they are here: all goes to stderr.
_TO_STDERR = ("logtostderr", "alsologtostderr")
#: Of glog, which change nothing here, and why.
_OF_GLOG = {
    "log_dir": "no file goes there; the log of a training lies beside its snapshots, as train.log",
    "minloglevel": "all lines are shown",
    "stderrthreshold": "all lines are shown",
    "v": "there are no lines of other levels",
}
#: Of gflags: flags that lie elsewhere.
_ELSEWHERE = ("flagfile", "fromenv", "tryfromenv", "undefok")


@dataclass
class GivenFlags:
    """What a command line says: the flags with their values, the other words, what is ignored."""

    values: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def parse_flags(words: Sequence[str], known: Mapping[str, str]) -> GivenFlags:
    """Read a command line; `known` has the flags, which all take a value.

    Raises CatdogError for a flag that is not known or lacks its value.
    """
    given, left = GivenFlags(), iter(words)
    for word in left:
        if word == "--":
            given.words += left
        elif word.startswith("-") and word.strip("-"):
            _take(word, left, known, given)
        else:
            given.words.append(word)
    return given


def _take(word: str, left: Iterator[str], known: Mapping[str, str], given: GivenFlags) -> None:
    name, sign, value = word.removeprefix("-").removeprefix("-").partition("=")
    if name in _ELSEWHERE:
        remedy = "write the flags themselves into the command"
        raise CatdogError("is not supported", where=f"-{name}", remedy=remedy)
    if name.removeprefix("no") in _TO_STDERR:
        return
    if name not in known and name not in _OF_GLOG:
        remedy = did_you_mean(name, known) or f"flags are {', '.join(known)}"
        raise CatdogError(f"there is no -{name}", remedy=remedy)
    if not sign:
        found = next(left, None)
        if found is None:
            raise CatdogError("lacks its value", where=f"-{name}", remedy=f"write -{name} VALUE")
        value = found
    if name in known:
        given.values[name] = value
    else:
        given.ignored.append(f"-{name} changes nothing: {_OF_GLOG[name]}")
