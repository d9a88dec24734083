"""caffe.NCCL: not here; several GPUs are a matter of catdog's own train tool."""

from catdog.errors import CatdogError


def has_nccl() -> bool:
    """Whether solvers can train together through NCCL."""
    return False


class NCCL:
    """Refuses, as a Caffe that was built without NCCL does."""

    def __init__(self, *_: object) -> None:
        raise CatdogError("there is no caffe.NCCL here", remedy="ask caffe.has_nccl() before")

    @staticmethod
    def new_uid() -> str:
        """The name of a new group of solvers; CatdogError here."""
        raise CatdogError("there is no caffe.NCCL here", remedy="ask caffe.has_nccl() before")
