"""What a run can be asked to do between two iterations."""

from enum import Enum

from catdog.runtime.distributed.group import Group


class Action(Enum):
    """What a run can be asked to do between two iterations."""

    NONE = "none"
    STOP = "stop"
    SNAPSHOT = "snapshot"


_BY_URGENCY = (Action.NONE, Action.SNAPSHOT, Action.STOP)


def of_any(asked: Action, group: Group) -> Action:
    """The most urgent of what the processes of a group were asked to do."""
    return _BY_URGENCY[group.highest(_BY_URGENCY.index(asked))]
