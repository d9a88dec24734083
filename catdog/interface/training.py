"""`catdog.train`: a training by keywords."""

import json
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, TextIO, cast

import numpy as np
import torch

from catdog.errors import CatdogError
from catdog.interface.keywords import as_keywords
from catdog.interface.run import Run
from catdog.runtime.devices import device_named
from catdog.runtime.notebook import in_notebook
from catdog.solver.events import Listener
from catdog.spec.shipped import find_solver
from catdog.tracking.annotation import annotation
from catdog.tracking.listeners import TrackingOptions
from catdog.tracking.notebook_progress import NotebookProgress
from catdog.training import train as training
from catdog.training.options import Options

Words = str | Iterable[str]
Weights = str | PathLike[str] | Sequence[str] | bool


@as_keywords()
def train(
    solver: str | PathLike[str],
    *,
    weights: Weights = (),
    freeze: Words = (),
    snapshot: str | PathLike[str] | int = "",
    device: str | torch.device | None = None,
    overrides: Mapping[str, object] | None = None,
    stream: TextIO | None = None,
    progress: bool = True,
    listeners: Sequence[Listener] = (),
    **fields: object,
) -> Run:
    """Train a net as a solver file says; gives the run, once it has ended.

        run = catdog.train("solver.yaml", max_iter=100, base_lr=0.01)

    Log, metrics.csv, snapshots and the run's record go where snapshot_prefix says. Ctrl-C, or a
    notebook's stop, snapshots and stops; `snapshot="auto"` goes on. Raises CatdogError.

    Args:
        solver: its file, .yaml or .prototxt, or the name of one that ships, such as "quick".
        weights: files, or names such as "resnet18", to start from; True: what belongs to the net.
        freeze: names or patterns of layers that stand still, such as "conv*".
        snapshot: one to go on from, or "auto"; a number is the solver's field, its interval.
        device: "cpu", "cuda", "cuda:1"; by default what the solver says.
        overrides: fields of nets by path, {"net.conv1.convolution_param.num_output": 16}.
        stream: where the log's lines go too, such as sys.stderr.
        progress: in a notebook, show where the training stands.
        listeners: called with each event of it (`catdog.solver.events`).
        fields: any field of the solver in place of the file's (None: the file's); beside them
            class_weights="balanced", amp="bf16", compile, force, tensorboard, track="mlflow",
            allow_python=True, note="...", tags=["..."], words for the run's record.
    """
    options = options_of({**fields, **(overrides or {})}, weights, freeze, snapshot, device)
    watched = [NotebookProgress()] if progress and in_notebook() else []
    done = training.train(
        find_solver(str(solver)), options, stream=stream, listeners=[*watched, *listeners]
    )
    return Run(done.param.snapshot_prefix, solver=done)


def options_of(
    fields: dict[str, object],
    weights: Weights,
    freeze: Words,
    snapshot: str | PathLike[str] | int = "",
    device: str | torch.device | None = None,
) -> Options:
    """The options of a training; those that have no keyword of their own are among the fields."""
    if isinstance(snapshot, int):
        fields["snapshot"], snapshot = snapshot, ""
    python = fields.pop("allow_python", False)
    counts: Any = fields.pop("class_weights", None)
    note, tags = str(fields.pop("note", "")), cast(Words, fields.pop("tags", ()))
    return Options(
        weights=_sources(weights),
        freeze=_words(freeze),
        snapshot=str(snapshot),
        device=None if device is None else device_named(device, "device"),
        class_weights=counts,
        provide_caffe=_provide_caffe if python else None,
        amp=str(fields.pop("amp", "")),
        compile=bool(fields.pop("compile", False)),
        force=bool(fields.pop("force", False)),
        tracking=TrackingOptions(
            tensorboard=bool(fields.pop("tensorboard", False)),
            track=tuple(dict.fromkeys(_words(cast(Words, fields.pop("track", ()))))),
            annotation=annotation(note, _words(tags)),
        ),
        overrides=assignments(fields),
    )


def assignments(fields: Mapping[str, object]) -> list[str]:
    """Fields by their names as `FIELD=VALUE`, VALUE as in YAML; None is left out."""
    return [f"{name}={_yaml(value)}" for name, value in fields.items() if value is not None]


def _yaml(value: object) -> str:
    # numbers as Python writes them: YAML takes 1e-05 for text, and the fields of a spec do not
    if isinstance(value, bool) or not isinstance(value, int | float):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return repr(value)


def _plain(value: object) -> object:
    """Paths as text, NumPy's numbers and arrays as Python's."""
    if isinstance(value, PathLike):
        return str(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Iterable):
        return list(value)
    kind = type(value).__name__
    raise CatdogError(f"{kind} is no value of a field", remedy="give numbers, texts, lists, dicts")


def _sources(weights: Weights) -> Sequence[str] | None:
    if isinstance(weights, bool):
        return None if weights else ()
    return _words(str(weights) if isinstance(weights, PathLike) else weights)


def _words(given: Words) -> list[str]:
    """Words from a text with commas between them, or from a list."""
    listed = given.split(",") if isinstance(given, str) else given
    return [str(word) for word in listed if str(word).strip()]


def _provide_caffe() -> None:
    from catdog.pycaffe.install import install

    install()
