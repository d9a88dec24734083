"""What the command lines of the tools have in common: errors in one line, options, devices."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import torch

from catdog.cli.argument_types import blob_shape, input_shape, names
from catdog.cli.specs import net_file
from catdog.data.test_time import VIEWS
from catdog.errors import CatdogError, did_you_mean
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetState, Phase
from catdog.proto.fork_table import fork_named
from catdog.runtime.devices import chosen, device_named
from catdog.runtime.distributed.group import ALONE, Group
from catdog.solver.precision import NAMES
from catdog.spec import net_state

PHASES: dict[str, Phase] = {"TRAIN": TRAIN, "TEST": TEST}

# Caffe's tools take -model as well as --model
_ONE_DASH = re.compile(r"(-[a-zA-Z]\w+)(=.*)?", re.DOTALL)


#: Flags of other programs, and what does the same here.
_MEANT = {
    "--resume": "--snapshot auto",
    "--checkpoint": "--snapshot FILE",
    "--cpu": "--device cpu",
    "--cuda": "--device cuda",
    "--pretrained": "--weights",
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are CatdogErrors; `about` is the text of --help."""

    def __init__(self, about: str | None) -> None:
        if sys.argv[0].startswith("catdog "):
            # where catdog is installed there may be no tools/
            about = re.sub(r"python tools/(\w+)\.py", r"catdog \1", about or "")
        super().__init__(
            description=about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self._words: list[str] = []

    def parse(
        self,
        argv: Sequence[str] | None,
        explain: Callable[[str, str, argparse.Namespace], str] = lambda *_: "",
    ) -> argparse.Namespace:
        """The arguments, those of the process by default; `-flag` is read as `--flag`.

        `explain` says what to write for a flag that is not known, with its value, or nothing.
        """
        self._words = words = sys.argv[1:] if argv is None else list(argv)
        args, unknown = self.parse_known_args([self._two_dashes(word) for word in words])
        if unknown:
            flag, _, value = unknown[0].partition("=")
            value = value or next(iter(unknown[1:]), "")
            known = [name for name in self._option_string_actions if name.startswith("--")]
            remedy = self._meant(flag) or explain(flag, value, args) or did_you_mean(flag, known)
            if remedy:
                raise CatdogError(f"there is no {flag}", remedy=remedy)
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return args

    def _meant(self, flag: str) -> str:
        meant = _MEANT.get(flag, "")
        return (
            f"{meant} does that" if meant.partition(" ")[0] in self._option_string_actions else ""
        )

    def _two_dashes(self, word: str) -> str:
        match = _ONE_DASH.fullmatch(word)
        known = match is not None and f"-{match[1]}" in self._option_string_actions
        return f"-{word}" if known else word

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found, instead of printing the usage."""
        missing = re.fullmatch(r"the following arguments are required: (--\w+)", message)
        bare = next(iter(self._words), "-")
        if missing and not bare.startswith("-"):
            raise CatdogError(f"{missing[1]} is missing", remedy=f"write {missing[1]} {bare}")
        raise CatdogError(message, remedy=f"`{self.prog} --help` lists the arguments")

    def add_model(self) -> None:
        """--model, required."""
        about = "the net, .yaml or .prototxt, or the name of one that ships"
        self.add_argument("--model", required=True, type=net_file, help=about)

    def add_weights(self, *, required: bool = False, of_solver: bool = False) -> None:
        """--weights, several with commas between them; with `of_solver` also without a value."""
        about = (
            "a file, a name of pretrained weights such as resnet18, or a published folder or "
            "hf:USER/NAME; copied by layer name"
        )
        self.add_argument(
            "--weights",
            required=required,
            nargs="?" if of_solver else None,
            type=names,
            default=[],
            metavar="SOURCE[,SOURCE]",
            help=about
            + (
                " (nothing: what the solver names, or what belongs to its net)" if of_solver else ""
            ),
        )

    def add_state(self, phase: str | None = None) -> None:
        """--level and --stage; --phase too where a default is given."""
        if phase:
            self.add_argument(
                "--phase", type=str.upper, choices=PHASES, default=phase, help=f"(default: {phase})"
            )
        self.add_argument("--level", type=int, default=0, help="level of the net's rules")
        self.add_stage()

    def add_stage(self) -> None:
        """--stage."""
        self.add_argument(
            "--stage", type=names, default=[], metavar="NAME[,NAME]", help="stages of the rules"
        )

    def add_views(self) -> None:
        """--tta, test-time augmentation."""
        self.add_argument(
            "--tta",
            choices=VIEWS,
            default="",
            help="average over looks at each photo: flip or 2 (mirrored), 5 (corners), 10 (both)",
        )

    def add_python(self) -> None:
        """--allow-python."""
        self.add_argument(
            "--allow-python", action="store_true", help="build Python layers: they run code"
        )

    def add_fork(self) -> None:
        """--fork, of binary files."""
        self.add_argument(
            "--fork",
            type=fork_named,
            metavar="NAME",
            help="the fork of Caffe whose field numbers a binary file has, such as SSD, where the "
            "file does not tell",
        )

    def add_precision(self, *others: str) -> None:
        """--amp, fewer bits than float32; `others` are names beside those of all tools."""
        self.add_argument(
            "--amp", choices=(*NAMES, *others), default="", help="compute in fewer bits"
        )

    def add_set(self) -> None:
        """--set, fields of specs."""
        self.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help="change a field of the solver, or of its nets: net.LAYER.FIELD=VALUE (for one "
            "phase train_net. or test_net.); may be given for several",
        )

    def add_device(self, *, several: bool = False, processes: bool = True) -> None:
        """--gpu and --device; with `several` more than one GPU, and unless told otherwise
        --processes."""
        group = self.add_mutually_exclusive_group()
        about = "run on this GPU" + (", or on several: 0,1 or all" if several else "")
        group.add_argument("--gpu", metavar="N[,N]" if several else "N", help=about)
        group.add_argument("--device", help="cpu, cuda, cuda:1 (default: a GPU if there is one)")
        if several and processes:
            self.add_argument(
                "--processes",
                type=int,
                default=1,
                metavar="N",
                help="share the work among this many processes: a GPU each, or all on the CPU",
            )

    def add_shape(self, *, alone: bool = False) -> None:
        """--shape, for data that are not there; with `alone` also one without a name."""
        self.add_argument(
            "--shape",
            type=input_shape if alone else blob_shape,
            action="append",
            default=[],
            metavar="[BLOB=]N,C,H,W" if alone else "BLOB=N,C,H,W",
            help="the shape of a data blob; may be given for several",
        )


def state_of(args: argparse.Namespace, phase: Phase | None = None) -> NetState:
    """The state that --phase (or the phase given here), --level and --stage ask for."""
    wanted = PHASES[args.phase] if phase is None else phase
    return net_state(wanted, args.level, args.stage)


def tell(line: str) -> None:
    """A line about what is done, beside what the tool prints."""
    print(line, file=sys.stderr, flush=True)


def device_of(args: argparse.Namespace) -> torch.device:
    """The device that --gpu or --device asks for; else a GPU if there is one.

    Raises CatdogError for a device that is not there.
    """
    if args.gpu is None and args.device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    flag, name = (
        ("--gpu", f"cuda:{args.gpu}") if args.gpu is not None else ("--device", args.device)
    )
    return device_named(name, flag)


def devices_of(args: argparse.Namespace) -> list[torch.device]:
    """A device for each process that --gpu and --processes ask for.

    Raises CatdogError for devices that are not there.
    """
    several = args.gpu is not None and (args.gpu == "all" or "," in args.gpu)
    if several and (indices := chosen(args.gpu)):
        if args.processes not in (1, len(indices)):
            raise CatdogError(
                f"--gpu {args.gpu} names {len(indices)} GPUs",
                where=f"--processes {args.processes}",
                remedy="leave --processes out",
            )
        return [torch.device("cuda", index) for index in indices]
    args.gpu = "0" if several else args.gpu
    device = device_of(args)
    if args.processes < 1:
        raise CatdogError(f"got {args.processes}", where="--processes", remedy="1 or more")
    if device.type == "cpu" or args.processes == 1:
        return [device] * args.processes
    if device.index is not None:
        raise CatdogError(
            f"{device} is one GPU for {args.processes} processes",
            where="--processes",
            remedy="name several: --gpu 0,1",
        )
    return _first_gpus(args.processes)


def device_in(args: argparse.Namespace, group: Group = ALONE) -> torch.device:
    """The device of this process among those that the arguments name, or among all.

    Raises CatdogError where they are too few or too many.
    """
    devices = devices_of(args)
    if group.world == 1 or devices[0].type == "cpu":
        return devices[0]
    if len(devices) == 1 and devices[0].index is None:
        devices = _first_gpus(group.local_world)
    if len(devices) != group.local_world:
        raise CatdogError(
            f"{len(devices)} GPUs are named for {group.local_world} processes on this machine",
            where="--gpu",
            remedy="name one for each, or none",
        )
    return devices[group.local_rank]


def _first_gpus(count: int) -> list[torch.device]:
    there = torch.cuda.device_count()
    if count > there:
        raise CatdogError(
            f"this machine has {there} GPUs for {count} processes",
            remedy=f"start {there}, or use --device cpu",
        )
    return [torch.device("cuda", index) for index in range(count)]
