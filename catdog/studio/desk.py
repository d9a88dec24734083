"""A process apart in which texts and photos of strangers are looked at.

It is of low priority, and is ended where one request takes too long; the next begins another.
"""

import json
import math
import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any, Self

import psutil

from catdog.errors import CatdogError
from catdog.studio.place import StudioFolder

#: Seconds that one request may compute, and after which an idle process ends.
SECONDS, IDLE = 20.0, 600.0
_NICE = 10
#: Seconds between looks at how much it has computed; it may wait for so many times its limit.
_LOOK, _PATIENCE = 0.25, 6
#: What is said of what took too long, or more memory than there is.
_ENDED = "took more time or memory than a page may"

Request = dict[str, Any]
Answer = dict[str, Any]
#: Answers a request in a place; both hold what JSON does.
Work = Callable[[Request, StudioFolder], Answer]


class Desk:
    """Does work in a process of its own, one request at a time, from any thread.

    Args:
        place: the studio's; its folder is the working directory.
        work: a function of a module.
        seconds: that one request may compute.
    """

    def __init__(self, place: StudioFolder, work: Work, seconds: float = SECONDS) -> None:
        self._place, self._work, self._seconds = place, work, seconds
        self._lock = Lock()
        self._process: Any = None
        self._pipe: Connection | None = None

    def ask(self, **request: object) -> Answer:
        """The answer to a request. Raises CatdogError as the work does, and where it is ended."""
        with self._lock:
            answer = self._asked(json.dumps(request).encode())
        if "error" in answer:
            error = answer["error"]
            raise CatdogError(error["what"], where=error["where"], remedy=error["remedy"])
        found: Answer = answer["answer"]
        return found

    def begin(self) -> None:
        """Begin the process, which takes seconds, before there is a request for it."""
        if self._lock.acquire(blocking=False):
            try:
                self._opened()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _asked(self, request: bytes) -> Answer:
        pipe = self._opened()
        try:
            pipe.send_bytes(request)
        except OSError:
            # it has ended, having had nothing to do
            self._end()
            pipe = self._opened()
            pipe.send_bytes(request)
        # the first request waits for the process to begin
        try:
            if self._is_answered(pipe):
                found: Answer = json.loads(pipe.recv_bytes())
                return found
        except (EOFError, OSError):
            pass
        self._end()
        remedy = "make it smaller, or use the command line"
        return {"error": {"what": _ENDED, "where": "", "remedy": remedy}}

    def _is_answered(self, pipe: Connection) -> bool:
        """Wait for an answer; False where the process has computed for too long, or does nothing.

        On a busy machine a process of low priority may get little of the time that passes.
        """
        began, spent = time.monotonic(), self._spent()
        while not pipe.poll(min(_LOOK, self._seconds)):
            computed, passed = self._spent() - spent, time.monotonic() - began
            if computed > self._seconds or passed > _PATIENCE * self._seconds:
                return False
        return True

    def _spent(self) -> float:
        """Seconds that the process has computed."""
        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return math.inf
        return float(times.user + times.system)

    def _opened(self) -> Connection:
        if self._pipe is not None and self._process.is_alive():
            return self._pipe
        self._end()
        # forking a server with threads would copy locks that nobody opens
        context = multiprocessing.get_context("spawn")
        self._pipe, inner = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(inner, self._place, self._work), daemon=True
        )
        self._process.start()
        inner.close()
        return self._pipe

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _serve(pipe: Connection, place: StudioFolder, work: Work) -> None:
    """Answer until nobody asks any more."""
    os.chdir(place.folder)
    with suppress(OSError):
        os.nice(_NICE)
    with suppress(EOFError, OSError, KeyboardInterrupt):
        while pipe.poll(IDLE):
            answer = json.dumps(_answer(pipe.recv_bytes(), place, work), ensure_ascii=False)
            # names of files need not be text
            pipe.send_bytes(answer.encode(errors="replace"))


def _answer(request: bytes, place: StudioFolder, work: Work) -> Answer:
    try:
        return {"answer": work(json.loads(request), place)}
    except CatdogError as error:
        told = {"what": error.what, "where": error.where, "remedy": error.remedy}
        here = f"{place.folder}/"
        return {"error": {key: text.replace(here, "") for key, text in told.items()}}
    except MemoryError:
        return {"error": {"what": _ENDED, "where": "", "remedy": "make it smaller"}}
