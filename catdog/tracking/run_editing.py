"""Notes and tags of runs that are there, under way or ended."""

from collections.abc import Iterable, Sequence

from catdog.errors import CatdogError, did_you_mean
from catdog.runtime.lock import turn
from catdog.tracking.annotation import Annotation, annotation, check_count
from catdog.tracking.run_file import annotation_of, read_run, run_path, write_run
from catdog.tracking.runs import RunRecord, find_run

#: Seconds to wait for others who write the record.
_PATIENCE = 20.0


def annotate(
    name: str,
    *,
    note: str | None = None,
    tags: Iterable[str] | None = None,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> Annotation:
    """Edit the note and the tags of a run, also while it is under way; gives them as they are then.

    Args:
        name: the run, as in `find_run`.
        note: in place of the one it has; empty: none; None: as it is.
        tags: in place of those it has; None: as they are.
        add, remove: tags that come to them, and that go.

    Raises CatdogError where there is no such run, its record cannot be written, a tag that is to be
    removed is not there, and as `annotation`.
    """
    path = run_path(find_run(name).name)
    wanted, added = annotation(note or "", tags or ()), annotation(tags=add).tags
    gone = set(annotation(tags=remove).tags)
    with turn(path, _PATIENCE) as held:
        if not held:
            what = "another process is at work on this record, or its folder cannot be written"
            raise CatdogError(what, where=str(path), remedy="try again")
        content = read_run(path)
        before = annotation_of(content)
        now = wanted.tags if tags is not None else before.tags
        _check_there(gone, now, name)
        now = tuple(tag for tag in dict.fromkeys((*now, *added)) if tag not in gone)
        if len(now) > len(before.tags):
            check_count(now)
        after = Annotation(before.note if note is None else wanted.note, now)
        if after != before:
            content["note"], content["tags"] = after.note, list(after.tags)
            write_run(path, content)
    return after


def tagged(runs: Sequence[RunRecord], tags: Iterable[str]) -> list[RunRecord]:
    """The runs that have all of these tags. Raises CatdogError where none has."""
    wanted = annotation(tags=tags).tags
    found = [run for run in runs if set(wanted) <= set(run.annotation.tags)]
    if runs and not found:
        known = sorted({tag for run in runs for tag in run.annotation.tags})
        missing = next((tag for tag in wanted if tag not in known), "")
        remedy = missing and did_you_mean(missing, known)
        there = f"there are {', '.join(known)}" if known else "--edit RUN --tag TAG gives one"
        raise CatdogError(f"no run has {', '.join(wanted)}", where="--tag", remedy=remedy or there)
    return found


def _check_there(gone: set[str], tags: Sequence[str], name: str) -> None:
    for tag in sorted(gone - set(tags)):
        has = f"it has {', '.join(tags)}" if tags else "it has none"
        raise CatdogError(
            f'no tag "{tag}" to remove', where=name, remedy=did_you_mean(tag, tags) or has
        )
