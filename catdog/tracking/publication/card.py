"""The model card: README.md with the head that the Hugging Face Hub reads."""

import html
from collections.abc import Iterator
from typing import Any

import yaml

from catdog.errors import one_line
from catdog.inference.intervals import with_interval
from catdog.net.summary import summarize
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.tracking.publication.measured import Measured, evaluate_command
from catdog.tracking.publication.publication import Publication
from catdog.weights.published import HUB, WEIGHTS

#: So many classes are listed; the file of labels has all.
_MOST_CLASSES = 20
#: Fields of the solver that say how it was trained, where they are set.
_TOLD = ("type", "base_lr", "lr_policy", "max_iter", "momentum", "weight_decay", "freeze")


def card(publication: Publication, address: str, files: dict[str, str]) -> str:
    """The text of README.md.

    `address` is what --weights is given by others, `files` are the names of the files beside it,
    each with what it is.
    """
    head = yaml.safe_dump(_head(publication), sort_keys=False, allow_unicode=True)
    sections = [
        [f"# {_plain(publication.name)}", "", *_about(publication)],
        ["## How good it is", "", *_scores(publication.measured, address)],
        ["## What it learned from", "", *_data(publication.dataset)],
        ["## How it was trained", "", *_training(publication, files)],
        ["## Using it", "", *_use(address, files)],
        ["## Files", "", *_table(("file", "content"), files.items())],
    ]
    body = "\n\n".join("\n".join(lines) for lines in sections)
    return f"---\n{head}---\n\n{body}\n"


def _head(publication: Publication) -> dict[str, Any]:
    head: dict[str, Any] = {"library_name": "catdog", "pipeline_tag": "image-classification"}
    if publication.terms:
        head["license"] = publication.terms
    head["tags"] = ["catdog", "caffe", "pytorch"]
    if publication.measured:
        head["model-index"] = [_index(publication.name, publication.measured)]
    return head


def _index(name: str, measured: Measured) -> dict[str, Any]:
    """The scores as the Hub takes them."""
    metrics = [
        {"type": kind, "value": value, "name": label}
        for kind, value, label in (
            ("accuracy", measured.accuracy, "accuracy"),
            ("log_loss", measured.log_loss, "log loss"),
            ("roc_auc", measured.auc, "AUC"),
            ("ece", measured.calibration_error, "calibration error"),
        )
        if value is not None
    ]
    result = {
        "task": {"type": "image-classification"},
        "dataset": {"type": measured.data, "name": measured.data},
        "metrics": metrics,
    }
    return {"name": name, "results": [result]}


def _about(publication: Publication) -> Iterator[str]:
    net, dataset = publication.deployed.net, publication.dataset
    count = summarize(net).parameters
    named = net.name or "a net without a name"
    classes = publication.classes
    yield f"{_plain(named)}, {count:,} parameters, for photos of {len(classes)} classes:"
    yield f"{_listed(classes)}."
    yield ""
    colours = DatasetParameter.ChannelOrder.Name(dataset.channel_order)
    size = f"{dataset.width} x {dataset.height}" if dataset.width else "the size that the net takes"
    yield f"Photos are brought to {size}, {colours}; `preparation.json` says all of it."


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _MOST_CLASSES
    listed = ", ".join(map(_plain, names[:_MOST_CLASSES]))
    return listed + (f" and {more} more" if more > 0 else "")


def _scores(measured: Measured | None, address: str) -> Iterator[str]:
    if measured is None:
        yield f"Not measured. `{evaluate_command(address)}` measures it."
        return
    right = round(measured.accuracy * measured.photos)
    rows = [
        ("photos", f"{measured.photos:,}"),
        ("accuracy", with_interval(right, measured.photos)),
        ("log loss", f"{measured.log_loss:.4f}"),
        ("AUC", "-" if measured.auc is None else f"{measured.auc:.4f}"),
        ("calibration error", f"{measured.calibration_error:.2%}"),
    ]
    yield from _table((f"on {measured.data}", ""), rows)
    if measured.views:
        yield from ("", f"The mean over several looks at each photo (--tta {measured.views}).")
    if measured.temperature != 1:
        text = "Its probabilities are at the temperature that it carries"
        yield from ("", f"{text}, {measured.temperature:.4f}.")


def _data(dataset: DatasetParameter) -> Iterator[str]:
    count = dataset.count
    if not count.train:
        yield "How many photos it learned from was not recorded with its data."
        return
    validated = f"; {count.validation:,} others to test it on the way" if count.validation else ""
    yield f"{count.train:,} photos{validated}."
    if len(count.per_class_train) == len(dataset.class_name) <= _MOST_CLASSES:
        rows = zip(dataset.class_name, map(str, count.per_class_train), strict=True)
        yield from ("", *_table(("class", "photos"), rows))


def _training(publication: Publication, files: dict[str, str]) -> Iterator[str]:
    run, mark = publication.run, publication.weights.net
    fields = {name: text for name, text in run.fields.items() if name in _TOLD}
    rows = [*fields.items(), ("iteration of these weights", f"{mark.iteration:,}")]
    versions = run.content.get("versions") or {}
    rows += [(name, str(versions[name])) for name in ("catdog", "torch") if name in versions]
    yield from _table(("", ""), rows)
    if "curves.png" in files:
        yield from ("", "![Losses and scores in the course of the training](curves.png)")


def _use(address: str, files: dict[str, str]) -> Iterator[str]:
    extra = "'catdog-torch[hub]'" if address.startswith(HUB) else "catdog-torch"
    yield from (
        "```",
        f"pip install {extra}",
        f"catdog predict photo.jpg --weights {address}",
        f"catdog train --solver quick --weights {address}",
        "```",
        "",
        "A few photos are answered on the terminal; the last line starts a training of yours "
        "from these weights, layer by layer by their names. "
        f"`{WEIGHTS}` holds numbers and the net as data: nothing of it is executed.",
    )
    if "model.onnx" in files:
        yield from ("", "`model.onnx` runs without catdog; its metadata hold the preparation.")


def _table(head: tuple[str, str], rows: Any) -> Iterator[str]:
    """A table in Markdown."""
    yield f"| {_plain(head[0])} | {_plain(head[1])} |"
    yield "|---|---|"
    yield from (f"| {_plain(name)} | {_plain(value)} |" for name, value in rows)


def _plain(text: str) -> str:
    """A text that may come from a file, as Markdown that shows it and does nothing else."""
    escaped = html.escape(one_line(text), quote=False)
    return "".join(f"\\{sign}" if sign in "\\|`*[]#" else sign for sign in escaped)
