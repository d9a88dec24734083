"""List files: a path and a label in each line."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from catdog.data.build.listing import Listing, Photo, Skipped, in_label_order
from catdog.errors import DataError


def read_list(
    file: str | Path,
    root: str | Path | None = None,
    labels: str | Path | None = None,
    validation: str | Path | None = None,
) -> Listing:
    """The photos that a list file names, `path label` in each line.

    Paths are relative to `root`, else to the list's own folder. Labels are numbers from 0 on,
    named by the lines of the file `labels`, or class names. A file that is listed twice is used
    once. Raises DataError with file and line for a line that cannot be read, and with the labels
    found when they are not 0 .. C-1.
    """
    pairs = _pairs(Path(file))
    later = _pairs(Path(validation)) if validation else None
    found = [label for _, label in pairs + (later or [])]
    classes = _classes(found, Path(labels) if labels else None, Path(file))
    base = Path(root) if root else Path(file).parent
    listing = Listing("a list file", classes, [], None if later is None else [])
    seen: Counter[str] = Counter()
    for target, part in ((listing.train, pairs), (listing.validation, later or [])):
        for name, label in part:
            seen[name] += 1
            if seen[name] > 1:
                listing.skipped.append(Skipped(name, "listed twice"))
            elif target is not None:
                number = int(label) if label.isdecimal() else classes.index(label)
                target.append(Photo(base / name, name, number))
    return listing


def read_numbered(file: str | Path, root: str | Path) -> list[Photo]:
    """The photos of a list file with its integer labels, unchecked.

    The paths are below `root`. Raises DataError, with file and line, for a label that is
    not a whole number.
    """
    pairs = _pairs(Path(file))
    for number, (_, label) in enumerate(pairs, 1):
        if not re.fullmatch(r"[+-]?\d+", label):
            raise DataError(f'the label "{label}" is no number', where=f"{file}, entry {number}")
    return [Photo(Path(f"{root}/{name}"), name, int(label)) for name, label in pairs]


def _pairs(file: Path) -> list[tuple[str, str]]:
    """(path, label) of each line; a path may have spaces in it, so the last one divides."""
    try:
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise DataError(f"cannot read the list ({error.strerror})", where=str(file)) from error
    pairs = []
    for number, line in enumerate(lines, 1):
        path, _, label = line.strip().rpartition(" ")
        if path and label:
            pairs.append((path.strip(), label))
        elif line.strip():
            raise DataError("no label", where=f"{file}:{number}", remedy="write `path label`")
    if not pairs:
        raise DataError("the list is empty", where=str(file))
    return pairs


def _classes(found: Sequence[str], labels: Path | None, file: Path) -> list[str]:
    numeric = [int(label) for label in found if label.isdecimal()]
    if not numeric and labels is None:
        return in_label_order(set(found))
    names = labels.read_text(encoding="utf-8").split("\n") if labels else []
    names = [name.strip() for name in names if name.strip()]
    count = len(names) if labels else max(numeric) + 1
    known = set(names) | {str(number) for number in range(count)}
    wrong = sorted(set(found) - known)
    if wrong or (not labels and set(numeric) != set(range(count))):
        shown = ", ".join(sorted(set(found), key=lambda label: (len(label), label))[:10])
        raise DataError(
            f"labels are not 0 .. C-1; found {shown}",
            where=str(file),
            remedy="number the classes from 0 without a gap, or write their names",
        )
    return names or [str(number) for number in range(count)]
