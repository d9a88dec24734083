"""Write the folder of a project: net.yaml, solver.yaml and README.md for some photos.

    python tools/new.py flowers --photos photos --net small64

Nothing is trained; README.md has the commands, and `catdog fit` with the same photos goes on.
"""

from collections.abc import Sequence

from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.project.fitting import new


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument("name", metavar="NAME", help="the folder, which is made")
    about = "a folder, a list file, a table of labels, or a zip of any of these"
    parser.add_argument("--photos", required=True, help=about)
    about = "a net that ships, torchvision:NAME, timm:NAME, or a file (default: the best for the "
    about += "photos)"
    parser.add_argument("--net", default="", help=about)
    args = parser.parse(argv)
    folder = new(args.photos, args.name, net=args.net)
    print(f"\nnext: {folder}/README.md has the commands")


if __name__ == "__main__":
    run_tool(main)
