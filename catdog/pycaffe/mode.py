"""What Caffe keeps for a whole program: the device, the random numbers, the place among processes.

pycaffe's interface has no other place for them; nothing outside this package looks here.
"""

import torch

from catdog.pycaffe import glog
from catdog.runtime.devices import set_tf32
from catdog.runtime.randomness import Randomness

CPU = torch.device("cpu")


class Mode:
    """The device that nets run on, and the generator that they draw from."""

    def __init__(self) -> None:
        self.device = CPU
        self.gpu = 0
        self.randomness = Randomness()
        self.solver_count, self.solver_rank = 1, 0
        self.multiprocess = False

    def seed(self, seed: int) -> None:
        """Begin the random numbers of all nets anew."""
        self.randomness.seed = seed
        for device in self.randomness.state():
            self.randomness.on(device).manual_seed(seed)

    def draw_seed(self) -> int:
        """A seed for something that draws by itself."""
        return int(torch.randint(2**62, (), generator=self.randomness.on(CPU)))


mode = Mode()


def set_mode_cpu() -> None:
    """Run nets on the CPU from now on."""
    mode.device = CPU


def set_mode_gpu() -> None:
    """Run nets on the GPU from now on; where there is none, say so and stay on the CPU."""
    if torch.cuda.is_available():
        mode.device = torch.device("cuda", mode.gpu)
        set_tf32(False)
    else:
        glog.warning("there is no GPU here: running on the CPU")


def set_device(index: int) -> None:
    """Use this GPU in the GPU mode."""
    mode.gpu = index
    if mode.device.type == "cuda":
        set_mode_gpu()


def set_random_seed(seed: int) -> None:
    """Begin all random numbers anew: fillers, Dropout, data layers of nets that are built."""
    mode.seed(seed)


def solver_count() -> int:
    """How many solvers train together."""
    return mode.solver_count


def set_solver_count(count: int) -> None:
    """Say how many solvers train together."""
    mode.solver_count = count


def solver_rank() -> int:
    """Which of the solvers this one is."""
    return mode.solver_rank


def set_solver_rank(rank: int) -> None:
    """Say which of the solvers this one is: its data layers take every solver_count-th record."""
    mode.solver_rank = rank


def set_multiprocess(multiprocess: bool) -> None:
    """Say that each solver has a process of its own."""
    mode.multiprocess = multiprocess
