"""The life of a server: it listens, warms up, answers, and ends when what it took is done."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Thread

from catdog.engines.engine import SHARE, SIDE_BY_SIDE
from catdog.runtime.parallel import cores
from catdog.serving.app import application
from catdog.serving.batcher import Batcher
from catdog.serving.connections import limited_protocol
from catdog.serving.limits import Limits
from catdog.serving.metrics import ServingMetrics
from catdog.serving.service import ServedNet, Service
from catdog.web.address import Address
from catdog.web.server import listen, serve

REMEDY = "pip install 'catdog-torch[serve]'"
#: Seconds between two looks of Python's at which of its threads goes on. With the usual 5 ms one
#: that has decoded a photo waits so long for one that reads requests.
_SWITCH = 0.00005


@dataclass(frozen=True)
class Batching:
    """How photos become batches.

    Args:
        batch: photos of a batch, at most; 0: as many as the device computes at once.
        wait: seconds that it waits for photos that are being decoded.
        workers: threads that compute, on each device.
        decoders: threads that decode; 0: one for each core.
    """

    batch: int = 0
    wait: float = 0.01
    workers: int = 1
    decoders: int = 0


def batch_of(net: ServedNet, batching: Batching) -> int:
    """The photos of a batch.

    On the cores it is so many as make whole shares, which are computed side by side: what is more
    would wait for a second turn.
    """
    on_cores = net.first.device.type == "cpu"
    return batching.batch or SHARE * (min(cores(), SIDE_BY_SIDE) if on_cores else SIDE_BY_SIDE)


def service_of(net: ServedNet, batching: Batching, limits: Limits) -> tuple[Service, Batcher]:
    """A service, and its batcher, which has to be entered."""
    metrics = ServingMetrics()
    computes = [each.rows for each in net.predictors for _ in range(batching.workers)]
    batcher = Batcher(
        net.read,
        computes,
        metrics,
        batch=batch_of(net, batching),
        wait=batching.wait,
        room=limits.queue,
        decoders=batching.decoders,
    )
    return Service(net, batcher, limits, metrics), batcher


def run_server(
    place: Address,
    open_net: Callable[[], ServedNet],
    batching: Batching,
    limits: Limits,
    tell: Callable[[str], None],
) -> None:
    """Answer on an address until a signal; a second one ends the process at once.

    The port is taken first, so that one that is not free is told before weights are read. Raises
    CatdogError, as `listen` and `open_net`.
    """
    with listen(place) as listening:
        net = open_net()
        service, batcher = service_of(net, batching, limits)
        sys.setswitchinterval(_SWITCH)
        with batcher:
            Thread(target=_warm, args=(service, batch_of(net, batching)), daemon=True).start()
            tell(f"{net.weights} at {place.url(listening.getsockname()[1])}")
            serve(
                application(service, place),
                listening,
                remedy=REMEDY,
                stopping=partial(_stop, service, tell),
                drained=lambda: not service.under_way,
                grace=int(limits.seconds) + 1,
                protocol=limited_protocol(limits),
            )
    tell("all that was taken is answered")


def _warm(service: Service, batch: int) -> None:
    service.net.warm(batch)
    service.is_warm = True


def _stop(service: Service, tell: Callable[[str], None]) -> None:
    service.is_stopping = True
    # the second signal
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)
    tell(f"stopping: {service.under_way} requests are under way; a second signal ends it at once")
