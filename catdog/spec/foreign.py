"""Layers that forks of Caffe have and Caffe has not: whose they are, and what to do about them."""

from collections.abc import Iterable, Sequence

from catdog.errors import Fault, some_of
from catdog.proto.fork_table import forks, table

#: The types of forks that catdog has.
_OURS = (
    "AnnotatedData Axpy BN BoxAnnotatorOHEM ConvolutionDepthwise DenseImageData "
    "DepthwiseConvolution DetectionEvaluate DetectionOutput ImageLabelmapData ImageSegData Interp "
    "L1Loss MultiBoxLoss Normalize PSROIPooling Permute PriorBox PriorBoxClustered Proposal "
    "ROIPooling ReLU6 Reorg SegAccuracy ShuffleChannel SmoothL1Loss SmoothL1LossOHEM "
    "SoftmaxWithLossOHEM Upsample YoloDetectionOutput Yolov3DetectionOutput"
)
#: The types of forks that catdog does not have.
FOREIGN = frozenset(table().types).difference(_OURS.split())
#: Forks whose names are shown.
_SHOWN = 2
#: Letters of a type from which on two may be wrong, and not one alone.
_LONG = 7
#: Letters of a type that are looked at; a file may have any.
_LONGEST = 60

#: Fields of a solver as other programs call them.
OTHER_NAMES = {
    "lr": "base_lr",
    "learning_rate": "base_lr",
    "iterations": "max_iter",
    "iters": "max_iter",
    "iter": "max_iter",
    "steps": "max_iter",
    "max_steps": "max_iter",
    "wd": "weight_decay",
    "seed": "random_seed",
    "optimizer": "type",
    "out": "snapshot_prefix",
    "output": "snapshot_prefix",
    "output_dir": "snapshot_prefix",
    "save_every": "snapshot",
}


def foreign_fault(type_name: str, layers: Sequence[str], where: str = "") -> Fault:
    """What to say of a type of a fork, once for all layers of it; `layers` are their names."""
    count = f" ({len(layers)} layers)" if len(layers) > 1 else ""
    what = f'layer type "{type_name}"{count} belongs to {whose(type_name)}, not to Caffe itself'
    remedy = (
        "write it in Python (`catdog check NET --stub` prints the class), or drop it from the "
        "deploy net"
    )
    return Fault(what, remedy, where, layers[0], "type")


def whose(type_name: str) -> str:
    """The forks that have a type of layers, with the repository of the first; "" for none."""
    having = [fork for fork in forks() if fork in table().types.get(type_name, ())]
    if not having:
        return ""
    first = f"{having[0]} ({table().forks[having[0]]})"
    return some_of([first, *having[1:]], _SHOWN)


def mistyped(type_name: str, known: Iterable[str]) -> str:
    """`did you mean "X"?` of a type that differs by a slip of the hand, or nothing.

    Layers of other families often have a name in common with it, and are none that is meant.
    """
    word = type_name.lower()[:_LONGEST]
    most = 2 if len(word) >= _LONG else 1
    near = [(_edits(word, each.lower()), each) for each in known]
    near = [
        each for each in near if each[0] <= most and (len(word) >= _LONG or _begins(word, each))
    ]
    return f'did you mean "{min(near)[1]}"?' if near else ""


def _begins(word: str, near: tuple[int, str]) -> bool:
    return near[1][:1].lower() == word[:1]


def _edits(word: str, other: str) -> int:
    """How many letters are put in, left out or changed between two words (Levenshtein)."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(word, 1):
        before, row[0] = row[0], at
        for place, wanted in enumerate(other, 1):
            changed = before + (letter != wanted)
            before = row[place]
            row[place] = min(changed, row[place] + 1, row[place - 1] + 1)
    return row[-1]
