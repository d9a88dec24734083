"""What people write to a run: a note and tags, in their limits."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catdog.errors import CatdogError

#: Characters of a note, of a tag, and tags of a run.
MOST_NOTE, MOST_TAG, MOST_TAGS = 10_000, 40, 20
_LINES = "\n\t"


@dataclass(frozen=True)
class Annotation:
    """A note, of any number of lines, and tags in the order in which they were given."""

    note: str = ""
    tags: tuple[str, ...] = ()

    def and_later(self, later: "Annotation") -> "Annotation":
        """With a later note, where there is one, and later tags beside these."""
        return Annotation(later.note or self.note, tuple(dict.fromkeys((*self.tags, *later.tags))))


def annotation(note: str = "", tags: Iterable[str] = ()) -> Annotation:
    """A note and tags as they are kept. Raises CatdogError for what is too much or no text."""
    return Annotation(_note(note), _tags(tags))


def _note(text: str) -> str:
    """With line ends of one kind, and nothing around it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > MOST_NOTE:
        what = f"has {len(text):,} characters, and {MOST_NOTE:,} are the most"
        raise CatdogError(what, where="note", remedy="shorten it, or name a file that has the rest")
    _check_characters(text.translate(dict.fromkeys(map(ord, _LINES))), "note")
    return text


def _tags(given: Iterable[str]) -> tuple[str, ...]:
    # typed on another keyboard, the same letters may be other characters
    tags = tuple(dict.fromkeys(unicodedata.normalize("NFC", tag.strip()) for tag in given))
    for tag in tags:
        _check_tag(tag)
    check_count(tags)
    return tags


def check_count(tags: Sequence[str]) -> None:
    """Raise CatdogError for more tags than a run may have."""
    if len(tags) > MOST_TAGS:
        what = f"{len(tags)} for one run, and {MOST_TAGS} are the most"
        raise CatdogError(what, where="tags", remedy="leave some out; a note has room for words")


def _check_tag(tag: str) -> None:
    where = f'tag "{tag[:MOST_TAG]}"' if tag.isprintable() else "tag"
    if not tag:
        raise CatdogError("is empty", where=where, remedy="give a word")
    if len(tag) > MOST_TAG:
        what = f"has {len(tag):,} characters, and {MOST_TAG} are the most"
        raise CatdogError(what, where=where, remedy="a note has room for more")
    _check_characters(tag, where, only_printed=True)
    if "," in tag or any(character.isspace() for character in tag):
        raise CatdogError("is one word", where=where, remedy="give --tag for each")


def _check_characters(text: str, where: str, *, only_printed: bool = False) -> None:
    """Raise CatdogError for what a terminal would obey, and what is no text at all."""
    for character in text:
        refused = unicodedata.category(character) in ("Cc", "Cs")
        if refused or (only_printed and not (character.isprintable() or character.isspace())):
            what = f"has a character that cannot be shown (U+{ord(character):04X})"
            raise CatdogError(what, where=where, remedy="leave it out")
