"""What the command lines of trainings have in common."""

import argparse
from collections.abc import Callable

import torch

from catdog.cli.arguments import device_of
from catdog.cli.nets import python_of
from catdog.training.options import Options


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
