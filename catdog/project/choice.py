"""What a project is given: a net, the size of its photos, how long it trains, and on how many."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from catdog.errors import CatdogError, some_of
from catdog.project.advice import NetAdvice, advice, candidate_of, candidates
from catdog.project.budget import Job, within
from catdog.project.found import FoundPhotos
from catdog.project.look import Look
from catdog.project.named_specs import NamedSpecs
from catdog.project.net_text import facts
from catdog.project.rates import Rates, rates
from catdog.project.request import Request, Tell
from catdog.project.solver_text import TrainingPlan, training_plan
from catdog.spec import read_solver
from catdog.spec.shipped import find_net, find_solver, is_shipped
from catdog.training.class_weights import balanced

#: Of the solvers of a net the one that is for any photos.
_SOLVERS = {"deep64": "quick", "small64": "small"}
_PATIENCE = {True: 5, False: 10}
#: The largest class may have so many times the photos of the smallest before they count otherwise.
_UNEVEN = 1.5
#: So many weights are told.
_SHOWN = 6
#: Pixels of a side where a net does not say it.
_SMALL = 32


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Args:
        net: the file of the net.
        solver: the solver that ships with it, if there is one.
        candidate: its line in the table of advice, filled in by what was asked for.
        photos: how many are used.
        plan: how long it trains.
        weights: what each class counts in the loss; none where all count alike.
    """

    net: Path
    solver: Path | None
    candidate: NetAdvice
    photos: int
    plan: TrainingPlan
    weights: Sequence[float] = ()


def choose(
    found: FoundPhotos,
    seen: Look,
    asked: Request,
    device: torch.device,
    tell: Tell,
    named: NamedSpecs | None = None,
) -> Choice:
    """Choose, and tell why. `asked.net` is as seen from the working directory; `named` are its
    specs where it is of torchvision or timm.

    Raises CatdogError for a net that does not fit photos, or not in this size.
    """
    if asked.net:
        known = [named.advice if named else candidate_named(asked.net)]
    else:
        # what a machine does in the minutes is measured
        known = candidates(found.training, gpu=device.type == "cuda" or asked.minutes > 0)
    chosen = _asked(known[0], asked)
    photos, epochs, why = found.count, asked.epochs or chosen.epochs, list[str]()
    if asked.minutes:
        known = [_asked(each, asked) for each in known]
        job = Job(found.count, found.training, seen.rate)
        budget = within(asked.minutes, job, known, lambda each: _rates(each, device, named))
        chosen, photos = budget.chosen, budget.photos
        epochs = budget.epochs
        why.append(budget.why)
    if asked.batch > found.training:
        why.append(
            f"a batch has {found.training:,} photos in place of {asked.batch:,}: about so many are "
            "trained on"
        )
    if not asked.net:
        why += advice(found.training, chosen.net, known)
    for line in ["", *why] if why else []:
        tell(line)
    path = named.net if named else find_net(chosen.net)
    solver = named.solver if named else solver_for(path)
    plan = plan_of(found, photos, chosen, epochs, asked)
    return Choice(path, solver, chosen, photos, plan, _weights(found, tell))


def _weights(found: FoundPhotos, tell: Tell) -> list[float]:
    """What classes of very different sizes count."""
    counts = found.counts()
    if found.several or max(counts) <= _UNEVEN * min(counts):
        return []
    weights = balanced(counts)
    words = [f"{name} {weight:.3g}" for name, weight in zip(found.classes, weights, strict=True)]
    tell(
        f"photos of small classes count more in the loss: {some_of(words, _SHOWN)} "
        "(loss_param in net.yaml)"
    )
    return weights


def plan_of(
    found: FoundPhotos, photos: int, chosen: NetAdvice, epochs: float, asked: Request
) -> TrainingPlan:
    """How long a net trains on so many of the photos."""
    training = max(1, round(found.training * photos / found.count))
    least = 0 if asked.epochs or (asked.minutes and not chosen.pretrained) else chosen.least
    patience = _PATIENCE[chosen.pretrained]
    return training_plan(
        training, min(chosen.batch, training), epochs, least=least, patience=patience
    )


def _asked(chosen: NetAdvice, asked: Request) -> NetAdvice:
    """A line of the table with the size and the batch that were asked for."""
    if asked.size and chosen.pretrained and asked.size != chosen.size:
        if not asked.net:
            raise CatdogError(
                "a net that knows ImageNet is best for these photos, and has a size of its own",
                where=f"--size {asked.size}",
                remedy=f"leave it out, or train from scratch: --net small64 --size {asked.size}",
            )
        raise CatdogError(
            f"{chosen.net} takes photos of {chosen.size}x{chosen.size}",
            where=f"--size {asked.size}",
            remedy="leave it out, or name a net that learns from scratch: --net small64",
        )
    return replace(chosen, size=asked.size or chosen.size, batch=asked.batch or chosen.batch)


def candidate_named(net: str) -> NetAdvice:
    """The line of a net in the table; for another one of what its own spec says.

    Raises CatdogError for a net that cannot be made to fit photos.
    """
    path = find_net(net)
    if is_shipped(path) and (known := candidate_of(path.stem)):
        return known
    own = facts(path, stages_of(solver_for(path)))
    return NetAdvice(net, own.size or _SMALL, batch=own.batch, why="asked for")


def stages_of(solver: Path | None) -> tuple[str, ...]:
    """The stages that a solver switches on."""
    return tuple(read_solver(solver).message.stage) if solver else ()


def solver_for(net: Path) -> Path | None:
    """The solver that ships for a net that ships."""
    if not is_shipped(net):
        return None
    path = find_solver(_SOLVERS.get(net.stem, net.stem))
    return path if is_shipped(path) else None


def _rates(each: NetAdvice, device: torch.device, named: NamedSpecs | None) -> Rates:
    path = named.net if named else find_net(each.net)
    return rates(path, each.size, each.batch, device, learns=not each.pretrained)
