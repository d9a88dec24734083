"""The memory that a training is said to take beside what it takes at most, net by net.

python -m benchmarks.estimates

Each net trains for three iterations on noise, in a process of its own; counted is what its
anonymous memory grows by from before it has numbers, with what torch loads meanwhile.
"""

import re
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import torch

from benchmarks.workplace import ROOT
from catdog.net.abstract import blueprint
from catdog.net.net import Net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TRAIN, SolverParameter
from catdog.runtime.text_table import text_table
from catdog.solver.updates import UPDATES
from catdog.spec import net_state, read_net
from catdog.training.memory import need

NETS = {
    "caffenet": 32,
    "vgg16": 4,
    "resnet18": 16,
    "squeezenet1_1": 32,
    "deep64": 128,
    "catdog96": 128,
}
_MIB = 2**20
_ANONYMOUS = re.compile(r"^RssAnon:\s*(\d+) kB", re.MULTILINE)
_SOLVER = SolverParameter(type="SGD", base_lr=1e-6, momentum=0.9, lr_policy="fixed")


def anonymous() -> int:
    """Bytes of this process that are no file's."""
    (found,) = _ANONYMOUS.findall(Path("/proc/self/status").read_text())
    return int(found) * 1024


def measure(name: str, batch: int) -> tuple[int, int]:
    """Bytes that a training of a net is said to take, and that it takes at most."""
    spec = read_net(ROOT / "net_specs" / f"{name}.yaml")
    resolved = resolve(spec, net_state(TRAIN, 0, (), spec.message.state))
    dry = blueprint(resolved, batch=batch).net
    said = need(dry, _SOLVER)
    before, most, ended = anonymous(), [0], Event()

    def watch() -> None:
        while not ended.is_set():
            most.append(anonymous())
            time.sleep(0.005)

    watcher = Thread(target=watch)
    watcher.start()
    _train(Net(dry.message, inputs=dry.inputs))
    ended.set()
    watcher.join()
    return (said.total if said else 0), max(most) - before


def _train(net: Net) -> None:
    update = UPDATES[_SOLVER.type](net.learnable, _SOLVER)
    for iteration in range(3):
        batch = {name: torch.zeros(shape) for name, shape in net.inputs.items()}
        batch["data"].normal_()
        update.zero_grad()
        net(batch).loss.backward()
        update.apply(_SOLVER.base_lr, iteration)


def main() -> None:
    """Measure each net in a process of its own; print a table."""
    if len(sys.argv) > 1:
        print(*measure(sys.argv[1], int(sys.argv[2])))
        return
    rows = []
    for name, batch in NETS.items():
        command = [sys.executable, "-m", "benchmarks.estimates", name, str(batch)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        said, took = map(int, done.stdout.split())
        sizes = (f"{said / _MIB:,.0f} MiB", f"{took / _MIB:,.0f} MiB", f"{said / took:.2f}")
        rows.append((name, str(batch), *sizes))
    print(text_table(("net", "batch", "said", "took at most", "ratio"), rows))


if __name__ == "__main__":
    main()
