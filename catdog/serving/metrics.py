"""What is counted and measured of a server, for Prometheus."""

from collections.abc import Callable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_PHOTOS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ServingMetrics:
    """The numbers of one server, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        about = "Requests, by the status of their answers"
        self._requests = Counter("catdog_requests", about, ["code"], registry=registry)
        about = "Photos that were answered, and those that could not be"
        photos = Counter("catdog_photos", about, ["outcome"], registry=registry)
        self._answered, self._failed = photos.labels("answered"), photos.labels("failed")
        self._request = self._times("request", "From the headers of a request to its answer")
        self._queue = self._times("queue", "What a photo waits to be decoded and to be computed")
        self._decode = self._times("decode", "A photo decoded and prepared")
        self._compute = self._times("compute", "A batch computed")
        about = "Photos of a batch"
        self._batch = Histogram("catdog_batch_photos", about, buckets=_PHOTOS, registry=registry)
        ProcessCollector(registry=registry)

    def _times(self, name: str, about: str) -> Histogram:
        name = f"catdog_{name}_seconds"
        return Histogram(name, about, buckets=_SECONDS, registry=self._registry)

    def watch(self, name: str, about: str, value: Callable[[], float]) -> None:
        """A number that is asked for when the metrics are."""
        Gauge(f"catdog_{name}", about, registry=self._registry).set_function(value)

    def answered(self, status: int, seconds: float) -> None:
        """A request has its answer."""
        self._requests.labels(str(status)).inc()
        self._request.observe(seconds)

    def told(self, answered: int, failed: int) -> None:
        """So many photos of a request have their answer, so many a reason why they have none."""
        self._answered.inc(answered)
        self._failed.inc(failed)

    def decoded(self, seconds: float) -> None:
        """A photo is decoded and prepared, or found to be none."""
        self._decode.observe(seconds)

    def computed(self, waits: Sequence[float], seconds: float) -> None:
        """A batch is computed; `waits` is what each of its photos has waited in queues."""
        for wait in waits:
            self._queue.observe(wait)
        self._batch.observe(len(waits))
        self._compute.observe(seconds)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)
