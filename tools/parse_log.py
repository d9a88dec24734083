"""The numbers of a Caffe log as two CSV files, <log>.train and <log>.test.

    python tools/parse_log.py train.log .

The interface is that of Caffe's tools/extra/parse_log.py.
"""

from collections.abc import Sequence
from pathlib import Path

from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.tracking.log_reader import write_tables


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument("logfile_path", type=Path, help="a log of Caffe, NVCaffe or catdog")
    parser.add_argument("output_dir", type=Path, help="the folder for the CSV files")
    parser.add_argument("--verbose", action="store_true", help="say what is written")
    parser.add_argument("--delimiter", default=",", help="between the columns (default: ,)")
    args = parser.parse(argv)
    for path in write_tables(args.logfile_path, args.output_dir, args.delimiter):
        if args.verbose:
            print(f"Wrote {path}")


if __name__ == "__main__":
    run_tool(main)
