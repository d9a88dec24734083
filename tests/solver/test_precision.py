from pathlib import Path

import pytest
import torch

from catdog.errors import CatdogError
from catdog.runtime.devices import cpu_has_bf16, set_tf32
from catdog.solver.precision import Precision
from tests.runs import Run


def trained(name: str) -> tuple[Run, list[float]]:
    """A run of 20 iterations in some precision, with its losses."""
    run = Run(max_iter=20, display=1, momentum=0.9, average_loss=1)
    run.solver._precision = Precision(name)
    run.solver.step(20)
    return run, [event.loss for event in run.events if hasattr(event, "loss")]


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_a_training_in_fewer_bits_stays_near(name):
    _, full = trained("")
    run, losses = trained(name)
    assert losses == pytest.approx(full, rel=0.05)
    assert losses != full
    assert all(item.parameter.dtype == torch.float32 for item in run.solver.net.learnable)


def test_a_step_whose_gradients_overflow_is_left_out():
    run = Run(max_iter=1)
    precision = Precision("fp16")
    scale = precision.loss_scale
    before = [item.parameter.clone() for item in run.solver.net.learnable]
    precision.backward(run.solver.net(run.solver.feed.next()).loss)
    run.solver.net.learnable[0].parameter.grad[0] = float("inf")
    precision.apply(run.solver.update, 0.1, 0)
    after = [item.parameter for item in run.solver.net.learnable]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert precision.loss_scale == scale / 2


def test_the_scale_goes_through_a_snapshot():
    precision = Precision("fp16")
    precision.load_loss_scale(128.0)
    assert precision.loss_scale == 128
    assert Precision().loss_scale == 1
    Precision("bf16").load_loss_scale(128.0)


@pytest.mark.parametrize(("name", "kept"), [("", "ieee"), ("bf16", "ieee"), ("tf32", "tf32")])
def test_a_gpu_keeps_all_bits_unless_told(name, kept, monkeypatch):
    """A net is placed, as far as that goes without a GPU."""
    net = Run().solver.net
    monkeypatch.setattr(net, "to", lambda _: net)
    set_tf32(True)
    try:
        net.place("cuda")
        Precision(name, "cuda")
        places = (torch.backends.cudnn.conv, torch.backends.cuda.matmul)
        assert [place.fp32_precision for place in places] == [kept, kept]
        # torch.export asks for these, and raises where they contradict the newer names
        older = (torch.backends.cudnn, torch.backends.cuda.matmul)
        assert [place.allow_tf32 for place in older] == [kept == "tf32"] * 2
    finally:
        set_tf32(False)


def test_tf32_needs_a_gpu():
    with pytest.raises(CatdogError, match="--amp: tf32 needs a GPU"):
        Precision("tf32")


def test_another_name_is_told():
    with pytest.raises(CatdogError, match=r'"half" is no precision; one of bf16, fp16, tf32'):
        Precision("half")


@pytest.mark.parametrize(
    ("name", "device", "facts", "told"),
    [
        ("bf16", "cpu", {"architecture": "x86_64", "avx2": True, "amx_bf16": False}, True),
        ("bf16", "cpu", {"architecture": "x86_64", "amx_bf16": True}, False),
        ("bf16", "cpu", {"architecture": "x86_64", "avx512_bf16": True}, False),
        ("bf16", "cpu", {"architecture": "aarch64"}, False),
        ("bf16", "cuda", {"architecture": "x86_64"}, False),
        ("", "cpu", {"architecture": "x86_64"}, False),
    ],
)
def test_bf16_that_a_cpu_only_imitates_is_told(name, device, facts, told, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: facts)
    assert len(list(Precision(name, device).advice())) == told


def test_what_a_cpu_can_is_what_the_system_says():
    """The kernel's list of what the processor has is independent of torch's."""
    info = Path("/proc/cpuinfo")
    flags = (
        info.read_text().partition("flags\t")[2].partition("\n")[0].split() if info.exists() else []
    )
    if "avx2" not in flags:
        pytest.skip("no list of an x86 processor here")
    assert cpu_has_bf16() == ("amx_bf16" in flags or "avx512_bf16" in flags)
