"""What debug_info says, against the blobs and gradients themselves."""

import torch

from catdog.proto.caffe_pb2 import TRAIN
from catdog.solver.events import DebugInfo
from tests.runs import Run, rows, small


def test_debug_info_has_means_of_magnitudes() -> None:
    run = Run(display=2, debug_info=True)
    run.solver.step(2)
    said = [record.line for record in run.said(DebugInfo)]
    assert run.story().index("DebugInfo") < run.story().index("Display 0")
    net = small(TRAIN)
    feed = rows()
    result = net(feed.next(), keep=("drop", "ip2"))
    result.loss.backward()

    def mean(blob: torch.Tensor | None) -> str:
        assert blob is not None
        return f"{blob.detach().abs().mean().item():g}"

    weights = net.node("ip2").layer.blobs.parameter(0)
    assert f"[Forward] Layer drop, top blob drop data: {mean(result.blobs['drop'])}" in said
    assert f"[Forward] Layer ip2, top blob ip2 data: {mean(result.blobs['ip2'])}" in said
    assert f"[Forward] Layer ip2, param blob 0 data: {mean(weights)}" in said
    assert f"[Backward] Layer ip2, param blob 0 diff: {mean(weights.grad)}" in said
    assert any(line.startswith("[Backward] Layer relu, bottom blob ip1 diff: ") for line in said)
    assert not any("bottom blob label diff" in line for line in said)
    assert said[-1].startswith("[Backward] All net params (data, diff): L1 norm = (")
    grads = torch.cat([item.parameter.grad.flatten() for item in net.learnable])
    assert said[-1].endswith(f", {grads.norm().item():g})")


def test_debug_info_changes_nothing() -> None:
    plain, traced = Run(display=1), Run(display=1, debug_info=True)
    for run in (plain, traced):
        run.solver.step(3)
    for one, other in zip(plain.solver.net.learnable, traced.solver.net.learnable, strict=True):
        assert torch.equal(one.parameter, other.parameter)


def test_test_nets_have_the_lines_of_their_forward_pass() -> None:
    run = Run(tests=[2], debug_info=True, max_iter=0)
    run.solver.test_all()
    lines = [record.line for record in run.said(DebugInfo)]
    # six tops and four parameters, in two batches
    assert len(lines) == 2 * (6 + 4)
    assert all(line.startswith("[Forward] Layer ") for line in lines)
