"""The numbers that a run gives to those who draw curves of it, by their names."""

from catdog.solver.events import Display, Event, FinalLoss, NetTested
from catdog.solver.solver import Solver
from catdog.tracking.flat_fields import plain_fields
from catdog.tracking.run_file import named
from catdog.tracking.schedule import Schedule
from catdog.tracking.throughput import Pace


class Scalars:
    """Listens to a run; `values` are the numbers of an event: losses, rates, scores, speed."""

    def __init__(self, schedule: Schedule) -> None:
        self._pace = Pace(schedule)

    def values(self, event: Event) -> dict[str, float]:
        """The numbers of the event, which belong to its iteration; every event has to be given."""
        self._pace(event)
        match event:
            case Display(loss=loss, lr=lr):
                return {"train/loss": loss, "train/learning_rate": lr, **self._speed()}
            case NetTested(_, net, outputs):
                return {f"test/{name}": each.value for name, each in named(outputs, net)}
            case FinalLoss(_, loss):
                return {"train/loss": loss}
            case _:
                return {}

    def _speed(self) -> dict[str, float]:
        rates = {"iterations": self._pace.rate, "images": self._pace.images}
        return {f"speed/{name}_per_second": rate for name, rate in rates.items() if rate}


def settings_of(solver: Solver, schedule: Schedule) -> dict[str, str]:
    """The set fields of a solver by their paths, and its batch, all as in a spec."""
    batch = {"batch_size": str(schedule.examples)} if schedule.examples else {}
    return {**plain_fields(solver.param), **batch}
