"""All that wants to be measured on a GPU, in one command, for the minutes in which there is one.

python -m benchmarks.gpu --photos kaggle.zip                the goldens, and CaffeNet's speed
python -m benchmarks.gpu --photos kaggle.zip --to-the-end   solvers/s1.yaml to its last iteration

A training with its data is measured beside the same steps on one batch that is there, in each
precision, with pictures from the host (LMDB) and on the device (cache: DEVICE).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.training import RepeatedBatch
from benchmarks.workplace import ROOT
from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.runtime.text_table import text_table
from catdog.solver.solver import Solver
from catdog.solver.test_pass import Batches
from catdog.spec import Spec
from catdog.training.options import Options, solver_spec
from catdog.training.solver_setup import open_solver

GOAL = 0.95
_WARM, _STEPS = 10, 100
SOLVER = ROOT / "solvers/s1.yaml"
#: Data layers that keep their pictures on the device.
_RESIDENT = ("net.data.data_param.cache=DEVICE",)


@dataclass(frozen=True)
class Way:
    """How a training is run: its name in the table, and what differs from the usual."""

    name: str
    amp: str = ""
    compile: bool = False
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Speed:
    """Images a second of a training with its data, and of the same steps without."""

    way: str
    fed: float
    resident: float

    @property
    def share(self) -> float:
        """Of the speed without data."""
        return self.fed / self.resident


WAYS = (
    Way("float32, LMDB"),
    Way("float32, cache: DEVICE", overrides=_RESIDENT),
    Way("tf32, cache: DEVICE", "tf32", overrides=_RESIDENT),
    Way("bf16, LMDB", "bf16"),
    Way("bf16, cache: DEVICE", "bf16", overrides=_RESIDENT),
    Way("fp16, cache: DEVICE", "fp16", overrides=_RESIDENT),
    Way("bf16, cache: DEVICE, --compile", "bf16", compile=True, overrides=_RESIDENT),
)


def speed(
    way: Way, solver: Path, device: torch.device, overrides: Sequence[str], steps: int = _STEPS
) -> Speed:
    """Both sides of a way, on a device."""
    with ExitStack() as stack:
        wanted = [*overrides, *way.overrides]
        options = Options(device=device, amp=way.amp, compile=way.compile, overrides=wanted)
        spec: Spec[SolverParameter] = solver_spec(solver, options)
        opened, _ = open_solver(spec, options, stack)
        feed = opened.feed
        batch = dict(feed.next())
        images = len(next(iter(batch.values())))
        fed = _rate(opened, feed, images, steps)
        return Speed(way.name, fed, _rate(opened, RepeatedBatch(batch), images, steps))


def _rate(solver: Solver, feed: Batches, images: int, steps: int) -> float:
    solver.feed = feed
    solver.step(min(_WARM, steps))
    _wait(solver.device)
    began = time.perf_counter()
    solver.step(steps)
    _wait(solver.device)
    return steps * images / (time.perf_counter() - began)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    args = _arguments(argv)
    if not torch.cuda.is_available():
        raise CatdogError("this machine has no GPU", remedy="run it where nvidia-smi shows one")
    card = torch.cuda.get_device_name(0)
    print(f"{card}, torch {torch.__version__}, CUDA {torch.version.cuda}")
    _run("-m", "pytest", "-q", "tests/pycaffe/test_goldens.py", "-k", "gpu")
    with tempfile.TemporaryDirectory(prefix="catdog-gpu") as folder:
        data = Path(folder)
        _run("tools/create_lmdb.py", "--data", str(args.photos), "--out", str(data))
        if args.to_the_end:
            _to_the_end(data)
            return
        device = torch.device("cuda", 0)
        speeds = [speed(way, SOLVER, device, steps_alone(data)) for way in WAYS]
    print(table(speeds))
    args.out.write_text(json.dumps([{"card": card, **asdict(row)} for row in speeds], indent=1))


def table(speeds: Sequence[Speed]) -> str:
    """The ways as text for a person."""
    heading = ("CaffeNet's training", "images/s", "on one batch", "share", "goal")
    rows = [
        (row.way, f"{row.fed:,.0f}", f"{row.resident:,.0f}", f"{row.share:.2f}", f"{GOAL}")
        for row in speeds
    ]
    return text_table(heading, rows)


def reading(data: Path) -> list[str]:
    """The overrides that have the nets read these stores."""
    return [
        f"train_net.data.data_param.source={data}/train_lmdb",
        f"test_net.data.data_param.source={data}/validation_lmdb",
        f"net.data.transform_param.mean_file={data}/mean.binaryproto",
    ]


def steps_alone(data: Path) -> list[str]:
    """The overrides of a training on these stores in which nothing is tested, shown or kept."""
    # without tests there would be no best to keep, which the solver asks for
    fields = ("test_initialization=false", "test_interval=1000000", "snapshot=0", "display=0")
    return [*reading(data), *fields, f"snapshot_prefix={data}/run"]


def _to_the_end(data: Path) -> None:
    overrides = [*reading(data), f"snapshot_prefix={data}/runs/caffenet"]
    words = [word for override in overrides for word in ("--set", override)]
    began = time.perf_counter()
    _run("tools/train.py", "--solver", str(SOLVER), "--gpu", "0", "--amp", "bf16", *words)
    print(f"solvers/s1.yaml took {time.perf_counter() - began:,.0f} s")
    _run("tools/runs.py", str(data / "runs"))


def _run(*words: str) -> None:
    """A command as one types it; what it prints is seen."""
    if code := subprocess.run([sys.executable, *words], cwd=ROOT).returncode:
        tell(f"{' '.join(words)} ended with {code}")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="a folder or an archive")
    parser.add_argument("--to-the-end", action="store_true", help="train solvers/s1.yaml")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="(default: gpu.json)")
    return parser.parse(argv)


if __name__ == "__main__":
    run_tool(main)
