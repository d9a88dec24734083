"""The process of a job: `python -m catdog.studio.jobs.worker FOLDER`, in the studio's folder."""

import sys
from pathlib import Path

from catdog.cli.main import call_tool, run_tool
from catdog.runtime import progress
from catdog.studio.jobs.job import StudioJob

#: Seconds from one line on how far a job is to the next.
_TOLD = 1.0


def main(folder: Path) -> int:
    """Do the job; its exit code."""
    job = StudioJob(folder)
    if not job.begin():
        return 0
    # a page shows how far it is
    progress.EVERY = _TOLD
    code = 1
    tool, *words = job.order.words
    try:
        run_tool(lambda _: call_tool(tool, words))
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    finally:
        job.end(code)
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
