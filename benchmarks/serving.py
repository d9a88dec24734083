"""Photos over HTTP, 64 clients at once, beside a folder of them and beside LitServe.

python -m benchmarks.serving                                 small64, deep64 and CaffeNet
python -m benchmarks.serving --photos input/train --net caffenet

prints of each net what the predictor does with a folder, and what clients get of `catdog serve`:
photos a second, the 50th and 99th percentile of their waits, and the cores that the clients took.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.comparison import Comparison, Missing, Side
from benchmarks.http_server import catdog_server, litserve_server, loaded
from benchmarks.workplace import Workplace
from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.data.build.photo_files import photos_in
from catdog.engines.table import TORCH
from catdog.errors import CatdogError
from catdog.inference.predictor import Predictor
from catdog.runtime.text_table import text_table
from catdog.weights import read_weights

NETS = {"small64": 64, "deep64": 64, "caffenet": 227}
"""The side of their photos."""

CLIENTS = 64
_SECONDS = 8.0
#: LitServe's batch_timeout at which it was fastest here, of 3, 10 and 30.
_LITSERVE_WAIT = 10
#: Photos of a folder: so many take seconds.
_FOLDER = 512
_ROUNDS = 3
_HEADINGS = (
    "net",
    "engine",
    "photos each",
    "folder/s",
    "served/s",
    "share",
    "p50 ms",
    "p99 ms",
    "clients",
)
_SHARE = 0.9


def _of_server(place: Workplace, port: int, each: int = 1) -> Side:
    return lambda: loaded(port, place.photos, _SECONDS, CLIENTS, each)["photos_per_second"]


def _catdog(place: Workplace, stack: ExitStack, net: str, engine: str = TORCH) -> int:
    weights = place.snapshot(net, NETS[net])
    return stack.enter_context(catdog_server(weights, "--engine", engine))[1]


def _of_folder(place: Workplace, net: str, engine: str = TORCH) -> Side:
    predictor = Predictor(read_weights(place.snapshot(net, NETS[net])), engine=engine)
    photos = photos_in(place.photos)
    photos = (photos * (1 + _FOLDER // len(photos)))[:_FOLDER]

    def run() -> float:
        began = time.perf_counter()
        count = sum(1 for _ in predictor.predict(photos))
        return count / (time.perf_counter() - began)

    return run


def _beside_folder(net: str, place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
    return _of_server(place, _catdog(place, stack, net)), _of_folder(place, net)


def _beside_litserve(net: str, place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
    if find_spec("litserve") is None:
        raise Missing("pip install litserve")
    weights = place.snapshot(net, NETS[net])
    theirs = stack.enter_context(litserve_server(weights, _LITSERVE_WAIT))
    return _of_server(place, _catdog(place, stack, net)), _of_server(place, theirs)


Prepare = Callable[[Workplace, ExitStack], tuple[Side, Side]]


def _case(net: str, peer: str, goal: float, prepare: Prepare) -> Comparison:
    return Comparison(f"photos of {CLIENTS} clients with {net}", peer, "photos/s", goal, prepare)


CASES = tuple(
    _case(net, *rest)
    for net in ("small64", "caffenet")
    for rest in (
        ("LitServe", 1.0, partial(_beside_litserve, net)),
        ("a folder of them", _SHARE, partial(_beside_folder, net)),
    )
)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    args = _arguments(argv)
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="catdog-serving") as folder:
        place = Workplace(Path(folder), args.photos, args.count)
        for net in args.net or NETS:
            rows += (_measured(place, net, args.engine, each) for each in args.each or (1, 8))
    print(text_table(_HEADINGS, rows))


def _measured(place: Workplace, net: str, engine: str, each: int) -> tuple[str, ...]:
    """A row: both sides in turn, their medians."""
    folder = _of_folder(place, net, engine)
    folder()
    with ExitStack() as stack:
        port = _catdog(place, stack, net, engine)
        pairs = [
            (folder(), loaded(port, place.photos, _SECONDS, CLIENTS, each)) for _ in range(_ROUNDS)
        ]
    offline = median(rate for rate, _ in pairs)
    served = {name: median(found[name] for _, found in pairs) for name in pairs[0][1]}
    rate = served["photos_per_second"]
    shares = median(found["photos_per_second"] / before for before, found in pairs)
    waits = (f"{1000 * served[name]:.0f}" for name in ("p50", "p99"))
    told = (f"{offline:.0f}", f"{rate:.0f}", f"{shares:.2f}", *waits)
    return net, engine, str(each), *told, f"{served['client_cores']:.2f} cores"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--photos", type=Path, help="a folder of photos (default: drawn ones)")
    add("--count", type=int, default=300, help="how many of them (default: 300)")
    add("--net", action="append", choices=NETS, help="may be given for several")
    add("--each", action="append", type=int, help="photos of a request (default: 1 and 8)")
    add("--engine", default=TORCH, help="(default: torch)")
    args = parser.parse(argv)
    if args.count < 1:
        raise CatdogError(f"got {args.count}", where="--count", remedy="1 or more")
    return args


if __name__ == "__main__":
    run_tool(main)
