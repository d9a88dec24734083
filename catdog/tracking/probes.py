"""What a process uses of its machine: memory and load of the processor and of a GPU."""

from contextlib import suppress
from typing import NamedTuple, Protocol, Self

import psutil
import torch

from catdog.runtime.parallel import cores

MB = 1e6


class Unavailable(Exception):
    """What cannot be looked at here: a library or a driver is missing, or it refuses."""


class Host(NamedTuple):
    """Of the process and of its machine."""

    #: Bytes of the process alone: without files that are mapped, which the system takes back.
    memory: int
    #: Bytes that all processes together may still take.
    free: int
    #: Of the cores that the process may use, the share that it keeps busy.
    load: float
    #: Of all cores, the share that all processes keep busy.
    machine_load: float


class Gpu(NamedTuple):
    """Of a GPU, all processes on it together, but for `own`."""

    memory: int
    #: Bytes that tensors of this process, or what torch keeps for them, take.
    own: int
    total: int
    #: The share of the time in which something ran on it.
    load: float


class GpuProbe(Protocol):
    """Looks at a GPU."""

    def look(self) -> Gpu:
        """What is used now. Raises Unavailable."""


class HostProbe:
    """Looks at the process and its machine; loads are those since the look before."""

    def __init__(self) -> None:
        self._process, self._cores = psutil.Process(), cores()
        with suppress(Unavailable):
            self.look()

    def look(self) -> Host:
        """What is used now. Raises Unavailable."""
        try:
            memory = self._process.memory_info()
            # of Linux only: pages of an LMDB that were read count as memory of the process too
            own = memory.rss - getattr(memory, "shared", 0)
            load = self._process.cpu_percent() / 100 / self._cores
            free = psutil.virtual_memory().available
            return Host(own, free, load, psutil.cpu_percent() / 100)
        except (psutil.Error, OSError) as error:
            raise Unavailable(str(error)) from error


class NvidiaProbe:
    """Looks at an NVIDIA GPU through its management library; raises Unavailable without it."""

    def __init__(self, device: torch.device) -> None:
        try:
            import pynvml
        except ImportError as error:
            raise Unavailable(str(error)) from error
        self._library, self._device = pynvml, device
        # the number that torch knows it by need not be the library's
        name = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        try:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(name)
        except pynvml.NVMLError as error:
            raise Unavailable(str(error)) from error

    @classmethod
    def of(cls, device: torch.device) -> Self | None:
        """The probe of a device; None for the CPU, and without the library or its driver."""
        if device.type != "cuda":
            return None
        try:
            return cls(device)
        except Unavailable:
            return None

    def look(self) -> Gpu:
        try:
            memory = self._library.nvmlDeviceGetMemoryInfo(self._handle)
            load = self._library.nvmlDeviceGetUtilizationRates(self._handle).gpu / 100
        except self._library.NVMLError as error:
            raise Unavailable(str(error)) from error
        own = torch.cuda.memory_reserved(self._device)
        return Gpu(int(memory.used), own, int(memory.total), load)
