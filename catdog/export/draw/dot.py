"""A graph as a text of Graphviz, and through its program `dot` as a picture."""

import shutil
import subprocess
from html import escape

from catdog.errors import CatdogError
from catdog.export.draw.graph import Arrow, Box, Graph

PROGRAM = "dot"


def is_there() -> bool:
    """Whether Graphviz is installed."""
    return shutil.which(PROGRAM) is not None


def text(graph: Graph, rankdir: str, title: str = "") -> str:
    """The graph in the language of dot."""
    lines = [
        "digraph net {",
        f"  rankdir={rankdir}; bgcolor=white; label={_quoted(title)}; labelloc=t; fontsize=20;",
        '  graph [fontname="Helvetica", nodesep=0.35, ranksep=0.45];',
        '  node [shape=plain, fontname="Helvetica"];',
        '  edge [color="#5b6472", arrowsize=0.7, fontname="Helvetica", fontsize=9];',
    ]
    lines += [f"  {number} [label=<{_table(box)}>];" for number, box in enumerate(graph.boxes)]
    lines += [f"  {_edge(arrow)};" for arrow in graph.arrows]
    return "\n".join([*lines, "}", ""])


def picture(source: str, form: str) -> bytes:
    """A text of dot as a picture file: png, svg, pdf and what else Graphviz writes."""
    try:
        done = subprocess.run(
            [PROGRAM, f"-T{form}"], input=source.encode(), capture_output=True, check=True
        )
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip().splitlines()
        raise CatdogError(f"cannot draw: {reason[0] if reason else error}", where=PROGRAM) from None
    return done.stdout


def _table(box: Box) -> str:
    """Rows of one colour each, the size of the result below."""
    rim = box.rows[0].colour.rim
    rows = [
        f'<TR><TD BGCOLOR="{row.colour.fill}" CELLPADDING="5"><B>{escape(row.name)}</B><BR/>'
        f'<FONT POINT-SIZE="10" COLOR="#3c4450">{escape(row.text)}</FONT></TD></TR>'
        for row in box.rows
    ]
    if box.size:
        size = f'<FONT POINT-SIZE="9" COLOR="#5b6472">{escape(box.size)}</FONT>'
        rows.append(f'<TR><TD BGCOLOR="white" CELLPADDING="3">{size}</TD></TR>')
    style = f'BORDER="1" STYLE="ROUNDED" COLOR="{rim}" CELLBORDER="0" CELLSPACING="0"'
    return f"<TABLE {style}>{''.join(rows)}</TABLE>"


def _edge(arrow: Arrow) -> str:
    label = f" [label={_quoted(arrow.label)}]" if arrow.label else ""
    return f"{arrow.start} -> {arrow.end}{label}"


def _quoted(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
