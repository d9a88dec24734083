"""Files of runs to take away: single ones, all of them, the net as ONNX."""

import secrets
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

from catdog.errors import CatdogError
from catdog.inference.named_weights import weights_of_run
from catdog.studio.here import Here, Studio
from catdog.studio.run_facts import files

router = APIRouter()

#: Bytes that are read at once, and seconds that a net may take to become ONNX.
_CHUNK, _PATIENCE = 1 << 20, 300
_CONVERTING = threading.Lock()
_CATDOG = "from catdog.cli.main import main; main()"


@router.get("/api/run/file", response_class=FileResponse)
def file(studio: Here, name: str, path: str) -> FileResponse:
    """A file of a run: weights, log, record, table."""
    wanted = studio.place.within(path)
    own = {studio.place.folder / each for each in files(studio.run(name))}
    if wanted not in own or not wanted.is_file() or wanted.is_symlink():
        raise CatdogError("is no file of this run", where=path, remedy="its page lists them")
    return FileResponse(wanted, filename=wanted.name, media_type="application/octet-stream")


@router.get("/api/run/files.zip", response_class=StreamingResponse)
def everything(studio: Here, name: str) -> StreamingResponse:
    """All files of a run in one zip, as it is written."""
    run = studio.run(name)
    archive = quote(f"{Path(run.name).name}.zip")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{archive}"}
    return StreamingResponse(zipped(files(run)), media_type="application/zip", headers=headers)


@router.get("/api/run/net.onnx", response_class=FileResponse)
def as_onnx(studio: Here, name: str) -> FileResponse:
    """The net of a run with its best weights, or the last where none were kept, as ONNX."""
    run = studio.run(name)
    weights = weights_of_run(run.name)
    if weights is None:
        raise CatdogError("no snapshot of this run", where=name, remedy="wait for its first")
    made = _converted(studio, f"{run.name}_deploy.prototxt", weights)
    return FileResponse(
        made,
        filename=f"{Path(run.name).name}.onnx",
        media_type="application/octet-stream",
        background=BackgroundTask(made.unlink),
    )


def zipped(paths: Sequence[Path]) -> Iterator[bytes]:
    """A zip of files, piece by piece: weights do not become smaller, nor need they fit in memory.

    One that goes away meanwhile is left out.
    """
    out = _Pieces()
    with zipfile.ZipFile(out, "w") as archive:
        for path in paths:
            try:
                source = path.open("rb")
            except OSError:
                continue
            with source, archive.open(path.name, "w", force_zip64=True) as into:
                while piece := source.read(_CHUNK):
                    into.write(piece)
                    yield out.take()
    yield out.take()


class _Pieces:
    """What a zip is written to, and taken from as it comes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep a piece until it is taken."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        """What has come since the last time."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def _converted(studio: Studio, net: str, weights: Path) -> Path:
    """The file of the converted net, in the studio's own folder, by the tool for that."""
    folder = studio.place.own / "converted"
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{weights.stem}-{secrets.token_hex(6)}.onnx"
    words = [net, str(out), "--weights", str(weights)]
    command = [sys.executable, "-P", "-c", _CATDOG, "convert", *words]
    # each takes the memory of a net: one after the other
    with _CONVERTING:
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_PATIENCE, cwd=studio.place.folder
            )
        except subprocess.TimeoutExpired as error:
            remedy = "catdog convert takes its time"
            what = "took too long to be converted"
            raise CatdogError(what, where=net, remedy=remedy) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        reason = lines[-1].removeprefix("error: ") if lines else "could not be converted"
        raise CatdogError(reason, where=net)
    return out
