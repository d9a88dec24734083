"""A net that answers requests, and what of it others may know."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from catdog.data.images import Pixels, Readable, load
from catdog.errors import did_you_mean
from catdog.inference.given_pictures import StoredPicture
from catdog.inference.predictor import Predictor
from catdog.serving.answers import Json, answer, reason
from catdog.serving.batcher import Batcher, Ticket
from catdog.serving.intake import Gone, Headers, Intake
from catdog.serving.limits import Limits
from catdog.serving.metrics import ServingMetrics
from catdog.serving.refusal import Refusal
from catdog.serving.sent_photos import sent_photos
from catdog.web.guard import Receive
from catdog.web.photo_size import check_sent

#: Seconds after which it is looked at whether a client still waits.
_PATIENCE = 1.0
TOP = 5


@dataclass(frozen=True)
class ServedNet:
    """A net on its devices.

    Args:
        weights: the file.
        predictors: one for each device.
        pixels: of a photo, at most.
    """

    weights: Path
    predictors: Sequence[Predictor]
    pixels: int

    @property
    def first(self) -> Predictor:
        """That of the first device; what it says of the net is true of all."""
        return self.predictors[0]

    def read(self, photo: Readable) -> Pixels:
        """A photo as the training had its photos; raises Unreadable."""
        check_sent(photo, self.pixels)
        return load(photo, self.first.dataset)

    def warm(self, batch: int) -> None:
        """Compute a photo and a whole batch, so that the first request takes no longer."""
        for predictor in self.predictors:
            for count in dict.fromkeys((1, batch, 1, batch)):
                predictor.rows([np.zeros(predictor.stored, np.uint8)] * count)

    @cached_property
    def about(self) -> Json:
        """What a client may know of the net."""
        first = self.first
        sets, reject = first.heads[0].sets, first.heads[0].reject
        return {
            "weights": self.weights.name,
            "net": first.net.name,
            "classes": list(first.heads[0].names),
            "width": first.dataset.width,
            "height": first.dataset.height,
            "engine": first.engine.name,
            "devices": [str(each.device) for each in self.predictors],
            **({"coverage": sets.coverage} if sets else {}),
            **({"reject": reject.share, "foreign_above": reject.limit} if reject else {}),
        }


class Service:
    """Takes the bodies of requests and answers them."""

    def __init__(
        self, net: ServedNet, batcher: Batcher, limits: Limits, metrics: ServingMetrics
    ) -> None:
        self.net, self.limits, self.metrics = net, limits, metrics
        self.intake = Intake(limits)
        self._batcher = batcher
        self.is_warm = self.is_stopping = False
        #: Requests that are taken and not answered.
        self.under_way = 0
        watch = metrics.watch
        watch("queue_photos", "Photos that are taken and not answered", lambda: batcher.depth)
        watch("held_bytes", "Bytes of bodies that are held", lambda: self.intake.held)
        watch("photos_per_second", "As measured lately", lambda: batcher.rate.per_second)
        watch("ready", "1 where requests are taken", lambda: not self.not_ready)

    @property
    def not_ready(self) -> str:
        """Why no photos are taken now; empty where they are."""
        if self.is_stopping:
            return "is stopping"
        if not self.is_warm:
            return "is not warm yet"
        return "is full" if self._batcher.is_full else ""

    async def predict(
        self, headers: Headers, query: Sequence[tuple[str, str]], receive: Receive
    ) -> tuple[int, Json]:
        """The status and the answer of a request. Raises Refusal, and Gone."""
        if self.is_stopping or not self.is_warm:
            remedy = "send it again after Retry-After"
            what = f"the server {self.not_ready}"
            raise Refusal(503, what, remedy=remedy, retry_after=1, close=True)
        top = _top(query)
        self.under_way += 1
        try:
            with self.intake.request() as held:
                body = await self.intake.read(receive, headers, held)
                kind = headers.get(b"content-type", b"").decode("latin-1")
                photos = sent_photos(kind, body, self.limits)
                del body
                ticket = await self._outcomes(photos, receive)
                return self._answer(photos, ticket, top)
        finally:
            self.under_way -= 1

    async def _outcomes(self, photos: Sequence[StoredPicture], receive: Receive) -> Ticket:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        ticket = Ticket(photos, lambda: _tell(loop, done))
        self._batcher.submit(ticket)
        try:
            await asyncio.wait((done,), timeout=min(_PATIENCE, self.limits.seconds))
            if not done.done():
                await self._wait_on(done, receive)
        finally:
            ticket.is_abandoned = not done.done()
        return ticket

    async def _wait_on(self, done: "asyncio.Future[None]", receive: Receive) -> None:
        """Wait for a future, or until the client goes away."""
        left = max(0.0, self.limits.seconds - _PATIENCE)
        gone = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((done, gone), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if done.done():
            return
        if gone.done() and not gone.cancelled():
            raise Gone
        what = f"no answer within {self.limits.seconds:g} seconds"
        raise Refusal(504, what, remedy="send fewer photos at once")

    def _answer(
        self, photos: Sequence[StoredPicture], ticket: Ticket, top: int
    ) -> tuple[int, Json]:
        heads, outcomes = self.net.first.heads, ticket.outcomes
        found = [
            answer(photo.name, outcome, heads, top)
            for photo, outcome in zip(photos, outcomes, strict=True)
        ]
        good = sum(isinstance(each, tuple) for each in outcomes)
        self.metrics.told(good, len(found) - good)
        if good:
            return 200, {"photos": found}
        first = outcomes[0]
        error = None if isinstance(first, tuple) else first
        told = reason(photos[0].name, error)
        return 422, {"error": told, **({"photos": found} if len(found) > 1 else {})}


def _tell(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[None]") -> None:
    """Wake the request that waits, from another thread."""

    def wake() -> None:
        if not done.done():
            done.set_result(None)

    try:
        loop.call_soon_threadsafe(wake)
    except RuntimeError:
        # the server has ended meanwhile
        return


def _top(query: Sequence[tuple[str, str]]) -> int:
    """How many classes are asked for."""
    top = TOP
    for name, value in query:
        if name != "top":
            remedy = did_you_mean(name, ["top"]) or "there is ?top=N"
            raise Refusal(422, f'there is no "{name}"', where="query", remedy=remedy)
        if not (value.isascii() and value.isdecimal() and 0 < len(value) < 7 and int(value)):
            raise Refusal(422, "is no number from 1 on", where="top", remedy=f"write ?top={TOP}")
        top = int(value)
    return top
