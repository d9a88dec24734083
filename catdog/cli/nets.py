"""From the arguments of a tool to the net that it works on."""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from catdog.cli.arguments import state_of
from catdog.errors import some_of
from catdog.net.net import Net
from catdog.net.resolved import ResolvedNet, resolve, resolve_tested
from catdog.proto.caffe_pb2 import Phase
from catdog.spec import read_net
from catdog.spec.rules import check_stages
from catdog.weights import CopyState, copy_weights, read_weights, weight_file


def net_of(
    args: argparse.Namespace, path: str | Path, phase: Phase | None = None, *, tested: bool = False
) -> ResolvedNet:
    """The net of a file in the state that the arguments ask for.

    With `tested` a net without data in the TEST phase is given those that it is trained on.
    Raises SpecError for a stage that no layer looks at, and as `read_net`.
    """
    spec = read_net(path)
    check_stages(spec.message, args.stage)
    state = state_of(args, phase)
    return resolve_tested(spec, state) if tested else resolve(spec, state)


def load(net: Net, names: Iterable[str]) -> None:
    """Copy the weights of files, a path or a known name each, into a net by layer name.

    Layers that none of them has are named on stderr: their numbers are those of their fillers.
    """
    paths = [weight_file(name) for name in names]
    rows = [copy_weights(net, read_weights(path, net=net.message.name)) for path in paths]
    fresh = [{row.layer for row in each if row.state is CopyState.FRESH} for each in rows]
    lacking = [node.name for node in net if fresh and all(node.name in each for each in fresh)]
    if lacking:
        files = ", ".join(map(str, paths))
        text = f"no weights in {files} for {some_of(lacking)}: as the fillers left them"
        print(f"warning: {text}", file=sys.stderr)


def python_of(args: argparse.Namespace) -> Callable[[], object] | None:
    """What lets Python layers `import caffe`, with --allow-python."""
    return _provide_caffe if args.allow_python else None


def _provide_caffe() -> None:
    """Let `import caffe` work; pycaffe is imported only where a net has Python layers."""
    from catdog.pycaffe.install import install

    install()
