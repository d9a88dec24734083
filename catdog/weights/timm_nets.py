"""timm's nets by name, where it is installed; their weights are files of Hugging Face's hub."""

from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from catdog.errors import CatdogError, WeightsError, did_you_mean
from catdog.runtime.optional import optional
from catdog.weights.named_module import TIMM, NamedModule, in_bytes
from catdog.weights.torchvision_nets import find as find_torchvision

_FILE = "model.safetensors"


def find(name: str) -> NamedModule:
    """A net by its name, also with the tag of its weights, as `resnet18.a1_in1k`.

    Raises CatdogError where timm is not installed, and for a name that it does not have.
    """
    about = _configuration(name)
    size = int(about.input_size[-1])
    outputs = int(about.num_classes)
    return NamedModule(
        f"{TIMM}:{name}",
        partial(_make, name),
        mean=in_bytes(about.mean),
        deviation=in_bytes(about.std),
        size=size,
        resize=int(size / (about.crop_pct or 1)),
        # those of ImageNet, in their usual order
        classes=find_torchvision("alexnet").classes if outputs == 1000 else (),
        outputs=outputs,
    )


def file_of(name: str) -> Path:
    """The file of a net's weights, fetched where it is not in the cache of Hugging Face's hub.

    Raises WeightsError where it cannot be had, and as `find`.
    """
    if path := cached_file(name):
        return path
    repository, hub = _repository(name), _hub()
    try:
        return Path(hub.hf_hub_download(repository, _FILE))
    except Exception as error:  # the hub has errors of many kinds, and of the library beneath it
        reason = next(iter(str(error).splitlines()), "").rstrip(". ") or type(error).__name__
        raise WeightsError(
            f"cannot be fetched ({reason})",
            where=f"{TIMM}:{name}",
            remedy=f"get {_FILE} of https://huggingface.co/{repository} and "
            f"catdog convert {TIMM}:{name} {_FILE} net.prototxt",
        ) from error


def cached_file(name: str) -> Path | None:
    """The file in the cache of Hugging Face's hub, if it is there. Raises as `find`."""
    repository = _repository(name)
    found = _hub().try_to_load_from_cache(repository, _FILE)
    return Path(found) if isinstance(found, str) else None


def _repository(name: str) -> str:
    repository = _configuration(name).hf_hub_id
    if not repository:
        raise WeightsError(
            "timm has no weights for it", where=f"{TIMM}:{name}", remedy="give a state dict of it"
        )
    return str(repository)


def _configuration(name: str) -> Any:
    """What timm says of a net's weights."""
    timm, (architecture, _, tag) = _timm(), name.partition(".")
    where = f"{TIMM}:{name}"
    if not timm.is_model(architecture):
        remedy = did_you_mean(architecture, timm.list_models()) or "timm.list_models() has them"
        raise CatdogError("timm has no such net", where=where, remedy=remedy)
    known = timm.models.get_pretrained_cfg(architecture, allow_unregistered=True)
    tags = [each.partition(".")[2] for each in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        remedy = did_you_mean(tag, tags) or f"it has {', '.join(tags) or 'none'}"
        raise CatdogError(f'timm has no weights "{tag}" for it', where=where, remedy=remedy)
    about = timm.models.get_pretrained_cfg(name) if tag else known
    if about is None:
        raise CatdogError("timm does not say how its photos are prepared", where=where)
    return about


def _hub() -> Any:
    return optional("huggingface_hub", "timm's weights need huggingface_hub", "pip install timm")


def _timm() -> ModuleType:
    return optional("timm", "nets of timm need timm", "pip install timm")


def _make(name: str, classes: int) -> nn.Module:
    made: nn.Module = _timm().create_model(name, pretrained=False, num_classes=classes)
    return made
