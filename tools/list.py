"""List what there is: nets, solvers, weights by name, and the stores and runs below this folder.

    python tools/list.py
    python tools/list.py nets
    python tools/list.py runs --json
    python tools/list.py named      torchvision's nets, which fit and convert take by name

A net or solver in the list is used by its name: catdog train --solver small. `there` of weights
says where they lie, or what brings them.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.arguments import Parser, tell
from catdog.cli.inventory import NAMED, PARTS, Row
from catdog.cli.main import run_tool
from catdog.runtime.text_table import text_table


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument(
        "part", nargs="?", choices=PARTS, help="only this part (default: all but named)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    args = parser.parse(argv)
    wanted = [args.part] if args.part else [part for part in PARTS if part != NAMED]
    found = {part: PARTS[part](Path(), lambda line: tell(f"warning: {line}")) for part in wanted}
    if args.json:
        print(json.dumps(found[args.part] if args.part else found, indent=1))
        return
    print("\n\n".join(_text(part, rows) for part, rows in found.items()))


def _text(part: str, rows: list[Row]) -> str:
    if not rows:
        return f"{part}: none below {Path.cwd()}"
    head = [part, *list(rows[0])[1:]]
    return text_table(head, [[str(value) for value in row.values()] for row in rows])


if __name__ == "__main__":
    run_tool(main)
