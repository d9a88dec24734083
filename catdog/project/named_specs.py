"""The specs of a net of torchvision or timm, as if it shipped."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from catdog.export.from_torch.training_form import training_form
from catdog.project.advice import NetAdvice
from catdog.project.request import Tell
from catdog.spec import to_yaml
from catdog.weights.named_module import is_named
from catdog.weights.named_nets import named_module

_BATCH = 32
_NET = """\
{name} on its ImageNet weights, two classes. The layers have the names of its modules; the last one
is new. Photos are best stored as they are: the weights know none that are equalised.

The first weights are smaller than the original's, which sees normalised pictures: with its own rate
and decay that layer moves as it would there.
"""
_SOLVER = """\
# The last layer learns, the rest stays, and what it makes of the photos is computed once. A file
# with a state dict may stand in the place of the name of the weights.
net: net.yaml
weights: {name}
freeze: {known}
cache_features: true
base_lr: 0.0005
lr_policy: poly
power: 1
momentum: 0.9
weight_decay: 0.0005
"""


@dataclass(frozen=True)
class NamedSpecs:
    """The files of a net and a solver, and the net's line in the table of advice."""

    net: Path
    solver: Path
    advice: NetAdvice


@contextmanager
def named_specs(name: str, tell: Tell) -> Iterator[NamedSpecs | None]:
    """The specs of `torchvision:NAME` or `timm:NAME` while the context lasts; None for another
    name. Raises CatdogError as `training_form`."""
    if not is_named(name):
        yield None
        return
    named = named_module(name)
    tell(f"the net of {name} is made of its module")
    form = training_form(named, _BATCH)
    advice = NetAdvice(
        name,
        named.size,
        epochs=20,
        enough=20,
        least=300,
        batch=_BATCH,
        pretrained=True,
        why="knows ImageNet; asked for",
    )
    with TemporaryDirectory() as folder:
        net, solver = Path(folder, f"{named.plain}.yaml"), Path(folder, "solver.yaml")
        net.write_text(to_yaml(form.net, _NET.format(name=name)), encoding="utf-8")
        known = yaml.safe_dump(list(form.known), default_flow_style=True, width=10**6).strip()
        solver.write_text(_SOLVER.format(name=name, known=known), encoding="utf-8")
        yield NamedSpecs(net, solver, advice)
