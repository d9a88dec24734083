"""A new layer is one class: everything else finds what it needs there, or does without."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from catdog import weights
from catdog.errors import CatdogError
from catdog.export.draw import draw
from catdog.export.draw.graph import graph_of
from catdog.export.module import torch_module
from catdog.layers import LAYERS
from catdog.layers.base import Family, Layer
from catdog.net.abstract import blueprint
from catdog.net.freezing import freeze
from catdog.net.resolved import resolve
from catdog.net.summary import summarize
from catdog.proto.caffe_pb2 import TRAIN, FillerParameter, LayerParameter, NetState
from catdog.solver.solver import Solver
from catdog.spec import read_net
from catdog.spec.shape import Shape
from catdog.training.check import inspect
from catdog.training.options import Options
from catdog.training.train import train
from tests.small_solver import NET, SOLVER, write_small


class Offset(Layer):
    """x plus a learned number for each channel: the least that a layer has to say."""

    def setup(self, *shapes: Shape) -> None:
        self.add_blob((shapes[0][1],), FillerParameter(type="constant", value=0.5))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.blobs[0].view(-1, *[1] * (x.dim() - 2))


class Declared(Offset):
    """The same, with what makes it faster and nicer."""

    family = Family.NORMALIZATION

    def per_example(self) -> bool:
        return True

    @classmethod
    def caption(cls, _: LayerParameter) -> str:
        return "by channel"


OFFSET = (
    "- {name: offset1, type: Offset, bottom: conv1, top: offset1}\n- {name: bn1, type: BatchNorm"
)
TEXT = NET.replace("- {name: bn1, type: BatchNorm", OFFSET)
# everything after it reads its top
TEXT = TEXT[: TEXT.index("bn1")] + TEXT[TEXT.index("bn1") :].replace(": conv1", ": offset1")


@pytest.fixture(params=[Offset, Declared])
def kind(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> type[Layer]:
    chosen: type[Layer] = request.param
    monkeypatch.setitem(LAYERS, "Offset", chosen)
    monkeypatch.chdir(tmp_path)
    write_small(tmp_path, TEXT)
    return chosen


def run(name: str, *overrides: str, **options: object) -> Solver:
    fields = (f"snapshot_prefix={name}/run", "max_iter=4", *overrides)
    return train("solver.yaml", Options(overrides=fields, **options))


def offset(solver: Solver) -> Tensor:
    return solver.net.layer_blobs()["offset1"][0]


@pytest.mark.usefixtures("kind")
def test_it_is_checked_and_summarised() -> None:
    assert inspect("solver.yaml")[0] == "solver.yaml: OK"
    (row,) = (
        row
        for row in summarize(
            blueprint(resolve(read_net("net.yaml"), NetState(phase=TRAIN))).net
        ).rows
        if row.name == "offset1"
    )
    assert (row.parameters, row.multiply_adds, len(row.tops)) == (6, 0, 1)


def test_it_is_drawn(kind: type[Layer]) -> None:
    net = read_net("net.yaml").message
    (text,) = (r.text for box in graph_of(net).boxes for r in box.rows if r.name == "offset1")
    assert text == ("Offset  by channel" if kind is Declared else "Offset")
    assert b"offset1" in draw(net, form="dot")


@pytest.mark.usefixtures("kind")
def test_it_learns_or_is_frozen() -> None:
    assert torch.equal(offset(run("frozen")), torch.full((6,), 0.5))
    Path("solver.yaml").write_text(SOLVER.replace('freeze: ["*1"]', ""))
    assert not torch.equal(offset(run("free")), torch.full((6,), 0.5))


@pytest.mark.usefixtures("kind")
def test_a_batch_norm_is_frozen_with_it() -> None:
    net = freeze(read_net("net.yaml").message, ["offset1"])
    assert [layer.name for layer in net.layer if layer.frozen] == ["offset1", "bn1"]


def test_its_features_are_computed_once_if_it_says_so(kind: type[Layer]) -> None:
    plain, cached = run("plain"), run("cached", "cache_features=true")
    assert all(
        torch.equal(one, other)
        for name, blobs in plain.net.layer_blobs().items()
        for one, other in zip(blobs, cached.net.layer_blobs()[name], strict=True)
    )
    last = "fc1" if kind is Declared else "conv1"
    assert f"made by all layers to {last}: " in Path("cached/train.log").read_text()


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("ending", ["caffemodel", "caffemodel.h5", "safetensors", "pt"])
def test_it_is_saved_and_loaded(ending: str) -> None:
    Path("solver.yaml").write_text(SOLVER.replace('freeze: ["*1"]', ""))
    solver = run("first")
    weights.write_weights(f"all.{ending}", weights.weights_of(solver.net))
    other = run("second", "max_iter=0", weights=(f"all.{ending}",))
    assert torch.equal(offset(other), offset(solver))


@pytest.mark.usefixtures("kind")
def test_a_resumed_run_ends_like_a_whole_one() -> None:
    Path("solver.yaml").write_text(SOLVER.replace('freeze: ["*1"]', ""))
    run("parts", "max_iter=2")
    assert torch.equal(offset(run("parts", snapshot="auto")), offset(run("whole")))


@pytest.mark.usefixtures("kind")
def test_it_is_deployed_and_refused_as_torch_code() -> None:
    solver = run("run")
    assert "offset1" in [layer.name for layer in solver.model.deploy.layer]
    with pytest.raises(CatdogError, match=r'"offset1" \(Offset\)'):
        torch_module(solver.net, "x.pt")
