"""CIFAR-10-mini: a thousand pictures are chosen, several nets learn from them, a page says how far.

    make cifar-mini

Runs that are done are not done again, so it goes on where it was stopped. The 10,000 test pictures
choose nothing: every run is judged on them once, by the weights that were best on 5,000 others.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from catdog.runtime.devices import cpu_has_bf16
from experiments.cifar_mini_page import TrainingScore, write_page

ROOT = Path(__file__).parent.parent
DATA, RUNS = Path("input/cifar10"), Path("snapshots/cifar_mini")
EXTRACTOR = Path("snapshots/vgg8/vgg8_best.caffemodel")
SEEDS = (1, 2, 3)
#: Those that differ most, and those that lie near all others.
METHODS = {"diverse": ["exchange"], "covering": ["representative", "--weight", "10000"]}
#: What one training takes, by net: iterations of 50 pictures.
ITERATIONS = {"vgg8": 600, "vgg16_cifar": 600, "resnet18_cifar": 500, "resnet8_cifar": 1200}
#: The choice that all nets learn from.
BEST = "covering"
#: Longer trainings: how far the moving average looks back, by net and iterations.
LONG = {("resnet8_cifar", 4000): 0.995, ("resnet8_pooled_cifar", 13000): 0.998}
#: Nets whose normalisation is no switch.
NORMALIZED = {"resnet8_pooled_cifar"}


@dataclass(frozen=True)
class PlannedTraining:
    """One training on a thousand pictures."""

    net: str
    augmented: bool
    subset: str
    iterations: int
    seed: int = 1

    @property
    def name(self) -> str:
        how = "augmented" if self.augmented else "plain"
        return f"{self.net}_{how}_{self.subset}_{self.iterations}"

    @property
    def folder(self) -> Path:
        return RUNS / self.name

    def command(self, share: float) -> list[str]:
        stages = ["batchnorm"] * (self.net not in NORMALIZED) + ["augment"] * self.augmented
        iterations = max(10, round(self.iterations * share))
        average = LONG.get((self.net, self.iterations))
        changes = {
            "stage": f"[{','.join(stages)}]",
            "train_net.data.data_param.index_file": DATA / f"{self.subset}.txt",
            "max_iter": iterations,
            "warmup_iter": min(200, iterations // 4),
            "test_interval": max(5, iterations // (8 if average else 4)),
            "ema_decay": average or 0.99,
            "snapshot": 0,
            "random_seed": self.seed,
            "snapshot_prefix": self.folder / "net",
        }
        words = ["tools/train.py", "--solver", f"solvers/{self.net}.yaml", *fewer_bits()]
        for field, value in changes.items():
            words += ["--set", f"{field}={value}"]
        return words

    @property
    def weights(self) -> Path:
        """The weights that were best on the validation pictures."""
        return self.folder / "net_best.caffemodel"


def fewer_bits() -> list[str]:
    """bf16 where the CPU has instructions for it: elsewhere it is far slower than float32."""
    return ["--amp", "bf16"] if cpu_has_bf16() else []


def runs() -> Iterator[PlannedTraining]:
    """All trainings of the page."""
    for net, iterations in LONG:
        for subset in (BEST, "random1"):
            yield PlannedTraining(net, True, subset, iterations)
    for subset in (BEST, "diverse", *(f"random{seed}" for seed in SEEDS)):
        for augmented in (False, True):
            yield PlannedTraining("vgg8", augmented, subset, ITERATIONS["vgg8"])
    for net in ("resnet8_cifar", "vgg16_cifar", "resnet18_cifar"):
        for augmented in (False, True):
            yield PlannedTraining(net, augmented, BEST, ITERATIONS[net])


def tool(words: Sequence[object]) -> None:
    """Call a tool as it would be typed; ends where it fails."""
    typed = [str(word) for word in words]
    print("$ python", shlex.join(typed), flush=True)
    done = subprocess.run([sys.executable, *typed], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def extract(share: float) -> None:
    """Train the net whose features choose."""
    if not EXTRACTOR.exists():
        iterations = round(3600 * share)
        words = ["tools/train.py", "--solver", "solvers/vgg8.yaml", *fewer_bits()]
        words += ["--set", f"max_iter={iterations}"]
        tool([*words, "--set", f"test_interval={min(450, iterations)}"])
    judge(EXTRACTOR, RUNS / "extractor.html")


def choose() -> None:
    """The chosen thousand, and as many at random."""
    select: list[object] = ["tools/select_subset.py", "--lmdb", DATA / "train_lmdb", "--count", 100]
    net: list[object] = ["--model", "net_specs/vgg8.yaml", "--stage", "batchnorm"]
    net += ["--weights", EXTRACTOR, "--blob", "fc1"]
    table = RUNS / "features.npz"
    for name, method in METHODS.items():
        if not (DATA / f"{name}.txt").exists():
            made = ["--features", table] if table.exists() else [*net, "--write-features", table]
            how = ["--distance", "cosine", "--method", *method]
            tool([*select, *made, *how, "--out", DATA / f"{name}.txt"])
    for seed in SEEDS:
        if not (DATA / f"random{seed}.txt").exists():
            drawn = ["--method", "random", "--seed", seed]
            tool([*select, *drawn, "--out", DATA / f"random{seed}.txt"])


def judge(weights: Path, page: Path) -> None:
    """Score weights on the test pictures, once."""
    if not page.with_suffix(".json").exists():
        words = ["tools/evaluate.py", "--weights", weights, "--data", DATA / "test_lmdb"]
        tool([*words, "--tta", "flip", "--report", page])


def train(run: PlannedTraining, share: float) -> None:
    """Train and judge, unless that was done."""
    done = run.folder / "seconds"
    if not done.exists():
        began = time.monotonic()
        tool(run.command(share))
        done.write_text(f"{time.monotonic() - began:.0f}")
    judge(run.weights, run.folder / "report.html")


def result(run: PlannedTraining) -> TrainingScore:
    """What a run came to."""
    report = json.loads((run.folder / "report.json").read_text())
    return TrainingScore(
        net=run.net,
        augmented=run.augmented,
        subset=run.subset,
        iterations=run.iterations,
        accuracy=report["accuracy"],
        confusion=report["confusion"],
        classes=[each["name"] for each in report["classes"]],
        seconds=float((run.folder / "seconds").read_text()),
        log=run.folder / "train.log",
        command="python " + shlex.join(str(word) for word in run.command(1)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1, help="of the iterations, to try it out")
    parser.add_argument("--only", default="*", help="a pattern of the names of runs")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="where the page goes")
    args = parser.parse_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    extract(args.share)
    choose()
    for run in runs():
        if fnmatchcase(run.name, args.only):
            train(run, args.share)
    extractor = json.loads((RUNS / "extractor.json").read_text())["accuracy"]
    done = [result(run) for run in runs() if (run.folder / "report.json").exists()]
    write_page(args.out, done, extractor)


if __name__ == "__main__":
    main()
