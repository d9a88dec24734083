"""The console command `caffe`: Caffe's commands and flags (caffe/tools/caffe.cpp), so that old
shell scripts run; what is printed goes to stderr in glog's form, as there.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from catdog.cli.gflags import GivenFlags, parse_flags
from catdog.cli.main import call_tool, run_tool
from catdog.errors import CatdogError, did_you_mean

_UNKNOWN = 1

#: Caffe's flags and what they are for.
FLAGS = {
    "gpu": "run on these GPUs: 0, or 0,1, or all; without it `train` looks at solver_mode, the "
    "others compute on the CPU",
    "solver": "the solver definition",
    "model": "the model definition",
    "phase": "TRAIN or TEST, of `time` alone (default: TRAIN)",
    "level": "the network level (default: 0)",
    "stage": "the network stages, with commas between them",
    "snapshot": "the solver state to resume training from",
    "weights": "the weights to begin from or to score, with commas between them",
    "iterations": "the number of iterations to run (default: 50)",
    "sigint_effect": "what Ctrl-C does: snapshot, stop or none (default: stop)",
    "sighup_effect": "what SIGHUP does: snapshot, stop or none (default: snapshot)",
}
#: What each command is for, and the flags that it looks at.
_STATE = ("level", "stage")
_EFFECTS = ("sigint_effect", "sighup_effect")
COMMANDS = {
    "train": (
        "train or finetune a model",
        ("solver", "snapshot", "weights", "gpu", *_STATE, *_EFFECTS),
    ),
    "test": ("score a model", ("model", "weights", "iterations", "gpu", *_STATE)),
    "device_query": ("show GPU diagnostic information", ("gpu",)),
    "time": ("benchmark model execution time", ("model", "iterations", "phase", "gpu", *_STATE)),
}


def main() -> None:
    """`caffe COMMAND FLAGS`."""
    run_tool(command, sys.argv[1:])


def command(argv: Sequence[str] | None) -> None:
    """Run a command of Caffe's; ends with exit code 1 and the usage where it is none of them."""
    words = list(argv or ())
    if {"-h", "-help", "--help", "help"}.intersection(words):
        print(_usage())
        return
    given = parse_flags(words, FLAGS)
    name = given.words[0] if given.words else ""
    if len(given.words) != 1 or name not in COMMANDS:
        print(_usage(), _wrong(given.words), sep="\n", file=sys.stderr)
        sys.exit(_UNKNOWN)
    log = _log()
    for line in _unread(name, given):
        log("W", "caffe.cpp:1", line)
    {"train": _train, "test": _test, "device_query": _device_query, "time": _time}[name](
        given.values, log
    )


Log = Callable[[str, str, str], None]


def _log() -> Log:
    from catdog.pycaffe.glog import StderrLog

    return StderrLog()


def _usage() -> str:
    lines = ["caffe: command line brew", "usage: caffe <command> <args>", "", "commands:"]
    lines += [f"  {name:15} {about}" for name, (about, _) in COMMANDS.items()]
    lines += ["", "flags, each as -x v, -x=v, --x v or --x=v:"]
    return "\n".join([*lines, *(f"  -{name:14} {about}" for name, about in FLAGS.items())])


def _wrong(words: Sequence[str]) -> str:
    if not words:
        return "error: no command is given"
    if len(words) > 1:
        return f"error: one command and its flags, not the words {' '.join(words)}"
    remedy = did_you_mean(words[0], COMMANDS)
    return f'error: no command "{words[0]}"' + (f"; {remedy}" if remedy else "")


def _unread(name: str, given: GivenFlags) -> list[str]:
    """What is said of flags that are taken and change nothing, as in Caffe."""
    read = COMMANDS[name][1]
    others = [flag for flag in given.values if flag not in read]
    return [*given.ignored, *(f"`caffe {name}` does not look at -{flag}" for flag in others)]


def _need(flags: Mapping[str, str], name: str, what: str) -> str:
    if not flags.get(name):
        raise CatdogError(f"-{name} is missing", remedy=f"name {what}")
    return flags[name]


def _check_gpu(flags: Mapping[str, str]) -> None:
    if not flags.get("gpu"):
        return
    import torch

    if not torch.cuda.device_count():
        remedy = "leave -gpu out to compute on the CPU"
        raise CatdogError("this machine has no GPU", where=f"-gpu {flags['gpu']}", remedy=remedy)


