"""Several processes at one job, each on a device of its own: torch.distributed."""

from catdog.distributed import chance
from catdog.distributed.engine import Engine
from catdog.distributed.group import ALONE, Group
from catdog.distributed.join import ToldElsewhere, is_member, joined

__all__ = ["ALONE", "Engine", "Group", "ToldElsewhere", "chance", "is_member", "joined"]
