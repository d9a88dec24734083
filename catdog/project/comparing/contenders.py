"""Nets that are compared: their lines in the table of advice, their weights, how fast they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from catdog.errors import CatdogError, WeightsError, one_line
from catdog.project.advice import NetAdvice
from catdog.project.choice import candidate_named, solver_for
from catdog.project.measured import SCRATCH
from catdog.project.named_specs import named_specs
from catdog.project.rates import Rates, rates
from catdog.project.request import Tell
from catdog.spec import read_solver
from catdog.spec.shipped import find_net
from catdog.weights import weight_file
from catdog.weights.pretrained import PACKAGED, is_installed


@dataclass(frozen=True)
class Contender:
    """A net to compare: its line of advice, what it begins with, and photos a second."""

    net: str
    advice: NetAdvice
    weights: str
    rates: Rates


@dataclass(frozen=True)
class NetLeftOut:
    """A net that cannot be compared here, and why, with the remedy."""

    net: str
    why: str


def contenders(
    nets: Sequence[str], device: torch.device, tell: Tell
) -> Iterator[Contender | NetLeftOut]:
    """The nets, each as its weights were found and its speed was measured.

    Weights of a net that is named may be fetched; a net whose weights cannot be had is left out.
    Raises CatdogError for a net that is none, or that cannot be made to fit photos.
    """
    for net in nets:
        try:
            yield _contender(net, device, tell)
        except WeightsError as error:
            what = "not installed" if net in PACKAGED and not is_installed(net) else error.what
            yield NetLeftOut(net, one_line("; ".join(filter(None, [what, error.remedy]))))


def _contender(net: str, device: torch.device, tell: Tell) -> Contender:
    with named_specs(net, tell) as named:
        advice = named.advice if named else candidate_named(net)
        path = named.net if named else find_net(advice.net)
        solver = named.solver if named else solver_for(path)
        sources = list(read_solver(solver).message.weights) if solver else []
        for source in sources:
            weight_file(source, partial(_beside, solver))
        learns = not advice.pretrained
        found = rates(path, advice.size, advice.batch, device, learns=learns)
    return Contender(net, advice, ", ".join(sources) or SCRATCH, found)


def _beside(solver: Path | None, name: str) -> Path:
    return Path(name) if solver is None else solver.parent / name


def check_nets(nets: Sequence[str]) -> None:
    """Raise CatdogError for a net that is named twice."""
    twice = next((net for net in nets if list(nets).count(net) > 1), "")
    if twice:
        raise CatdogError(f"{twice} is named twice", where="--nets", remedy="name each once")
