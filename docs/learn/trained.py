"""The nets whose insides docs/learn shows: small ones that learn from drawings, in input/learn."""

import csv
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import catdog.pycaffe as caffe
from catdog.analysis.linear_probe import fit, last_layer, score
from catdog.analysis.probe_data import examples, open_both
from catdog.solver.solverstate import load_net
from catdog.spec import read_net
from catdog.weights import weight_file

ROOT = Path(__file__).parent.parent.parent
WORK = ROOT / "input/learn"
#: The weights before the first iteration and after the last.
FIRST = WORK / "snapshots/first/small64_iter_1.caffemodel"
TRAINED = WORK / "snapshots/small/small64_iter_400.caffemodel"
#: So many drawings are a training "from few".
FEW = 100
#: Kernels of 7 x 7 pixels show more than those of 3 x 3, and more of what was learned where they
#: begin small (a normalisation follows: what they make is as strong).
CHANGES = (
    f"net={ROOT}/net_specs/small64.yaml",
    "net.conv1.convolution_param.kernel_size=7",
    "net.conv1.convolution_param.pad=3",
    "net.conv1.convolution_param.weight_filler.type=gaussian",
    "net.conv1.convolution_param.weight_filler.std=0.005",
)
Numbers = NDArray[np.float64]


def tool(name: str, *words: object) -> None:
    """Call a tool in the folder of the pictures' data; ends where it fails."""
    typed = [str(word) for word in words]
    print("$ python", shlex.join([f"tools/{name}.py", *typed]), flush=True)
    subprocess.run([sys.executable, str(ROOT / f"tools/{name}.py"), *typed], cwd=WORK, check=True)


def train(prefix: str, *changes: str) -> None:
    """Train the small net, unless that was done."""
    if (WORK / prefix).parent.exists():
        return
    every = [*CHANGES, f"snapshot_prefix={prefix}", *changes]
    words = [word for change in every for word in ("--set", change)]
    tool("train", "--solver", ROOT / "solvers/small.yaml", *words)


def prepare() -> None:
    """Drawings, stores, trainings: what is there is kept."""
    WORK.mkdir(parents=True, exist_ok=True)
    if not (WORK / "input/train").exists():
        tool("draw_sample", "input", "--train", 1600, "--test", 12)
    for out, size in (("input", 64), ("large/input", 224)):
        if not (WORK / out / "train_lmdb").exists():
            tool("create_lmdb", "--data", "input", "--out", out, "--size", size, "--no-equalize")
    (WORK / "few.txt").write_text("\n".join(map(str, range(FEW))))
    train("snapshots/first/small64", "max_iter=1", "base_lr=1e-12")
    train("snapshots/small/small64", "max_iter=400", "stepsize=300", "test_interval=50")
    few = ("max_iter=150", "stepsize=1000", "test_interval=10", "display=10", "snapshot=0")
    index = "train_net.data.data_param.index_file=few.txt"
    train("snapshots/few/small64", *few, index)


def metrics(run: str) -> dict[str, Numbers]:
    """Columns of a run's tests."""
    with (WORK / f"snapshots/{run}/metrics.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["accuracy"]]
    names = ("iteration", "train_loss", "loss", "accuracy")
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}


def opened(weights: Path) -> caffe.Net:
    """The small net with weights, one batch of held-out drawings through it."""
    text = (ROOT / "net_specs/small64.yaml").read_text()
    text = text.replace("kernel_size: 3, pad: 1", "kernel_size: 7, pad: 3", 1)
    text = text.replace("input/", f"{WORK}/input/")
    (WORK / "net.yaml").write_text(text)
    net = caffe.Net(str(WORK / "net.yaml"), str(weights), caffe.TEST)
    net.forward()
    return net


def transferred() -> float:
    """The accuracy of a linear classifier on EfficientNet's features of few drawings."""
    spec = read_net(ROOT / "net_specs/efficientnet_lite0.yaml")
    for layer in spec.message.layer:
        if layer.HasField("data_param"):
            layer.data_param.source = str(WORK / "large" / layer.data_param.source)
            if "train" in layer.data_param.source:
                layer.data_param.index_file = str(WORK / "few.txt")
    with ExitStack() as stack:
        training, held_out = open_both(spec, stack)
        load_net(training.net, weight_file("efficientnet_lite0", spec.locate))
        blob = last_layer(training.net).bottoms[0]
        linear, _ = fit("logistic", examples(training, blob))
        return score(linear, examples(held_out, blob)).accuracy
