"""torchvision's nets for pictures: by name, and by what is in a state dict of one."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from catdog.errors import CatdogError, did_you_mean
from catdog.weights.architectures import Colour
from catdog.weights.named_module import TORCHVISION, NamedModule, in_bytes

#: Of nets with further heads for the training: how the tensors of these begin.
_ASIDES = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}
#: A tensor that each of these has.
_MARKS = {
    "googlenet": "inception3a.branch1.conv.weight",
    "inception_v3": "Mixed_5b.branch1x1.conv.weight",
}
#: Their weights want pictures from -1 to 1, to which `transform_input` brings normalised ones.
_HALF: Colour = (127.5, 127.5, 127.5)
#: They use GELU, layer normalisation and attention.
_OF_OTHER_OPERATORS = ("convnext", "maxvit", "swin", "vit")
#: The last layers of torchvision's nets.
_HEADS = ("classifier", "fc", "head", "heads")


def names() -> list[str]:
    """The nets of torchvision that classify pictures."""
    from torchvision import models

    return list(models.list_models(module=models))


def convertible() -> list[str]:
    """Those of them whose operators all have layers."""
    return [name for name in names() if not name.startswith(_OF_OTHER_OPERATORS)]


def find(name: str) -> NamedModule:
    """A net by its name; CatdogError for one that torchvision does not have, or for another job."""
    from torchvision import models

    _check(name)
    preset = models.get_model_weights(name).DEFAULT
    prepared = preset.transforms()
    plain = name in _ASIDES
    return NamedModule(
        f"{TORCHVISION}:{name}",
        partial(_make, name),
        mean=_HALF if plain else in_bytes(prepared.mean),
        deviation=_HALF if plain else in_bytes(prepared.std),
        size=int(prepared.crop_size[0]),
        resize=int(prepared.resize_size[0]),
        classes=tuple(preset.meta["categories"]),
        asides=_ASIDES.get(name, ()),
    )


def file_of(name: str) -> str:
    """The name of the file of a net's weights; what follows its last dash begins its SHA-256.

    Raises as `find`.
    """
    from torchvision import models

    _check(name)
    url = str(models.get_model_weights(name).DEFAULT.url)
    return url.rpartition("/")[2]


def recognise(tensors: Mapping[str, Tensor]) -> NamedModule | None:
    """The net whose state dict this is, also with another number of classes; or none."""
    found = (find(name) for name in _candidates(tensors))
    return next((each for each in found if not each.misfits(tensors)), None)


def _check(name: str) -> None:
    from torchvision import models

    if name in (known := names()):
        return
    where = f"{TORCHVISION}:{name}"
    if name not in models.list_models():
        remedy = did_you_mean(name, known) or "`catdog list named` has the names"
        raise CatdogError("torchvision has no such net for pictures", where=where, remedy=remedy)
    # torchvision.models.detection.faster_rcnn
    kind = models.get_model_builder(name).__module__.split(".")[2]
    other = name.removeprefix("quantized_")
    raise CatdogError(
        f"is of torchvision.models.{kind}, whose nets do not become Caffe's",
        where=where,
        remedy=f"take {TORCHVISION}:{other}" if other in known else "take one that classifies",
    )


def _make(name: str, classes: int) -> nn.Module:
    from torchvision import models

    more: dict[str, Any] = {}
    if name in _ASIDES:
        more = {"aux_logits": False, "transform_input": False, "init_weights": False}
    made: nn.Module = models.get_model(name, weights=None, num_classes=classes, **more)
    return made


def _candidates(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """The nets that have so many numbers with a last layer for 1000 classes."""
    from torchvision import models

    yield from (name for name, mark in _MARKS.items() if mark in tensors)
    count = _count(tensors)
    for name in names():
        if models.get_model_weights(name).DEFAULT.meta["num_params"] == count:
            yield name


def _count(tensors: Mapping[str, Tensor]) -> int:
    """The parameters of a state dict, as if its last layer had 1000 outputs."""
    learned = {
        name: tensor.numel()
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not name.endswith(("running_mean", "running_var"))
    }
    last = [
        name.removesuffix(".weight")
        for name, tensor in tensors.items()
        if name.partition(".")[0] in _HEADS and name.endswith(".weight") and tensor.dim() > 1
    ]
    if not last:
        return sum(learned.values())
    # numbers in names of less than ten layers are in the order of the letters
    head = max(last)
    own = sum(learned.pop(f"{head}.{kind}", 0) for kind in ("weight", "bias"))
    return sum(learned.values()) + own // max(1, tensors[f"{head}.weight"].shape[0]) * 1000
