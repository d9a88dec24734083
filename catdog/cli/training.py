"""What the command lines of trainings have in common."""

import argparse
from collections.abc import Callable, Iterator

import torch

from catdog.cli.argument_types import at_least, number_from_0, positive_number
from catdog.cli.arguments import Parser, device_of
from catdog.cli.nets import python_of
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.spec.foreign import OTHER_NAMES
from catdog.training.options import Options, batch_fields

#: The flags that are fields, and what other programs call them.
_FLAGS = {
    "--epochs": ("epoch", "max_epoch", "max_epochs", "num_epochs", "num_train_epochs"),
    "--batch": ("batch_size", "bs", "b", "train_batch_size"),
    "--lr": ("learning_rate", "lr0"),
}


def add_numbers(parser: Parser) -> None:
    """--epochs, --lr and --batch: what --set could say too."""
    add = parser.add_argument
    about = "train so many passes over the data (--set max_epoch=N)"
    add("--epochs", type=positive_number, metavar="N", help=about)
    add("--lr", type=number_from_0, metavar="RATE", help="the learning rate (--set base_lr=RATE)")
    add_batch(parser)


def add_batch(parser: Parser) -> None:
    """--batch."""
    about = "examples in a batch of the training, in each process"
    parser.add_argument("--batch", type=at_least(1), metavar="N", help=about)


def add_class_weights(parser: Parser) -> None:
    """--class-weights."""
    parser.add_argument(
        "--class-weights",
        metavar="balanced|W,W",
        help="what each class counts in the loss of the training: balanced by how many examples "
        "it has, or a number for each",
    )


def add_solver_options(parser: Parser) -> None:
    """What else a solver is trained with in one process."""
    parser.add_set()
    parser.add_weights(of_solver=True)
    parser.add_state()
    parser.add_device()
    parser.add_python()
    parser.add_precision()


def field_for(flag: str, value: str, args: argparse.Namespace) -> str:  # noqa: ARG001
    """The flag or --set that does what a flag of other programs does, or nothing."""
    word = flag.lstrip("-").replace("-", "_")
    if word == "data":
        return f"--set train_net.LAYER.data_param.source={value or 'STORE'} does that"
    for ours, theirs in _FLAGS.items():
        if word in theirs:
            return f"{ours} {value or 'N'} does that"
    name = OTHER_NAMES.get(word, word)
    known = SolverParameter.DESCRIPTOR.fields_by_name
    return f"--set {name}={value or 'VALUE'} does that" if name in known else ""


def overrides_of(args: argparse.Namespace) -> list[str]:
    """The assignments of --set and of the flags that stand for some.

    Raises CatdogError where both give the same field, or where there are no batches to set.
    """
    numbers = {"base_lr": ("--lr", args.lr), "max_epoch": ("--epochs", args.epochs)}
    added = [f"{field}={value:g}" for field, (_, value) in numbers.items() if value is not None]
    flags = {field: flag for field, (flag, value) in numbers.items() if value is not None}
    flags |= {"max_iter": "--epochs"} if "max_epoch" in flags else {}
    if args.batch is not None:
        before = Options(overrides=args.set, level=args.level, stages=args.stage)
        fields = [f"train_net.{field}" for field in batch_fields(args.solver, before)]
        added += [f"{field}={args.batch}" for field in fields]
        flags |= {each: "--batch" for field in fields for each in (field, field[6:])}
    for assignment, field in _assigned(args.set):
        if field in flags:
            what = f"{flags[field]} and --set {assignment} are both given"
            raise CatdogError(what, remedy="leave one of them out")
    return [*args.set, *added]


def _assigned(assignments: list[str]) -> Iterator[tuple[str, str]]:
    return ((each, each.partition("=")[0].strip()) for each in assignments)


def options_of(
    args: argparse.Namespace,
    device: Callable[[argparse.Namespace], torch.device] = device_of,
) -> Options:
    """The options by --weights, --set, --epochs, --lr, --batch, --level, --stage, --allow-python,
    --amp and the device.

    `device` gives the device where the arguments name one. Raises CatdogError where it is not
    there, and as `overrides_of`.
    """
    named = args.gpu is not None or args.device is not None
    return Options(
        weights=args.weights,
        device=device(args) if named else None,
        overrides=overrides_of(args),
        level=args.level,
        stages=args.stage,
        provide_caffe=python_of(args),
        amp=args.amp,
    )
