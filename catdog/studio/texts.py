"""SpecTexts for a new training: made to fit a store, and written into a folder of their own."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from catdog.data.datum import read_example
from catdog.data.preprocessing import dataset_at
from catdog.data.shards import open_records
from catdog.data.store_names import is_store
from catdog.errors import CatdogError
from catdog.project.advice import candidate_of
from catdog.project.choice import solver_for, stages_of
from catdog.project.net_text import NetChange, facts, net_text
from catdog.project.solver_text import solver_text, training_plan
from catdog.project.yaml_text import YamlText
from catdog.runtime.files import new_folder
from catdog.spec.prototxt_tree import parse
from catdog.spec.tree import Scalar
from catdog.studio.choices import path_of
from catdog.studio.place import StudioFolder
from catdog.studio.spec_text import NET, PROTOTXT, YAML, form_of

#: Where trainings of the pages lie in their folder.
TRAININGS = "trainings"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_EPOCHS, _PATIENCE, _BATCH = 30.0, 10, 64


@dataclass(frozen=True)
class SpecTexts:
    """The texts of a net and its solver."""

    net: str
    solver: str


@dataclass(frozen=True)
class Written:
    """A training that is ready: its folder, its files, its snapshot_prefix, its command's words."""

    folder: str
    prefix: str
    net: str
    solver: str
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        """As one types it in the pages' folder."""
        return shlex.join(["catdog", *self.words])


@dataclass(frozen=True)
class Fit:
    """What a training for a store is asked to be; 0 leaves it to the net.

    Args:
        store: a store below the folder, the one to train on.
        net: a shipped net's name, or a file below the folder.
        name: of the training.
        epochs, batch, lr: of the training.
        classes: how many; for stores that have no names of theirs.
    """

    store: str
    net: str
    name: str
    epochs: float = 0
    batch: int = 0
    lr: float = 0
    classes: int = 0


def fitted_texts(asked: Fit, place: StudioFolder) -> SpecTexts:
    """A net with the store's data and as many outputs as it has classes, and a solver for it.

    Raises CatdogError for a net that cannot be made to fit, and for a store that does not tell how
    many classes it has.
    """
    check_name(asked.name)
    path = _store(asked.store, place)
    dataset = dataset_at(path)
    classes = asked.classes or (len(dataset.class_name) if dataset else 0)
    if not classes:
        what = "does not tell how many classes it has"
        raise CatdogError(what, where=asked.store, remedy="say how many")
    net = path_of(NET, asked.net, place.folder)
    shipped = solver_for(net)
    stages = stages_of(shipped)
    own, known = facts(net, stages), candidate_of(net.stem)
    photos = dataset.count.train if dataset else 0
    batch = asked.batch or min(own.batch or _BATCH, photos or own.batch or _BATCH)
    size = min(dataset.width, dataset.height) if dataset else 0
    change = NetChange(
        classes,
        several=_has_several(path),
        batch=batch,
        size=size if 0 < size < own.size else 0,
        data=str(Path(asked.store).parent),
    )
    about = [f"{asked.name}: {asked.store}, {classes} classes, {net.stem}."]
    epochs = asked.epochs or (known.epochs if known else _EPOCHS)
    least = 0 if asked.epochs or known is None else known.least
    plan = training_plan(max(1, photos), batch, epochs, least=least, patience=_PATIENCE)
    fields: dict[str, object] = {"snapshot_best": own.score, **_places(asked.name, YAML)}
    if asked.lr:
        fields["base_lr"] = asked.lr
    solver = solver_text(shipped, about, plan, asked.name, fields)
    return SpecTexts(net_text(net, change, about, stages), solver)


def write_training(
    name: str, texts: SpecTexts, folder: Path, device: str = "", more: Sequence[str] = ()
) -> Written:
    """Write texts into a new folder, with the solver's files there too; gives what runs them.

    Raises CatdogError for a name that is taken or none.
    """
    check_name(name)
    form = form_of(texts.net)
    places = _places(name, form)
    solver = texts.solver
    for field, value in places.items():
        solver = with_field(solver, field, value)
    place = folder / TRAININGS / name
    file = f"solver.{form_of(solver)}"
    with new_folder(place) as beside:
        (beside / f"net.{form}").write_text(texts.net, encoding="utf-8")
        (beside / file).write_text(solver, encoding="utf-8")
    there = f"{TRAININGS}/{name}"
    words = ["train", "--solver", f"{there}/{file}", *(["--device", device] if device else [])]
    return Written(
        there, places["snapshot_prefix"], f"{there}/net.{form}", f"{there}/{file}", (*words, *more)
    )


def check_name(name: str) -> None:
    """Raise CatdogError for what is no name of a training or a store."""
    if not _NAME.fullmatch(name) or ".." in name:
        remedy = "letters, digits, - _ and ., 60 at most, a letter or digit first"
        what = "is no name" if name else "is empty"
        raise CatdogError(what, where=name[:60] or "name", remedy=remedy)


def with_field(text: str, field: str, value: str) -> str:
    """The text of a solver with a field set to a word; all else stays as it was written."""
    if form_of(text) == PROTOTXT:
        return _with_prototxt_field(text, field, value)
    made = YamlText(text)
    if isinstance(made.root, yaml.MappingNode) and not made.root.flow_style:
        if made.find(made.root, field) is None:
            return f"{text.rstrip()}\n{field}: {value}\n"
        made.put(made.root, field, value)
        return made.changed()
    raise CatdogError("is no list of fields", where="solver", remedy="write `field: value` lines")


def _with_prototxt_field(text: str, field: str, value: str) -> str:
    tree = parse(text, "solver")
    lines = text.splitlines(keepends=True)
    for entry in tree.entries:
        if entry.key == field and isinstance(entry.value, Scalar):
            line, column = entry.value.place
            at = sum(map(len, lines[: line - 1])) + column - 1
            rest = re.sub(r"""^("(\\.|[^"\\])*"|'(\\.|[^'\\])*'|\S+)""", "", text[at:], count=1)
            return f'{text[:at]}"{value}"{rest}'
    return f'{text.rstrip()}\n{field}: "{value}"\n'


def _places(name: str, form: str) -> dict[str, str]:
    there = f"{TRAININGS}/{name}"
    return {"net": f"{there}/net.{form}", "snapshot_prefix": f"{there}/snapshots/{name}"}


def _store(name: str, place: StudioFolder) -> Path:
    path = place.within(name)
    if not is_store(path):
        raise CatdogError("no such store", where=name, remedy="choose one of the list")
    # as it is named: builds are links into hidden folders
    return place.folder / name


def _has_several(store: Path) -> bool:
    """Whether the photos of a store have several labels each."""
    with open_records(store) as records:
        return read_example(records.first()).labels is not None