def _train(flags: Mapping[str, str], log: Log) -> None:  # noqa: ARG001
    _need(flags, "solver", "a solver definition to train")
    _check_gpu(flags)
    read = COMMANDS["train"][1]
    # the run's record and the command to go on are those of the tool
    words = [word for name in read if name in flags for word in (f"--{name}", flags[name])]
    call_tool("train", words)


def _device_query(flags: Mapping[str, str], log: Log) -> None:
    from catdog.runtime import devices

    _check_gpu(flags)
    gpus = devices.chosen(flags.get("gpu") or "all")
    log("I", "caffe.cpp:138", f"Querying GPUs {flags.get('gpu') or 'all'}")
    log("I", "common.cpp:178", devices.text(map(devices.gpu, gpus) if gpus else [devices.cpu()]))


def _test(flags: Mapping[str, str], log: Log) -> None:
    _need(flags, "model", "a model definition to score")
    _need(flags, "weights", "the weights to score")
    args = _arguments(flags, log, "TEST")

    from catdog.cli.nets import load, net_of
    from catdog.inference.test import evaluate, lines
    from catdog.net.opened import open_fed_net

    with ExitStack() as stack:
        fed = open_fed_net(net_of(args, args.model), stack, device=args.device)
        load(fed.net, args.weights)
        log("I", "caffe.cpp:255", f"Running for {args.iterations} iterations.")
        for record in evaluate(fed, args.iterations):
            for line in lines(record):
                log("I", "caffe.cpp:281" if line.startswith("Batch ") else "caffe.cpp:298", line)


def _time(flags: Mapping[str, str], log: Log) -> None:
    _need(flags, "model", "a model definition to time")
    args = _arguments(flags, log, flags.get("phase") or "TRAIN")

    from catdog.cli.nets import net_of
    from catdog.net.abstract import blueprint
    from catdog.net.timing import caffe_lines, time_net

    def tell(line: str) -> None:
        # there is no flag for another shape here
        log("I", "caffe.cpp:1", line.partition("; --shape")[0])

    net = blueprint(net_of(args, args.model), {}, tell=tell, must_fit=False).net
    net.fill()
    log("I", "caffe.cpp:356", "*** Benchmark begins ***")
    log("I", "caffe.cpp:357", f"Testing for {args.iterations} iterations.")
    for line in caffe_lines(time_net(net.to(args.device), args.iterations)):
        log("I", "caffe.cpp:388", line)
    log("I", "caffe.cpp:406", "*** Benchmark ends ***")


def _arguments(flags: Mapping[str, str], log: Log, phase: str) -> Namespace:
    """The arguments as the tools have them, and the device; Caffe's is the first of several."""
    _check_gpu(flags)

    import torch

    from catdog.cli.arguments import PHASES
    from catdog.runtime.devices import chosen
    from catdog.spec.shipped import find_net, shipped_note

    if phase not in PHASES:
        raise CatdogError(f'is "{phase}"', where="-phase", remedy="write TRAIN or TEST")
    model = find_net(flags["model"])
    if note := shipped_note(model):
        log("I", "caffe.cpp:1", note)
    gpus = chosen(flags["gpu"]) if flags.get("gpu") else []
    log("I", "caffe.cpp:250", f"Use GPU with device ID {gpus[0]}" if gpus else "Use CPU.")
    return Namespace(
        model=model,
        weights=[each for each in flags.get("weights", "").split(",") if each],
        iterations=_whole(flags, "iterations", 50, least=1),
        phase=phase,
        level=_whole(flags, "level", 0),
        stage=[each for each in flags.get("stage", "").split(",") if each],
        device=torch.device("cuda", gpus[0]) if gpus else torch.device("cpu"),
    )


def _whole(flags: Mapping[str, str], name: str, default: int, least: int | None = None) -> int:
    try:
        number = int(flags.get(name) or default)
    except ValueError:
        number = None
    if number is None or (least is not None and number < least):
        remedy = "write a whole number" + (f" from {least} on" if least is not None else "")
        raise CatdogError(f'is "{flags[name]}"', where=f"-{name}", remedy=remedy)
    return number
