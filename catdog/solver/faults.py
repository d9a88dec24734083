"""What is wrong with a solver, whatever its nets."""

from catdog.errors import Fault
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver import early_stopping, lr_policy, updates


def solver_faults(solver: SolverParameter) -> list[Fault]:
    """Everything in a solver that cannot work, whatever its nets."""
    found = [*lr_policy.faults(solver), *updates.faults(solver), *early_stopping.faults(solver)]
    for name, least in (("average_loss", 1), ("display", 0), ("snapshot", 0), ("max_iter", 0)):
        if getattr(solver, name) < least:
            found.append(Fault(f"{name} must be {least} or more", field=name))
    if solver.fresh_lr_mult < 0:
        found.append(Fault("fresh_lr_mult must be 0 or more", field="fresh_lr_mult"))
    if solver.test_interval < 0:
        found.append(Fault("test_interval must be 0 or more", field="test_interval"))
    if any(number < 1 for number in solver.test_iter):
        remedy = "leave test_iter out to test every example once"
        found.append(Fault("test_iter must be 1 or more", remedy, field="test_iter"))
    return found
