"""What a desk is given to do in tests."""

import os
import time
from pathlib import Path

from catdog.errors import CatdogError


def work(request, place):
    """Say where it is, fail, end or take too long."""
    kind = request["kind"]
    if kind == "wrong":
        raise CatdogError("is wrong", where=f"{place.folder}/x", remedy="look")
    if kind == "sleep":
        time.sleep(60)
    if kind == "die":
        os._exit(3)
    return {"here": str(Path.cwd()), "process": os.getpid(), "nice": os.nice(0)}
