"""Draw what a net will see of its photos: a spec's augmentation, checked by eye.

Each row is a photo, first as it is stored, then as some batches would have it, mean and scale
undone, with its label.

  python tools/preview.py net_specs/deep64.yaml preview.png
  python tools/preview.py solvers/quick.yaml --phase TEST
"""

from collections.abc import Sequence

from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser, state_of
from catdog.cli.main import run_tool
from catdog.cli.specs import spec_file
from catdog.training.preview import Wanted, preview


def main(argv: Sequence[str] | None = None) -> None:
    """Draw, and tell where."""
    parser = Parser(__doc__)
    parser.add_argument("spec", type=spec_file, help="a net or a solver, .yaml or .prototxt")
    parser.add_argument("out", nargs="?", default="preview.png", help="(default: preview.png)")
    parser.add_state("TRAIN")
    parser.add_argument("--photos", type=at_least(1), default=6, help="rows (default: 6)")
    parser.add_argument("--draws", type=at_least(1), default=6, help="columns (default: 6)")
    parser.add_argument("--seed", type=int, default=0, help="another one shows other photos")
    args = parser.parse(argv)
    wanted = Wanted(state_of(args), args.photos, args.draws, args.seed)
    print("\n".join(preview(args.spec, args.out, wanted)))


if __name__ == "__main__":
    run_tool(main)
