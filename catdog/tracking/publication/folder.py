"""The files of a publication, in a folder that is whole or not there."""

import json
from collections.abc import Callable
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path
from typing import Any

from catdog.errors import CatdogError, DataError
from catdog.export.deployed_files import FileForm, to_onnx
from catdog.export.onnx_metadata import HEADS, PREPARATION, onnx_metadata
from catdog.runtime.files import flush_all, scratch_folder, unwritable
from catdog.runtime.provenance import versions
from catdog.spec import to_prototxt
from catdog.tracking.curves.files import plot
from catdog.tracking.log_reader import LOG
from catdog.tracking.publication.card import card
from catdog.tracking.publication.publication import Publication
from catdog.weights import write_weights
from catdog.weights.published import WEIGHTS

#: What makes a folder a publication: which run, of what, and its files.
MARK = "publication.json"
CARD = "README.md"
_DEPLOY, _ONNX, _PREPARATION = "deploy.prototxt", "model.onnx", "preparation.json"
_LABELS, _CURVES = "labels.txt", "curves.png"
#: All that a publication may have, each with what it is, as in the card.
CONTENT = {
    WEIGHTS: "the weights, with the net and the preparation; what --weights reads",
    _DEPLOY: "the net as Caffe reads it",
    _ONNX: "the net with its weights for other programs",
    _PREPARATION: "how a photo becomes the net's input, and what its outputs are",
    _LABELS: "the names of the classes, one a line",
    _CURVES: "losses and scores in the course of the training",
    MARK: "which run this is of, and the SHA-256 of each file",
}

Tell = Callable[[str], object]


def publish_folder(publication: Publication, target: Path, tell: Tell) -> list[str]:
    """Write a publication as a folder; gives the names of its files.

    An empty folder is filled, an earlier publication of the same run is replaced. Raises DataError
    for any other that is there, Unwritable, and as `write_files`.
    """
    check_target(target, publication.mark)
    try:
        with scratch_folder(target) as beside:
            new, old = beside / "new", beside / "old"
            new.mkdir()
            names = write_files(publication, new, target.resolve().name, tell)
            flush_all(new)
            if target.exists():
                target.rename(old)
            try:
                new.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
    except OSError as error:
        raise unwritable(target, error) from error
    return names


def check_target(target: Path, mark: str) -> None:
    """Raise DataError for a file, and for a folder with something else than this publication."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise DataError("is no folder", where=str(target), remedy="name another")
    if not target.is_dir() or not any(target.iterdir()):
        return
    known = publication_mark(target / MARK)
    if known is None:
        what = "has files that are no publication of catdog's"
        raise DataError(what, where=str(target), remedy="name an empty folder or a new one")
    if known != mark:
        what = f"has the publication of another run, {known}"
        raise DataError(what, where=str(target), remedy="remove it or name another")
    if others := [path.name for path in target.iterdir() if path.name not in (*CONTENT, CARD)]:
        what = f"has {', '.join(sorted(others)[:3])} beside the publication, which would go"
        raise DataError(what, where=str(target), remedy="move it away")


def publication_mark(path: Path) -> str | None:
    """The run that a publication is of, by its mark; None where it is none."""
    with suppress(OSError, ValueError, RecursionError):
        content = json.loads(path.read_bytes())
        if isinstance(content, dict) and isinstance(content.get("run"), str):
            return str(content["run"])
    return None


def write_files(publication: Publication, folder: Path, address: str, tell: Tell) -> list[str]:
    """Write all files of a publication into a folder; gives their names.

    What cannot be had is told and left out: the ONNX model, the curves. `address` is what others
    give --weights. Raises what reading and writing raise.
    """
    write_weights(folder / WEIGHTS, publication.weights)
    found = publication.deployed
    (folder / _DEPLOY).write_text(to_prototxt(publication.weights.net.deploy), encoding="utf-8")
    for name, make in (
        (_ONNX, lambda path: to_onnx(found, path, FileForm(), lambda _: None)),
        (_CURVES, lambda path: plot(Path(publication.run.name).parent / LOG, path)),
    ):
        try:
            make(folder / name)
        except CatdogError as error:
            tell(f"without {name}: {error}")
    entries = {key: json.loads(text) for key, text in onnx_metadata(found).items()}
    said = {"preparation": entries.get(PREPARATION), "heads": entries.get(HEADS)}
    _write_json(folder / _PREPARATION, said)
    lines = "".join(f"{name}\n" for name in publication.classes)
    (folder / _LABELS).write_text(lines, encoding="utf-8")
    files = {name: about for name, about in CONTENT.items() if (folder / name).exists()}
    text = card(publication, address, {**files, MARK: CONTENT[MARK]})
    (folder / CARD).write_text(text, encoding="utf-8")
    _write_json(folder / MARK, _mark(publication, folder, [*files, CARD]))
    return [*files, CARD, MARK]


def _mark(publication: Publication, folder: Path, names: list[str]) -> dict[str, Any]:
    sums = {}
    for name in names:
        with (folder / name).open("rb") as file:
            sums[name] = file_digest(file, "sha256").hexdigest()
    net = publication.weights.net
    told = {"run": publication.mark, "name": publication.name, "iteration": net.iteration}
    return {**told, "catdog": versions()["catdog"], "sha256": sums}


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
