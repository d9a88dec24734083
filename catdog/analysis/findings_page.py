"""Findings as one HTML file to decide on: keep, another class, drop; it saves `review.csv`.

It works without a server: nothing is loaded, and no script runs but the page's own, whose digest
its policy names. Every text is escaped, wherever it comes from.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from catdog.analysis.findings import Finding, kinds_of
from catdog.data.build.listing import in_utf8
from catdog.data.build.review import TITLES, ReviewRow
from catdog.data.images import Readable, Unreadable, decode, read_file
from catdog.data.thumbnails import THUMBNAIL, in_base64, thumbnail
from catdog.runtime.files import replacing
from catdog.runtime.page_templates import for_script, page_templates, script_digest
from catdog.runtime.parallel import in_order

#: Photos of a page: some 20 MB.
MOST = 2000
_QUALITY = 78
_TEMPLATES = Path(__file__).with_name("templates")


def write_page(
    found: Sequence[Finding],
    files: Sequence[Readable],
    classes: Sequence[str],
    rows: Sequence[ReviewRow],
    path: Path,
) -> Path:
    """Write the page, whole or not at all; gives its path.

    Args:
        found: the findings, of which the first MOST are shown.
        files: the photo of each.
        classes: that a photo may get.
        rows: of the review as it is: its decisions are those that the page begins with, and what
            the page does not show it saves as it is.

    Raises CatdogError where Jinja2 is missing, Unwritable where the file cannot be written.
    """
    shown, known = found[:MOST], {row.photo: row for row in rows}
    script, style = (_read(f"findings.{kind}") for kind in ("js", "css"))
    page = page_templates(_TEMPLATES).get_template("findings.html")
    with replacing(path) as beside, beside.open("w", encoding="utf-8") as file:
        file.writelines(
            page.generate(
                count=len(found),
                most=MOST,
                kinds=kinds_of(shown),
                digest=script_digest(script),
                style=style,
                script=script,
                data=for_script(_data(found, classes, rows)),
                photos=_photos(shown, files, known),
            )
        )
    return path


def _data(
    found: Sequence[Finding], classes: Sequence[str], rows: Sequence[ReviewRow]
) -> dict[str, object]:
    """What the page's script is given."""
    on_page = {each.photo for each in found[:MOST]}
    return {
        "key": _digest(found),
        "titles": TITLES,
        "classes": list(map(in_utf8, classes)),
        "others": [list(map(in_utf8, row[:5])) for row in rows if row.photo not in on_page],
    }


def _photos(
    found: Sequence[Finding], files: Sequence[Readable], known: dict[str, ReviewRow]
) -> Iterator[str]:
    """Each photo as the script reads it; the small pictures are made on all cores."""
    pictures = in_order(_picture, files[: len(found)])
    for each, picture in zip(found, pictures, strict=True):
        row = known.get(each.photo, each.row)
        if row.label != each.label:  # that is from before it got this label
            row = each.row
        yield for_script(
            {
                "name": in_utf8(each.photo),
                "jpeg": picture,
                "label": in_utf8(each.label),
                "suggested": in_utf8(each.suggested),
                "reasons": [[one.kind, in_utf8(one.told)] for one in each.reasons],
                "note": in_utf8(row.note),
                "decision": row.decision,
                "new": in_utf8(row.new_label),
            }
        )


def _picture(file: Readable) -> str:
    try:
        return in_base64(thumbnail(decode(read_file(file)).pixels, THUMBNAIL), _QUALITY)
    except Unreadable:  # it went away since it was seen
        return ""


def _digest(found: Sequence[Finding]) -> str:
    """What the browser keeps progress by: the same for the same photos and labels."""
    text = "\n".join(sorted(f"{in_utf8(each.photo)}\t{in_utf8(each.label)}" for each in found))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
