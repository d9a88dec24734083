"""A PostgreSQL server that a test starts, where the machine has one."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PASSWORD = "not to be shown"
_SECONDS = 60


def programs() -> Path | None:
    """The folder of initdb and postgres; None where there are none."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@contextmanager
def server() -> Iterator[str]:
    """The address of a server of its own, without the user's password."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "password").write_text(PASSWORD)
    rights = _somebody(folder)
    data = folder / "data"
    auth = ["-A", "scram-sha-256", "-U", "catdog", f"--pwfile={folder / 'password'}"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": folder, **rights}
    subprocess.run([programs() / "initdb", "-D", data, "-N", *auth], check=True, **quiet)
    listen = ["-p", str(port), "-k", str(folder), "-F", "-c", "listen_addresses=127.0.0.1"]
    process = subprocess.Popen(
        [programs() / "postgres", "-D", data, *listen], stderr=subprocess.DEVNULL, **quiet
    )
    try:
        _wait(port)
        yield f"127.0.0.1:{port}/postgres"
    finally:
        # at once, whoever is still connected
        process.send_signal(signal.SIGINT)
        process.wait()
        shutil.rmtree(folder)


def _somebody(folder: Path) -> dict[str, Any]:
    """PostgreSQL does not run as root: whose processes it gets."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    for path in (folder, folder / "password"):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _wait(port: int) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError("PostgreSQL does not answer")
