"""caffe.NCCL on one device; several GPUs are a matter of catdog's own train tool."""

from catdog.errors import CatdogError
from catdog.pycaffe.mode import mode


def has_nccl() -> bool:
    """Whether solvers can train together through NCCL."""
    return False


class NCCL:
    """The group of solvers that one solver is alone: its parameters and gradients are the group's.

    Raises CatdogError where there are several, as a Caffe that was built without NCCL does.
    """

    def __init__(self, _solver: object, _uid: str) -> None:
        if mode.solver_count > 1:
            raise CatdogError(
                f"caffe.NCCL trains on one device, not on {mode.solver_count}",
                remedy="run on one, or train with tools/train.py on several GPUs",
            )

    def __call__(self, _layer: int) -> None:
        """Sum up the gradients of a layer over the group, as a hook of net.after_backward."""

    def bcast(self) -> None:
        """Send the parameters of the first solver to the others."""

    @staticmethod
    def new_uid() -> str:
        """The name of a new group of solvers."""
        return "one device"
