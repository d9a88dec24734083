"""How far from Caffe's numbers ours are: worst relative differences over the golden cases.

python -m tests.report

Prints the tables of docs/caffe.md and docs/forks.md. A difference is relative to the largest number
of its array.
"""

from collections import defaultdict
from contextlib import chdir

import numpy as np
import torch

from tests.layers import harness
from tests.layers.test_goldens import is_random
from tests.solver import test_solver


def relative(mine, caffe):
    """The largest difference by the largest number; 0 where both have the same inf and nan."""
    mine = np.zeros_like(caffe) if mine is None else mine.detach().numpy()
    finite = np.isfinite(caffe)
    if not finite.any():
        return 0.0
    largest = np.abs(caffe[finite]).max()
    difference = np.abs(mine[finite] - caffe[finite]).max()
    return float(difference / largest) if largest else float(difference)


def layer_differences(entry):
    """Worst differences of the tops and of the diffs in one case."""
    case = harness.load(entry)
    # paths in a case hold from its folder
    with chdir(entry["folder"]):
        run = harness.forward(case)
    names = (f"out:{top}" for top in case.param.top)
    tops = [relative(top, case.arrays[name]) for top, name in zip(run.tops, names, strict=True)]
    diffs = []
    if case.numbered("dout"):
        harness.backward(case, run)
        for name, bottom in zip(case.param.bottom, run.bottoms, strict=True):
            if f"din:{name}" in case.arrays:
                diffs.append(relative(bottom.grad, case.arrays[f"din:{name}"]))
        for i, key in enumerate(case.numbered("dparam")):
            diffs.append(relative(run.layer.blobs.parameter(i).grad, case.arrays[key]))
    return max(tops, default=0.0), max(diffs, default=0.0)


def layers():
    """Lines of the table of Caffe's layer types."""
    yield "| layer type | cases | forward | backward |"
    yield "|---|---|---|---|"
    for kind, cases in _by_type(harness.GOLDENS):
        yield f"| {kind} | {_numbers(cases)} |"


def layers_of_forks():
    """Lines of the table of the layer types of forks, with what computed their cases."""
    yield "| layer type | computed by | cases | forward | backward |"
    yield "|---|---|---|---|---|"
    for kind, cases in _by_type(harness.FORKS):
        sources = "; ".join(dict.fromkeys(entry["source"] for entry in cases))
        yield f"| {kind} | {sources} | {_numbers(cases)} |"


def _by_type(root):
    found = defaultdict(list)
    for entry in harness.entries(root):
        found[entry["type"]].append(entry)
    return sorted(found.items())


def _numbers(cases):
    """How many cases of a type there are, and its worst differences forward and backward."""
    differences = [(0.0, 0.0) if is_random(each) else layer_differences(each) for each in cases]
    forward, backward = (max(case[i] for case in differences) for i in range(2))
    return f"{len(cases)} | {forward:.1e} | {backward:.1e}"


def solver_differences(case):
    """Iterations, and worst differences of the losses and of the last parameters."""
    rows = test_solver.caffes_losses(case)
    solver = test_solver.golden(case)
    losses = test_solver.trajectory(solver, len(rows))
    blobs, final = solver.net.layer_blobs(), test_solver.arrays(case, "final")
    # gradients that would be 0 but for rounding, such as a bias before BatchNorm, say nothing
    parameters = [
        relative(blobs[key.rsplit(":", 1)[0]][int(key.rsplit(":", 1)[1])], value)
        for key, value in final.items()
        if np.abs(value).max() > 1e-5
    ]
    return len(rows), relative(torch.tensor(losses), np.array(rows)), max(parameters)


def solvers():
    """Lines of the table of solver cases."""
    yield "| solver case | iterations | losses | last parameters |"
    yield "|---|---|---|---|"
    for case in test_solver.INDEX:
        count, loss, parameter = solver_differences(case)
        yield f"| {case} | {count} | {loss:.1e} | {parameter:.1e} |"


def main():
    for table in (layers, layers_of_forks, solvers):
        print(*table(), "", sep="\n")


if __name__ == "__main__":
    main()
