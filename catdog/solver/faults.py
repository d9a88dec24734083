"""What is wrong with a solver, whatever its nets."""

from catdog.errors import Fault
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver import average_precision, early_stopping, lr_policy, updates
from catdog.spec.finite import finite_faults

#: The least that a field may be, where nothing but that is asked of it.
_LEAST = {
    "average_loss": 1,
    "display": 0,
    "snapshot": 0,
    "max_iter": 0,
    "test_interval": 0,
    "base_lr": 0,
    "weight_decay": 0,
    "delta": 0,
    "fresh_lr_mult": 0,
}


def solver_faults(solver: SolverParameter) -> list[Fault]:
    """Everything in a solver that cannot work, whatever its nets."""
    found = [*lr_policy.faults(solver), *updates.faults(solver), *early_stopping.faults(solver)]
    found += [*finite_faults(solver), *average_precision.faults(solver)]
    for name, least in _LEAST.items():
        if getattr(solver, name) < least:
            found.append(Fault(f"{name} must be {least} or more", field=name))
    for name in ("max_epoch", "test_epoch"):
        if solver.HasField(name):
            remedy = "write max_iter or test_interval; tools/train.py makes these of it"
            found.append(Fault(f"{name} is no number of iterations", remedy, field=name))
    if any(number < 0 for number in solver.test_iter):
        remedy = "leave test_iter out to test every example once"
        found.append(Fault("test_iter must be 0 or more", remedy, field="test_iter"))
    return found
