"""How far nets are from torchvision's modules: `python -m tests.export.from_torch.report`.

Names of nets may be given; those with a library, `torchvision:resnet34` or `timm:resnet34`, are
held against their modules on a photo, and their state dicts against the layers. Weights are those
of a new module, statistics of batch normalisation are drawn.
"""

import sys
from collections.abc import Iterator

import torch
import torchvision

from catdog.errors import CatdogError, SpecError, WeightsError
from catdog.export.from_torch.module_net import module_net
from catdog.export.from_torch.named import drawn_module, named_net, sample_of
from catdog.export.from_torch.source import example_of
from catdog.export.from_torch.training_form import check_by_name
from catdog.net.net import Net
from catdog.weights import copy_weights
from catdog.weights.named_module import is_named
from catdog.weights.named_nets import named_module
from tests.export.from_torch.modules import with_statistics


def row(name: str) -> str:
    """A net's layers, and its largest difference as a share of its largest output; or what it uses
    that has no layer."""
    torch.manual_seed(0)
    quick = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    module = with_statistics(torchvision.models.get_model(name, weights=None, **quick)).eval()
    example = example_of(module, [], name)
    try:
        made = module_net(module, example, name, name)
    except SpecError as error:
        kinds = dict.fromkeys(
            fault.what.partition(" ")[0]
            for fault in error.faults
            if "Caffe has no layer" in fault.what
        )
        return f"| `{name}` | | {', '.join(kinds) or error.faults[0].what} |"
    net = Net(made.weights.net)
    copy_weights(net, made.weights, strict=True)
    with torch.no_grad():
        wanted = module(*example)
        found = net({made.inputs[0]: example[0]}).blobs[made.outputs[0]]
    share = float((found - wanted).abs().max() / wanted.abs().max())
    return f"| `{name}` | {len(made.weights.net.layer)} | {share:.1e} |"


def row_by_name(name: str) -> str:
    """The same for a net that takes photos as stores hold them, with the size of these."""
    named = named_module(name)
    module = with_statistics(drawn_module(named))
    try:
        made = named_net(named, module)
        check_by_name(named, named.blobs(module.state_dict()), made.weights.blobs)
    except (SpecError, WeightsError) as error:
        return f"| `{name}` | {named.size} | | {_reason(error)} |"
    net = Net(made.weights.net)
    copy_weights(net, made.weights, strict=True)
    sample = sample_of(named, module)
    with torch.no_grad():
        wanted = module(*sample.given)
        found = net({made.inputs[0]: sample.to_net[0]}).blobs[made.outputs[0]]
    share = float((found - wanted).abs().max() / wanted.abs().max())
    return f"| `{name}` | {named.size} | {len(made.weights.net.layer)} | {share:.1e} |"


def _reason(error: CatdogError) -> str:
    if isinstance(error, SpecError):
        return ", ".join(dict.fromkeys(fault.what.partition(" ")[0] for fault in error.faults))
    return error.what


def names() -> Iterator[str]:
    """The nets for pictures in torchvision, but the very largest."""
    large = (
        "128gf",
        "32gf",
        "16gf",
        "vit_h",
        "vit_l",
        "101_32",
        "101_64",
        "v2_l",
        "b5",
        "b6",
        "b7",
        "101_2",
    )
    for name in torchvision.models.list_models(module=torchvision.models):
        if not any(each in name for each in large):
            yield name


if __name__ == "__main__":
    by_name = any(map(is_named, sys.argv[1:]))
    columns = [
        "net",
        *(["pixels"] if by_name else []),
        "layers",
        "difference, or what has no layer",
    ]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for each in sys.argv[1:] or names():
        print(row_by_name(each) if is_named(each) else row(each), flush=True)
