"""The whole job on a drawn sample: photos, LMDBs, training, curve, predictions, submission.

python tools/demo.py            everything goes into ./demo, some minutes on two cores
"""

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.errors import CatdogError

FOLDER = Path("demo")

#: With a name in place of a path the solver and its net are found from any folder.
STEPS = (
    ("Draw cats and dogs, for want of photos", "draw_sample input --train 2400 --test 60"),
    ("Photos to LMDBs and a mean", "create_lmdb --size 64"),
    ("Train a small net", "train --solver small"),
    ("Draw the learning curve", "plot_learning_curve snapshots/small/train.log curve.png"),
    ("Predict photos that nobody labelled", "predict input/test1 --picture predictions.png"),
)
_TRAINING = "train "

MADE = """
What it made, in {folder}/:
  curve.png                       loss and accuracy over the iterations
  predictions.png, submission.csv what the net takes the new photos for
  snapshots/small/                the net: a .caffemodel that Caffe reads too, and train.log
  input/                          the photos, their LMDBs and mean

What to try next:
  catdog fit PHOTOS                            your own photos, a folder a class -> a net and a page
  catdog create_lmdb --data PHOTOS --size 64   the same step by step: photos -> input/
  catdog train --solver quick                  train on them
  catdog list                                  the other nets and solvers"""
REAL_PHOTOS = "  make data                                    where real photos come from"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the steps, each as the command that a person would type."""
    parser = Parser(__doc__)
    about = "of the training (default: as the solver says)"
    parser.add_argument("--iterations", type=at_least(1), metavar="N", help=about)
    args = parser.parse(argv)
    _make(FOLDER)
    start = time.monotonic()
    for title, step in STEPS:
        shorter = args.iterations and step.startswith(_TRAINING)
        command = f"{step} --set max_iter={args.iterations}" if shorter else step
        print(f"\n== {title}\n$ catdog {command}", flush=True)
        name, *words = shlex.split(command)
        done = subprocess.run([sys.executable, "-m", f"catdog.tools.{name}", *words], cwd=FOLDER)
        if done.returncode:
            raise CatdogError(f"{name} ended with exit code {done.returncode}", where="demo")
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    print(f"\nDone in {minutes} min {seconds} s.")
    print(
        MADE.format(folder=FOLDER), *([REAL_PHOTOS] if Path("Makefile").is_file() else []), sep="\n"
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        remedy = "start in a folder that can be written to"
        raise CatdogError(str(error.strerror), where=str(folder), remedy=remedy) from None


if __name__ == "__main__":
    run_tool(main)
