"""Open the studio: stores, trainings and photos on a page in the browser.

    python tools/studio.py                     this folder, at http://127.0.0.1:5000/
    python tools/studio.py pets --port 8080    another folder
    python tools/studio.py --host 0.0.0.0      for other machines too; the address has a token

Its pages show the files that the tools make, and begin the same tools: a run that a terminal began
is there as well, and one that a page began goes on when the studio has ended.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.argument_types import file_path
from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.runtime.lock import only_one
from catdog.runtime.optional import optional
from catdog.web.address import address
from catdog.web.server import listen, serve

_INSTALL = "pip install 'catdog-torch[studio]'"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    about = "where everything is read and written (default: here)"
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help=about
    )
    parser.add_argument("--port", type=int, default=5000, help="default: 5000; 0: a free one")
    about = "the address to listen on (default: 127.0.0.1, this machine alone)"
    parser.add_argument("--host", default="127.0.0.1", help=about)
    about = "what a browser has to show; made where --host is another, or where TOKEN is left out"
    parser.add_argument("--token", nargs="?", const="", metavar="TOKEN", help=about)
    about = "a folder of photos outside FOLDER that may be read; may be given for several"
    parser.add_argument("--photos", action="append", type=file_path, default=[], help=about)
    args = parser.parse(argv)
    for module in ("fastapi", "python_multipart", "jinja2"):
        optional(module, f"the studio needs {module}", _INSTALL)
    from catdog.studio.app import create_app, guarded, place_of, studio_of

    place = place_of(args.folder, args.photos)
    where = address(args.host, args.port, args.token)
    with only_one(place.own / "studio", "another studio works here", "use that one"):
        os.chdir(place.folder)
        studio = studio_of(place)
        with listen(where) as listening:
            tell(f"{place.folder} at {where.url(listening.getsockname()[1])}")
            tell("Ctrl-C ends the studio, not what it began")
            serve(
                guarded(create_app(studio), where),
                listening,
                remedy=_INSTALL,
                stopping=studio.stopping.set,
                grace=3,
            )


if __name__ == "__main__":
    run_tool(main)
