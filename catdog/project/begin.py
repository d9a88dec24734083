"""A new project: its photos are looked at, a net is chosen, and its specs are written."""

from collections.abc import Sequence
from pathlib import Path

import torch

from catdog.errors import CatdogError, DataError
from catdog.project.choice import Choice, choose, stages_of
from catdog.project.digest import digest_of
from catdog.project.found import FoundPhotos, find, remarks
from catdog.project.look import Look, described, look
from catdog.project.named_specs import named_specs
from catdog.project.net_text import DATA, NetChange, facts, net_text
from catdog.project.part import PART, PART_VALIDATION, write_part
from catdog.project.readme import README, write_readme
from catdog.project.request import Project, Request, Tell, seen_from
from catdog.project.run_steps import steps_of
from catdog.project.solver_text import NET, SOLVER, solver_text
from catdog.project.unpacking import PHOTOS, is_packed, unpack, unpacking
from catdog.runtime.files import replacing
from catdog.spec import read_solver

#: What an interrupted beginning may have left.
_OURS = {PHOTOS, f".{PHOTOS}.new", PART, PART_VALIDATION, NET, SOLVER, README, ".fit.lock"}


def begin(
    photos: Path, folder: Path, asked: Request, device: torch.device, tell: Tell
) -> tuple[Project, FoundPhotos]:
    """Make a project of photos in a folder, which holds nothing else.

    `asked.net` is as seen from the working directory. Raises CatdogError for a folder in use, and
    DataError for photos that nothing can be learned from.
    """
    _check_free(folder)
    found, seen = looked_at(unpacked(photos, folder, tell), tell)
    return write_project(found, seen, photos, folder, asked, device, tell), found


def looked_at(source: Path, tell: Tell) -> tuple[FoundPhotos, Look]:
    """The photos of a folder or list and what they are like, which is told.

    Raises DataError for photos that nothing can be learned from.
    """
    found = find(source)
    try:
        seen = look(found.photos)
    except DataError as error:
        error.where = str(source)
        raise
    for line in described(found, seen):
        tell(line)
    for line in remarks(found):
        tell(f"warning: {line}")
    return found, seen


def write_project(
    found: FoundPhotos,
    seen: Look,
    photos: Path,
    folder: Path,
    asked: Request,
    device: torch.device,
    tell: Tell,
) -> Project:
    """Choose a net for photos and write the specs of the project; `photos` is what they are of."""
    with named_specs(asked.net, tell) as named:
        choice = choose(found, seen, asked, device, tell, named)
        build = _build(found, choice, asked, folder)
        name, digest = _plain(folder.resolve().name), digest_of(found, photos)
        project = Project(asked, name, choice.net.stem, build, found.count, digest)
        _write(project, found, choice, folder)
    return project


def photos_again(project: Project, photos: Path, folder: Path, tell: Tell) -> FoundPhotos:
    """The photos of a project; CatdogError where there are others than it was made of."""
    found = find(unpacked(photos, folder, tell))
    now, what = found.count, ""
    if now != project.count:
        what = f"was made of {project.count:,} photos, and {photos} has {now:,} now"
    elif project.digest not in ("", digest_of(found, photos)):
        what = f"was made of other photos than {photos} has now: names, classes or sizes differ"
    if what:
        remedy = "name another --out for them, or remove this one"
        raise CatdogError(what, where=str(folder), remedy=remedy)
    return found


def _check_free(folder: Path) -> None:
    others = [path.name for path in folder.iterdir() if path.name not in _OURS]
    if others:
        raise CatdogError(
            f"is not empty ({others[0]}), and no project of `catdog fit`",
            where=str(folder),
            remedy="name another --out",
        )


def unpacked(photos: Path, folder: Path, tell: Tell) -> Path:
    """The photos; those of a zip lie in the project's folder afterwards."""
    if not is_packed(photos):
        return photos
    place = folder / PHOTOS
    if not place.exists():
        tell(f"$ {unpacking(photos, place)}")
        unpack(photos, place)
    inside = [path for path in place.iterdir() if path.is_dir()]
    alone = len(inside) == 1 and not any(path.is_file() for path in place.iterdir())
    # a zip of one folder that holds all
    return inside[0] if alone and _holds_more(inside[0]) else place


def _holds_more(folder: Path) -> bool:
    return folder.name.casefold() not in ("train", "training") and any(
        path.is_dir() for path in folder.iterdir()
    )


def _plain(name: str) -> str:
    """A name for files that needs no quotes."""
    return (
        "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name).strip(".")
        or "net"
    )


def _build(found: FoundPhotos, choice: Choice, asked: Request, folder: Path) -> list[str]:
    """The arguments of `create_lmdb`."""
    words = ["--data", seen_from(found.source, folder)]
    if found.part or choice.photos < found.count:
        words += write_part(found, choice.photos, folder)
    elif found.table:
        flag = "--labels" if found.several else "--list"
        words += [flag, seen_from(found.table, folder)]
    words += ["--out", DATA, "--size", str(choice.candidate.size), "--seed", str(asked.seed)]
    if choice.candidate.pretrained or _has_weights(choice):
        words.append("--no-equalize")
    if found.listing.validation is None and not found.several:
        words.append("--stratify")
    return words


def _has_weights(choice: Choice) -> bool:
    return choice.solver is not None and bool(read_solver(choice.solver).message.weights)


def _write(project: Project, found: FoundPhotos, choice: Choice, folder: Path) -> None:
    """The specs, README.md and, last, what tells that all is there."""
    steps = steps_of(project)
    about = [
        f"{project.name}: {len(found.classes)} {'labels' if found.several else 'classes'} "
        f"({_short(found.classes)}), {choice.net.stem}.",
        "",
        *(f"  {step}" for step in steps[:2]),
    ]
    wanted = NetChange(
        len(found.classes),
        found.several,
        min(choice.candidate.batch, max(1, found.training)),
        project.asked.size,
        choice.weights,
    )
    stages = stages_of(choice.solver)
    own = {"snapshot_best": facts(choice.net, stages).score, **_own(project.asked)}
    texts = {
        NET: net_text(choice.net, wanted, about, stages),
        SOLVER: solver_text(choice.solver, about, choice.plan, project.name, own),
    }
    for name, text in texts.items():
        with replacing(folder / name) as path:
            path.write_text(text, encoding="utf-8")
    packed, size = is_packed(folder / project.asked.photos), choice.candidate.size
    write_readme(folder, project, found.classes, choice.photos, size, packed=packed)
    project.write(folder)


def _own(asked: Request) -> dict[str, object]:
    own: dict[str, object] = {"random_seed": asked.seed}
    if asked.lr:
        own["base_lr"] = asked.lr
    return own


def _short(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (" ..." if len(names) > 6 else "")
