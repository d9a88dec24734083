"""The whole job on a drawn sample: photos, LMDBs, training, curve, predictions, submission.

python tools/demo.py            everything goes into demo/, some minutes on two cores
"""

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.errors import CatdogError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("demo")

STEPS = (
    ("Draw cats and dogs, for want of photos", "draw_sample.py input --train 2400 --test 60"),
    ("Photos to LMDBs and a mean", "create_lmdb.py --size 64"),
    (
        "Train a small net",
        "train.py --solver {root}/solvers/small.yaml --set net={root}/net_specs/small64.yaml",
    ),
    ("Draw the learning curve", "plot_learning_curve.py snapshots/small/train.log curve.png"),
    ("Predict photos that nobody labelled", "predict.py input/test1 --picture predictions.png"),
)

MADE = """
What it made, in {folder}/:
  curve.png                       loss and accuracy over the iterations
  predictions.png, submission.csv what the net takes the new photos for
  snapshots/small/                the net: a .caffemodel that Caffe reads too, and train.log
  input/                          the photos, their LMDBs and mean

What to try next:
  make data                       where real photos come from
  make lmdb SIZE=64               input/train -> LMDBs; then train on them:
  python tools/train.py --solver solvers/quick.yaml
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the steps, each as the command that a person would type."""
    Parser(__doc__).parse(argv)
    folder = ROOT / FOLDER
    folder.mkdir(exist_ok=True)
    start = time.monotonic()
    for title, command in STEPS:
        print(f"\n== {title}\n$ python tools/{command.format(root='..')}", flush=True)
        name, *words = shlex.split(command.format(root=".."))
        done = subprocess.run([sys.executable, str(ROOT / "tools" / name), *words], cwd=folder)
        if done.returncode:
            raise CatdogError(f"{name} ended with exit code {done.returncode}", where="demo")
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    print(f"\nDone in {minutes} min {seconds} s.")
    print(MADE.format(folder=FOLDER))


if __name__ == "__main__":
    run_tool(main)
