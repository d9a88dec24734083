"""Write what blobs of a trained net hold for its data.

    python tools/extract_features.py net.caffemodel net.prototxt fc6,fc7 db6,db7 10 lmdb GPU 0
    python tools/extract_features.py net.caffemodel net.prototxt fc6,fc7 --out features.npz

The first form is Caffe's: an LMDB for each blob, of so many batches. The second writes every
example of the TEST phase's data once, or --batches of them, into one .npz or .h5.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser, device_of
from catdog.cli.main import run_tool
from catdog.cli.nets import load, net_of, python_of
from catdog.cli.specs import net_file
from catdog.errors import CatdogError
from catdog.inference.feature_extraction import features, write_file, write_lmdbs
from catdog.layers.base import Setting
from catdog.net.opened import open_fed_net
from catdog.proto.caffe_pb2 import TEST
from catdog.runtime.wording import counted


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    parser.add_argument("weights", help="parameters, copied by layer name")
    parser.add_argument("net", type=net_file, help="the net with its data layer")
    parser.add_argument("blobs", help="names of blobs, with commas between them")
    parser.add_argument("dbs", nargs="?", help="an LMDB to write for each blob")
    parser.add_argument("num_mini_batches", nargs="?", type=at_least(1))
    parser.add_argument("db_type", nargs="?", choices=["lmdb"])
    parser.add_argument("mode", nargs="?", choices=["CPU", "GPU"], help="(default: CPU)")
    parser.add_argument("device_id", nargs="?", default="0", help="(default: 0)")
    parser.add_argument("--out", type=Path, help="write one .npz or .h5 instead of LMDBs")
    parser.add_argument("--batches", type=at_least(1), help="with --out: so many batches")
    parser.add_state()
    parser.add_python()
    parser.add_device()
    args = parser.parse(argv)
    if (args.db_type is None) == (args.out is None) or (args.out and args.dbs):
        raise CatdogError(
            "give either LMDBs, num_mini_batches and lmdb, or --out",
            remedy="`extract_features.py --help` shows both forms",
        )
    return args


def _device(args: argparse.Namespace) -> torch.device:
    if args.mode == "GPU":
        args.gpu = args.device_id
    elif args.db_type and args.gpu is None and args.device is None:
        args.device = "cpu"
    return device_of(args)


def _places(args: argparse.Namespace, blobs: Sequence[str]) -> dict[str, Path]:
    places = args.dbs.split(",")
    if len(places) != len(blobs):
        raise CatdogError(f"{len(blobs)} blobs and {len(places)} LMDBs; give one for each")
    return dict(zip(blobs, map(Path, places), strict=True))


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    args = _arguments(argv)
    names = args.blobs.split(",")
    places = {} if args.out else _places(args, names)
    with ExitStack() as stack:
        net = net_of(args, args.net, TEST)
        setting = Setting(provide_caffe=python_of(args))
        fed = open_fed_net(net, stack, setting=setting, device=_device(args))
        load(fed.net, [args.weights])
        if args.out:
            count = write_file(features(fed, names, args.batches), args.out)
        else:
            count = write_lmdbs(features(fed, names, args.num_mini_batches), places)
    where = ", ".join(map(str, places.values() or [args.out]))
    print(f"Extracted features of {counted(count, 'example')} into {where}.")


if __name__ == "__main__":
    run_tool(main)
