"""The page about CIFAR-10-mini: tables, curves, a confusion matrix."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from catdog.tracking.log_reader import read_log

NAMES = {
    "vgg8": "VGG-8",
    "vgg16_cifar": "VGG-16",
    "resnet18_cifar": "ResNet-18",
    "resnet8_cifar": "ResNet-8, wide",
    "resnet8_pooled_cifar": "ResNet-8, pooled",
}
#: What the original reached with its VGG-8 and a thousand pictures, in per cent.
ORIGINAL = {"plain": 38.5, "improved": 48.1}
HEAD = """# A thousand pictures of CIFAR-10

```
make cifar10 CIFAR=input/cifar10
make cifar-mini
```

The first command builds LMDBs of 45,000 training, 5,000 validation and 10,000 test pictures, the
second does what is told here and writes this page. How to choose pictures of your own is in
[cifar10.md](cifar10.md).

A VGG-8 learns from all 45,000 training pictures and their labels ({extractor} of the test pictures
right). By its features 100 pictures of each class are chosen in two ways: those that differ most
(`diverse`), and those that leave no other picture far from the nearest of them (`covering`, the
method `representative` with a large weight). Other nets then start from nothing and see these 1,000
only. The choice knew all labels, which is why a random thousand stands beside it. The test pictures
choose nothing: each run is judged on all 10,000 once, by the weights that were best on the 5,000
validation pictures, as the mean over a picture and its mirror image.

The best: **{best}**, {net}, {iterations} iterations of 50 pictures, {minutes} beside other work on
two CPU cores. The original's VGG-8 had {plain} %, improved {improved} %.
"""
CHOSEN = ("covering", "diverse")
_COLORS = ("#3b6ea5", "#d1582c", "#2f8f5b", "#a8476f", "#e39b2d")


@dataclass(frozen=True)
class TrainingScore:
    """One training and its score on the test pictures."""

    net: str
    augmented: bool
    subset: str
    iterations: int
    accuracy: float
    confusion: Sequence[Sequence[int]]
    classes: Sequence[str]
    seconds: float
    log: Path
    command: str


def write_page(folder: Path, results: Sequence[TrainingScore], extractor: float) -> None:
    """Write cifar10-mini.md and its pictures."""
    best = max(results, key=lambda each: each.iterations)
    own = [each for each in results if each.subset == best.subset]
    _curves(own).savefig(folder / "cifar10-mini-curves.png", dpi=120)
    _confusion(best).savefig(folder / "cifar10-mini-confusion.png", dpi=120)
    parts = [_head(best, extractor), *_nets(own), *_subsets(results), *_best(best)]
    (folder / "cifar10-mini.md").write_text("\n".join(parts) + "\n")


def _head(best: TrainingScore, extractor: float) -> str:
    return HEAD.format(
        extractor=_percent(extractor),
        best=_percent(best.accuracy),
        net=NAMES[best.net],
        iterations=f"{best.iterations:,}",
        minutes=f"{best.seconds / 60:.0f} minutes",
        **ORIGINAL,
    )


def _nets(own: Sequence[TrainingScore]) -> list[str]:
    rows = ["## Nets, plain and augmented", "", "From the covering thousand:", ""]
    rows += ["| net | iterations | plain | augmented |", "|---|---|---|---|"]
    pairs: dict[tuple[str, int], dict[bool, TrainingScore]] = defaultdict(dict)
    for each in own:
        pairs[each.net, each.iterations][each.augmented] = each
    for (net, iterations), pair in pairs.items():
        shares = [_percent(pair[how].accuracy) if how in pair else "" for how in (False, True)]
        rows.append(f"| {NAMES[net]} | {iterations:,} | {' | '.join(shares)} |")
    return [*rows, "", "![Curves](cifar10-mini-curves.png)", ""]


def _subsets(results: Sequence[TrainingScore]) -> list[str]:
    head = ["## Chosen against random", ""]
    head += ["The same training, on the chosen pictures and on random ones of several seeds:", ""]
    head += ["| net | covering | diverse | random, mean and spread | of each seed |"]
    head += ["|---|---|---|---|---|"]
    rows = []
    groups: dict[tuple[str, bool, int], dict[str, float]] = defaultdict(dict)
    for each in results:
        groups[each.net, each.augmented, each.iterations][each.subset] = each.accuracy
    for (net, augmented, _), shares in groups.items():
        random = [share for name, share in shares.items() if name.startswith("random")]
        if not random:
            continue
        chosen = [_percent(shares[name]) if name in shares else "" for name in CHOSEN]
        spread = f" ± {100 * stdev(random):.1f}" if len(random) > 1 else ", one seed"
        each_seed = ", ".join(_percent(share) for share in random)
        how = "augmented" if augmented else "plain"
        rows.append(
            f"| {NAMES[net]}, {how} | {' | '.join(chosen)} | "
            f"{_percent(mean(random))}{spread} | {each_seed} |"
        )
    tail = [
        "",
        "What differs most from all others is odd, and tells little of what they look like.",
        "",
    ]
    return [*head, *rows, *tail] if rows else []


def _best(best: TrainingScore) -> list[str]:
    return [
        "## The best",
        "",
        "```",
        best.command,
        "```",
        "",
        "![Confusion matrix](cifar10-mini-confusion.png)",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _curves(results: Sequence[TrainingScore]) -> Figure:
    """Accuracy on the validation pictures, by the time of training."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    axes = figure.subplots()
    colors = dict(zip(NAMES, _COLORS, strict=False))
    for each in results:
        tested = [v for v in read_log(each.log).test_outputs if v.name == "accuracy"]
        label = f"{NAMES[each.net]}, {'augmented' if each.augmented else 'plain'}"
        axes.plot(
            [value.iteration for value in tested],
            [value.value for value in tested],
            color=colors[each.net],
            ls="-" if each.augmented else ":",
            lw=1.6,
            label=f"{label}, {each.iterations:,} iterations",
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(base=2, numticks=20))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("iteration")
    axes.set_ylabel("accuracy on 5,000 validation pictures")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.grid(color="#e6e6e6")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _confusion(best: TrainingScore) -> Figure:
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(best.confusion, cmap="Blues")
    ticks = range(len(best.classes))
    axes.set_xticks(ticks, best.classes, rotation=45, ha="right")
    axes.set_yticks(ticks, best.classes)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    largest = max(max(row) for row in best.confusion)
    for i, row in enumerate(best.confusion):
        for j, count in enumerate(row):
            color = "white" if count > largest / 2 else "#333333"
            axes.text(j, i, str(count), ha="center", va="center", fontsize=8, color=color)
    axes.spines[:].set_visible(False)
    return figure
