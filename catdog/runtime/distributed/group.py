"""The processes that work on one training, and what they exchange."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


class Part(NamedTuple):
    """Which of several processes this is: each has its part of the work."""

    rank: int = 0
    world: int = 1


WHOLE = Part()


class Group:
    """A process among those that do one job; this class is the one that is alone.

    All processes call the methods that exchange something at the same places of their work.

    Args:
        rank, world: its number among all processes, and how many there are.
        local_rank, local_world: the same among those of its machine.
    """

    def __init__(
        self, rank: int = 0, world: int = 1, local_rank: int = 0, local_world: int = 1
    ) -> None:
        self.rank, self.world = rank, world
        self.local_rank, self.local_world = local_rank, local_world

    @property
    def leads(self) -> bool:
        """Whether this is the process that logs and writes."""
        return self.rank == 0

    @property
    def part(self) -> Part:
        """This process's part of the data."""
        return Part(self.rank, self.world)

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in the order of their ranks."""
        return [value]

    def mean(self, tensor: Tensor) -> Tensor:
        """The mean over the processes, on the tensor's device."""
        return tensor

    def highest(self, number: int) -> int:
        """The highest number that a process has."""
        return number

    def use(self, device: torch.device) -> None:
        """Let a device be the one that this process works on."""

    def take_from_first(self, tensor: Tensor) -> None:
        """Overwrite a tensor with that of rank 0."""

    def speaks(self) -> bool:
        """Whether this process reports why the job fails: true for the first that asks."""
        return True

    def first_text(self, text: str) -> str:
        """The first text of a process that has one, with its rank where that is not 0."""
        texts = enumerate(self.gather(text))
        rank, found = next(((rank, text) for rank, text in texts if text), (0, ""))
        return f"in process {rank}, {found}" if rank else found


ALONE = Group()


def one_first(group: Group, make: Callable[[], T]) -> T:
    """What each process makes, the leading one before all others: they may need what it leaves."""
    if not group.leads:
        group.gather(None)
        return make()
    made = make()
    group.gather(None)
    return made


class Members(Group):
    """A process among several that are connected; `claim` is true for the first that calls it."""

    def __init__(
        self, rank: int, world: int, local_rank: int, local_world: int, claim: Callable[[], bool]
    ) -> None:
        super().__init__(rank, world, local_rank, local_world)
        self._claim = claim
        self._speaks: bool | None = None

    def gather(self, value: T) -> list[T]:
        values: list[T | None] = [None] * self.world
        dist.all_gather_object(values, value)
        return values  # type: ignore[return-value]

    def mean(self, tensor: Tensor) -> Tensor:
        # gloo has no mean
        total = tensor.detach().clone()
        dist.all_reduce(total)
        return total / self.world

    def highest(self, number: int) -> int:
        # on the host, where no GPU is waited for
        most = torch.tensor(number)
        dist.all_reduce(most, dist.ReduceOp.MAX)
        return int(most)

    def use(self, device: torch.device) -> None:
        if device.type == "cuda":
            # else every process takes room on the first GPU too
            torch.cuda.set_device(device)

    def take_from_first(self, tensor: Tensor) -> None:
        dist.broadcast(tensor.detach(), src=0)

    def speaks(self) -> bool:
        if self._speaks is None:
            try:
                self._speaks = self._claim()
            except RuntimeError:
                # the process that held the store is gone, and with it whoever might have spoken
                self._speaks = True
        return self._speaks
