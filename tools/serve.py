"""Answer photos over HTTP: what they show, with probabilities.

python tools/serve.py snapshots/quick                 at http://127.0.0.1:8000, for this machine
python tools/serve.py best.caffemodel --port 0        at a free port
python tools/serve.py best.caffemodel --host 0.0.0.0  for others too, with a token
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from catdog.cli.argument_types import at_least, file_name, number_from_0, positive_number
from catdog.cli.arguments import Parser, devices_of, tell
from catdog.cli.main import run_tool
from catdog.cli.nets import python_of
from catdog.cli.prediction import add_confidence, add_engine, add_nets
from catdog.engines.table import INT8, TORCH
from catdog.errors import CatdogError
from catdog.inference.open_nets import NetOptions, weights_named
from catdog.inference.photos import given_photos, in_order_of_rows
from catdog.runtime.optional import optional
from catdog.serving.limits import Limits
from catdog.web.address import address

if TYPE_CHECKING:
    from catdog.serving.service import ServedNet

_MIB = 1 << 20
_USUAL = Limits()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    args = _arguments(argv)
    remedy = "pip install 'catdog-torch[serve]'"
    for package in ("fastapi", "uvicorn", "prometheus_client"):
        optional(package, f"catdog serve needs {package.replace('_', '-')}", remedy)
    from catdog.serving.process import Batching, run_server

    place = address(args.host, args.port, args.token)
    batching = Batching(args.batch, args.wait / 1000, args.workers, args.decoders)
    limits = Limits(
        body=int(args.max_mib * _MIB),
        photos=args.max_photos,
        pixels=int(args.max_megapixels * 1e6),
        seconds=args.seconds,
        header_seconds=min(args.seconds, _USUAL.header_seconds),
        queue=args.queue,
    )
    run_server(place, lambda: _net(args, limits), batching, limits, tell)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    parser.add_argument(
        "weights",
        type=file_name,
        metavar="WEIGHTS",
        help="a file, a run or its folder, a published folder or hf:USER/NAME",
    )
    _add_address(parser)
    add_nets(parser)
    _add_batches(parser)
    _add_limits(parser)
    parser.add_views()
    add_confidence(parser)
    parser.add_precision(INT8)
    add_engine(parser)
    parser.add_argument(
        "--examples",
        nargs="+",
        type=file_name,
        default=[],
        metavar="PHOTOS",
        help="photos on which an engine is compared with torch, and int8 is calibrated",
    )
    parser.add_python()
    parser.add_device(several=True, processes=False)
    args = parser.parse(argv)
    args.processes = 1
    return args


def _add_address(parser: Parser) -> None:
    """Where it listens."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="(default: 127.0.0.1, this machine alone)")
    add("--port", type=at_least(0), default=8000, help="0: a free one (default: 8000)")
    add(
        "--token",
        nargs="?",
        const="",
        help="what requests must bring; without a value one is made, as for any other --host",
    )


def _add_batches(parser: Parser) -> None:
    """How photos become batches."""
    add = parser.add_argument
    about = "photos of a batch, at most (default: 64; 32 on two cores)"
    add("--batch", type=at_least(1), default=0, metavar="N", help=about)
    add(
        "--wait",
        type=number_from_0,
        default=10.0,
        metavar="MS",
        help="milliseconds that a batch waits for photos that are being decoded (default: 10)",
    )
    about = "threads that compute, on each device (default: 1)"
    add("--workers", type=at_least(1), default=1, metavar="N", help=about)
    about = "threads that decode (default: one for each core)"
    add("--decoders", type=at_least(1), default=0, metavar="N", help=about)


def _add_limits(parser: Parser) -> None:
    """What is taken at most."""

    def add(flag: str, kind: Callable[[str], float], default: float, name: str, about: str) -> None:
        about = f"{about} (default: {default:g})"
        parser.add_argument(flag, type=kind, default=default, metavar=name, help=about)

    add("--queue", at_least(1), _USUAL.queue, "N", "photos that wait, at most")
    add("--max-photos", at_least(1), _USUAL.photos, "N", "photos of a request")
    add("--max-mib", positive_number, _USUAL.body / _MIB, "MIB", "size of a request")
    add("--max-megapixels", positive_number, _USUAL.pixels / 1e6, "N", "pixels of a photo")
    add("--seconds", positive_number, _USUAL.seconds, "S", "what a request may take")


def _net(args: argparse.Namespace, limits: Limits) -> "ServedNet":
    """The net on each device."""
    from catdog.serving.service import ServedNet

    devices = devices_of(args)
    if args.engine != TORCH and len(devices) > 1:
        what = "computes on the CPU, and several GPUs are named"
        raise CatdogError(what, where=f"--engine {args.engine}", remedy="leave one of them out")
    options = NetOptions(
        model=args.model,
        dataset=args.dataset,
        mean=args.mean,
        labels=args.labels,
        views=args.tta,
        amp=args.amp,
        scores=True,
        provide_caffe=python_of(args),
        engine=args.engine,
        examples=in_order_of_rows(given_photos(args.examples))[0] if args.examples else (),
        coverage=args.coverage,
        reject=args.reject,
    )
    weights = weights_named(args.weights)
    predictors = [replace(options, device=device).open(weights) for device in devices]
    for note in predictors[0].notes:
        tell(note)
    return ServedNet(weights, predictors, limits.pixels)


if __name__ == "__main__":
    run_tool(main)
