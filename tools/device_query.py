"""Show the GPUs of this machine, or its CPU where there is none.

python tools/device_query.py --gpu all
"""

from collections.abc import Sequence

from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.runtime import devices


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(__doc__)
    parser.add_argument("--gpu", default="all", metavar="all|0,1", help="which (default: all)")
    args = parser.parse(argv)
    gpus = devices.chosen(args.gpu)
    print(devices.text(map(devices.gpu, gpus) if gpus else [devices.cpu()]))


if __name__ == "__main__":
    run_tool(main)
