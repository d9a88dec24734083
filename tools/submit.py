"""Check a submission, and send it to Kaggle when told to.

python tools/submit.py submission.csv                 check it, print the command that sends it
python tools/submit.py submission.csv --send          send it with the kaggle program
python tools/submit.py redux.csv --competition dogs-vs-cats-redux-kernels-edition
python tools/submit.py other.csv --competition NAME --sample sampleSubmission.csv
"""

import argparse
import shutil
import subprocess
from collections.abc import Sequence

from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.errors import CatdogError
from catdog.inference.submission_check import (
    COMPETITIONS,
    check_submission,
    in_shell,
    submit_command,
)
from catdog.runtime.wording import counted

_FIRST = next(iter(COMPETITIONS))


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument("submission", metavar="FILE.csv")
    parser.add_argument("--competition", default=_FIRST, help=f"(default: {_FIRST})")
    parser.add_argument("--sample", help="the competition's own sample: its header and its ids")
    parser.add_argument("--message", default="catdog", help="shown beside the score")
    parser.add_argument("--send", action="store_true", help="send it; without this nothing is sent")
    submit(parser.parse(argv))


def submit(args: argparse.Namespace) -> None:
    """Check the file, then print or run the command."""
    found = check_submission(args.submission, args.competition, args.sample)
    for remark in found.remarks:
        tell(f"warning: {remark}")
    print(f"{args.submission}: {counted(found.rows, 'row')}, in order for {args.competition}")
    command = submit_command(args.submission, args.competition, args.message)
    if not args.send:
        print(f"to send it (or --send):\n{in_shell(command)}", flush=True)
        return
    program = shutil.which(command[0])
    if program is None:
        raise CatdogError(
            "there is no kaggle program here",
            where="--send",
            remedy=f"pip install kaggle, put its key in place, then: {in_shell(command)}",
        )
    done = subprocess.run([program, *command[1:]], check=False)
    if done.returncode:
        raise CatdogError(f"kaggle ended with exit code {done.returncode}", where=args.submission)


if __name__ == "__main__":
    run_tool(main)
