"""What the command lines of trainings have in common."""

import argparse
import math
from collections.abc import Callable

import torch

from catdog.cli.arguments import device_of
from catdog.cli.nets import python_of
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.spec.foreign import OTHER_NAMES
from catdog.training.epochs import batch_field, epoch_of
from catdog.training.options import Options

_BATCH = ("batch", "batch_size", "bs", "b")
_EPOCHS = ("epochs", "epoch", "max_epochs", "num_epochs")


def field_for(flag: str, value: str, args: argparse.Namespace) -> str:
    """The --set that does what a flag of other programs does, or nothing."""
    word = flag.lstrip("-").replace("-", "_")
    options = Options(overrides=args.set, stages=args.stage)
    if word == "data":
        return f"--set train_net.LAYER.data_param.source={value or 'STORE'} does that"
    if word in _EPOCHS:
        return _epochs(value, args.solver, options)
    if word in _BATCH:
        return f"--set train_net.{_batch_field(args.solver, options)}={value or 'N'} does that"
    name = OTHER_NAMES.get(word, word)
    known = SolverParameter.DESCRIPTOR.fields_by_name
    return f"--set {name}={value or 'VALUE'} does that" if name in known else ""


def _epochs(value: str, solver: str, options: Options) -> str:
    try:
        epoch = epoch_of(solver, options)
        count = math.ceil(int(value) * epoch.examples / epoch.batch)
    except (CatdogError, ValueError):
        return "--set max_iter=N does that, with N = epochs x examples / batch_size"
    shown = f"{value} x {epoch.examples:,} examples / {epoch.batch} an iteration"
    return f"--set max_iter={count} does that ({shown})"


def _batch_field(solver: str, options: Options) -> str:
    try:
        return batch_field(solver, options)
    except CatdogError:
        return "DATA_LAYER.data_param.batch_size"


def options_of(
    args: argparse.Namespace,
    device: Callable[[argparse.Namespace], torch.device] = device_of,
) -> Options:
    """The options by --weights, --set, --level, --stage, --allow-python, --amp and the device.

    `device` gives the device where the arguments name one. Raises CatdogError where it is not
    there.
    """
    named = args.gpu is not None or args.device is not None
    return Options(
        weights=args.weights,
        device=device(args) if named else None,
        overrides=args.set,
        level=args.level,
        stages=args.stage,
        provide_caffe=python_of(args),
        amp=args.amp,
    )
