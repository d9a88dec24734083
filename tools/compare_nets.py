"""Which net for so many photos: nets that learn from 100, 300, 1,000 and all of them, compared.

    python tools/compare_nets.py photos --minutes 30
    python tools/compare_nets.py photos.zip --nets small64 resnet18 --counts 200 2000

trains each net on more and more of the photos, by the steps of fit.py, and judges it by a sixth of
them, the same for all. A table, a picture and one line of advice come of it. What would take longer
than the minutes is left out and named. The same command goes on where an earlier one ended.
"""

from argparse import Namespace
from collections.abc import Sequence

from catdog.cli.argument_types import at_least, file_path, positive_number
from catdog.cli.arguments import Parser, device_of
from catdog.cli.main import run_tool
from catdog.project.comparing.compare import ComparisonRequest, compare_nets
from catdog.project.comparing.keeping import check_keepable, keep_measurements
from catdog.project.comparing.record import PICTURE, ROWS
from catdog.project.comparing.told import advised, comparison_table


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    args = _arguments(argv)
    device = str(device_of(args))
    asked = ComparisonRequest(args.nets, args.counts, args.minutes, args.seed, device)
    if args.keep:
        check_keepable()
    made = compare_nets(args.photos, args.out, asked, _tell)
    print(f"\n{comparison_table(made.rows)}\n")
    for line in made.left_out:
        print(line)
    print(f"table    {made.folder / ROWS}\npicture  {made.folder / PICTURE}\n")
    print(advised(made.rows, str(args.photos)))
    if args.keep:
        print(f"kept     {keep_measurements(made.rows)}: `catdog fit` chooses by it from now on")


def _tell(line: str) -> None:
    print(line, flush=True)


def _arguments(argv: Sequence[str] | None) -> Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    about = "a folder, a list file, a table of labels, or a zip of any of these"
    add("photos", type=file_path, help=about)
    about = "all of it is to be done within (default: no limit)"
    add("--minutes", type=positive_number, default=0, help=about)
    add("--out", type=file_path, metavar="DIR", help="(default: that of the photos with _nets)")
    about = "nets as `fit.py --net` takes them (default: those that it chooses from)"
    add("--nets", nargs="+", default=[], metavar="NET", help=about)
    about = "numbers of photos to learn from (default: 100, 300, 1000 and all)"
    add("--counts", nargs="+", type=at_least(1), default=[], metavar="N", help=about)
    add("--seed", type=at_least(0), default=1, help="of division and trainings (default: 1)")
    about = "`catdog fit` is to choose by what was measured here, and no more by what shipped"
    add("--keep", action="store_true", help=about)
    parser.add_device()
    return parser.parse(argv)


if __name__ == "__main__":
    run_tool(main)
