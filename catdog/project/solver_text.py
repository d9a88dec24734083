"""The text of a solver for a project: how long it trains, how it ends, where its files go."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from catdog.project.yaml_text import YamlText, header, split_header

NET, SOLVER = "net.yaml", "solver.yaml"
SNAPSHOTS = "snapshots"

#: Fields of the shipped solvers that a project replaces by its own.
_OTHERS = ("max_iter", "test_interval", "stepsize", "stepvalue", "gamma", "snapshot")
#: What is said of a field in a solver that is new.
_ABOUT = {
    "max_epoch": "passes over all photos",
    "snapshot": "iterations from one snapshot to the next",
    "snapshot_best": "the weights of the best test are kept; by this it ends early, too",
    "early_stop_patience": "tests without a better one, after which it ends",
    "ema_decay": "tests look at a moving average of the weights, and the best are of it",
    "warmup_iter": "the rate rises to base_lr",
}
_NEW = """type: Nesterov
base_lr: 0.01
lr_policy: cosine
momentum: 0.9
weight_decay: 0.0005
"""


@dataclass(frozen=True)
class TrainingPlan:
    """How long a training is.

    Args:
        epochs: passes over the photos.
        test: passes from one test to the next.
        iterations: in all, about.
        patience: tests without a better one, after which it ends.
        decay: of the moving average; 0 for none.
    """

    epochs: float
    test: float
    iterations: int
    patience: int
    decay: float


def training_plan(
    photos: int, batch: int, epochs: float, *, least: int, patience: int
) -> TrainingPlan:
    """A plan of so many epochs, or more where these would be fewer iterations than `least`.

    There are 20 tests at most. The moving average spans a twentieth of the training or less.
    """
    each = max(1.0, photos / batch)
    epochs = max(epochs, math.ceil(least / each))
    if epochs >= 2:
        epochs = math.ceil(epochs)
        test: float = math.ceil(epochs / 20)
    else:
        epochs = float(f"{epochs:.3g}")
        test = float(f"{epochs / 5:.3g}")
    iterations = math.ceil(epochs * each)
    decay = 0.99 if iterations < 2000 else 0.998
    return TrainingPlan(epochs, test, iterations, patience, decay if iterations > 100 else 0)


def solver_text(
    shipped: Path | None,
    about: list[str],
    plan: TrainingPlan,
    name: str,
    own: Mapping[str, object],
) -> str:
    """The text of a solver.

    `shipped` is a solver to start from, whose comments stay; `own` are fields that go before its.
    """
    text = shipped.read_text(encoding="utf-8") if shipped else _NEW
    made = YamlText(split_header(text)[1])
    fields = {**_fields(plan, name), **own}
    assert isinstance(made.root, yaml.MappingNode)
    there = {key.value for key, _ in made.root.value}
    added: dict[str, object] = {}
    if made.find(made.root, "lr_policy").value in ("step", "multistep", "exp", "inv"):  # type: ignore[union-attr]
        fields["lr_policy"] = "cosine"
    for key in there & {*_OTHERS} - fields.keys():
        made.drop(made.root, key)
    for key, value in fields.items():
        if key in there:
            made.put(made.root, key, _yaml(value))
        else:
            added[key] = value
    lines = [_line(key, value) for key, value in added.items()]
    return header([*about, ""]) + made.changed().rstrip("\n") + "\n" + "".join(lines)


def _fields(plan: TrainingPlan, name: str) -> dict[str, object]:
    fields: dict[str, object] = {
        "net": NET,
        "max_epoch": plan.epochs,
        "test_epoch": plan.test,
        "display": min(50, max(1, plan.iterations // 40)),
        "snapshot": max(1, plan.iterations // 4),
        "snapshot_keep": 2,
        "early_stop_patience": plan.patience,
        "snapshot_prefix": f"{SNAPSHOTS}/{name}",
        "random_seed": 1,
    }
    if plan.decay:
        fields["ema_decay"] = plan.decay
    return fields


def _line(key: str, value: object) -> str:
    about = _ABOUT.get(key, "")
    return (f"# {about}\n" if about else "") + f"{key}: {_yaml(value)}\n"


def _yaml(value: object) -> str:
    """A value on one line."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = yaml.safe_dump(value, default_flow_style=True, width=1000)
    return text.removesuffix("\n...\n").strip()
