"""Training through torch.compile."""

import shutil

import pytest
import torch

from catdog.errors import CatdogError
from catdog.runtime.compiler import check_compiler
from catdog.training.options import Options
from catdog.training.train import train
from tests.tiny_solver import write_solver

CPU = torch.device("cpu")


def test_a_machine_without_a_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(CatdogError, match=r"--compile: no C\+\+ compiler here \(no-such-comp"):
        check_compiler(CPU)
    check_compiler(torch.device("cuda"))


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_a_compiled_net_learns_the_same(tmp_path):
    path = write_solver(tmp_path)
    ends = [train(path, Options(device=CPU, compile=compiled)) for compiled in (False, True)]
    plain, compiled = ([item.parameter for item in each.net.learnable] for each in ends)
    for one, other in zip(plain, compiled, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
