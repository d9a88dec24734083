"""A net as anybody's torch module: loops, devices, copies, state dicts, weights by name."""

import copy
import io

import numpy as np
import pytest
import torch
from torch.nn import functional

import catdog
from catdog.errors import CatdogError, LayerError, WeightsError
from catdog.weights import CopyState
from tests.small_solver import write_small
from tests.tiny_solver import write_solver


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The nets tiny.yaml and net.yaml with their data, in the working directory."""
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def net_of(path="net.yaml", **given) -> catdog.Net:
    return catdog.Net(catdog.read_net(path), **given)


def batches(count: int, size: int = 16) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pictures of 8 x 10 that are bright where the label is 1."""
    chance = torch.Generator().manual_seed(0)
    labels = [torch.randint(0, 2, (size,), generator=chance) for _ in range(count)]
    return [
        (torch.randn(size, 3, 8, 10, generator=chance) + label[:, None, None, None], label)
        for label in labels
    ]


def test_it_has_the_inputs_of_its_data():
    net = net_of()
    assert net.training
    assert net.inputs["data"][0] == 4
    assert list(net.inputs) == ["data", "label"]
    tested = net_of(phase="TEST")
    assert not tested.training
    assert "accuracy" in tested.outputs
    assert net_of(inputs={"data": (2, 3, 8, 10)}).inputs == {"data": (2, 3, 8, 10), "label": (2,)}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"phase": "train"}, '"train" is no phase; write TRAIN or TEST'),
        ({"stages": ["drpo"]}, "drpo"),
    ],
)
def test_other_states_are_refused(given, told):
    with pytest.raises(CatdogError, match=told):
        net_of(**given)


@pytest.mark.parametrize("given", ["net.yaml", None, "solver"])
def test_what_is_no_net_is_told_how_to_read_one(given):
    message = catdog.read_solver("solver.yaml") if given == "solver" else given
    with pytest.raises(CatdogError, match=r"built from what read_net gives, not from .*; catdog"):
        catdog.Net(message)


def test_faults_have_their_place(here):
    text = (here / "net.yaml").read_text().replace("bottom: pool1", "bottom: c")
    (here / "net.yaml").write_text(text)
    with pytest.raises(CatdogError, match=r"net\.yaml:\d+:\d+: .*\"c\""):
        net_of()
    (here / "net.yaml").unlink()
    write_small(here)
    text = (here / "net.yaml").read_text().replace("source: train", "source: none")
    (here / "net.yaml").write_text(text)
    with pytest.raises(CatdogError, match=r"data.* are not there; build them.*inputs=\{\"data\""):
        net_of()


def test_blobs_come_by_name_or_in_order():
    net = net_of(phase="TEST")
    ((data, label),) = batches(1)
    by_name = net({"data": data, "label": label.float()})
    in_order = net(data, label.float())
    assert torch.equal(by_name.loss, in_order.loss)
    with pytest.raises(CatdogError, match="no value for input label"):
        net(data)
    with pytest.raises(CatdogError, match="3 blobs for its inputs data, label"):
        net(data, label, label)
    with pytest.raises(TypeError, match="`keep` is a keyword"):
        net({"data": data, "label": label}, ["fc1"])


def test_a_plain_loop_trains_it():
    torch.manual_seed(0)
    net = net_of(inputs={"data": (16, 3, 8, 10)})
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for data, label in batches(40):
        optimizer.zero_grad()
        loss = net(data, label).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_the_deploy_form_in_a_plain_loop():
    net = catdog.deploy("net.yaml", scores=True, inputs={"data": (1, 3, 8, 10)})
    assert net.training
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    statistics = [item for item in net.net.learnable if item.name.startswith("bn1")]
    assert not any(item.parameter.requires_grad for item in statistics)
    before = [item.parameter.clone() for item in statistics]
    for data, label in batches(40):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(data), label)
        loss.backward()
        optimizer.step()
    net.eval()
    data, label = torch.cat([b[0] for b in batches(3)]), torch.cat([b[1] for b in batches(3)])
    with torch.no_grad():
        assert (net(data).argmax(1) == label).float().mean() > 0.9
    moved = [torch.equal(a, b.parameter) for a, b in zip(before, statistics, strict=True)]
    assert not all(moved)


def test_copies_and_state_dicts():
    net, other = net_of(phase="TEST"), net_of(phase="TEST")
    ((data, label),) = batches(1)
    whole = copy.deepcopy(net)
    assert torch.equal(whole(data, label).loss, net(data, label).loss)
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    assert not torch.equal(next(other.parameters()), next(net.parameters()))
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(data, label).loss, net(data, label).loss)
    with torch.no_grad():
        next(whole.parameters()).add_(1)
    assert not torch.equal(next(whole.parameters()), next(net.parameters()))


def test_places():
    net = net_of(phase="TEST")
    ((data, label),) = batches(1)
    expected = net(data, label).loss
    assert torch.equal(net.to("cpu")(data, label).loss, expected)
    assert net.to("meta") is net
    assert all(parameter.is_meta for parameter in net.parameters())


@pytest.fixture
def fresh_compiler():
    """What a test compiles is forgotten: torch would compare a later net with it."""
    yield
    torch.compiler.reset()


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_torch_compiles_it():
    net = net_of(phase="TEST")
    ((data, label),) = batches(1)
    compiled = torch.compile(net, backend="eager")
    assert torch.allclose(compiled(data, label).loss, net(data, label).loss)
    deployed = catdog.deploy("net.yaml", inputs={"data": (1, 3, 8, 10)}).eval()
    assert torch.allclose(torch.compile(deployed, backend="eager")(data), deployed(data))


def test_the_deploy_form_says_what_the_predictor_says(tmp_path):
    run = catdog.train(write_solver(tmp_path))
    net = catdog.deploy(weights=run).eval()
    scores = catdog.deploy(weights=run.name, scores=True).eval()
    store = catdog.open_store(tmp_path / "test_lmdb", prepared_for=tmp_path / "net.yaml")
    pictures = torch.stack([store[at][0] for at in range(5)])
    with torch.no_grad():
        rows, numbers = net(pictures), scores(pictures)
    assert rows.sum(1).tolist() == pytest.approx([1] * 5)
    assert torch.allclose(numbers.softmax(1), rows)
    trained = {item.name: item.parameter for item in run.net.learnable}
    assert all(torch.equal(trained[item.name], item.parameter) for item in net.net.learnable)
    with pytest.raises(CatdogError, match="neither a net nor weights"):
        catdog.deploy()


def test_a_deploy_form_without_data(here):
    text = (here / "net.yaml").read_text().replace("source: validation", "source: none")
    (here / "net.yaml").write_text(text)
    with pytest.raises(CatdogError, match=r"net\.yaml: the data of the net are not there; build"):
        catdog.deploy("net.yaml")
    net = catdog.deploy("net.yaml", inputs={"data": (1, 3, 8, 10)})
    assert net(torch.zeros(2, 3, 8, 10)).shape == (2, 10)


def test_weights_are_loaded_by_layer_name(tmp_path):
    run = catdog.train(write_solver(tmp_path))
    for source in (run, run.name, run.weights):
        net = catdog.Net(catdog.read_net(tmp_path / "net.yaml"))
        rows = catdog.load_weights(net, source)
        assert {row.state for row in rows} == {CopyState.COPIED}
        assert torch.equal(next(net.parameters()), next(run.net.parameters()))
    deployed = catdog.deploy(tmp_path / "net.yaml")
    assert catdog.load_weights(deployed, run)
    with pytest.raises(CatdogError, match="Linear has no layers by Caffe's names"):
        catdog.load_weights(torch.nn.Linear(2, 2), run)
    with pytest.raises(WeightsError, match="no such file"):
        catdog.load_weights(net, tmp_path / "none.caffemodel")
    wider = tmp_path / "wide.yaml"
    wider.write_text((tmp_path / "net.yaml").read_text().replace("num_output: 4", "num_output: 5"))
    with pytest.raises(WeightsError, match='layer "fc"'):
        catdog.load_weights(catdog.Net(catdog.read_net(wider)), run)


def test_a_layer_that_cannot_be_is_named(here):
    text = (here / "net.yaml").read_text().replace("kernel_size: 3", "kernel_size: 300")
    (here / "net.yaml").write_text(text)
    with pytest.raises(LayerError, match=r"net\.yaml:\d+:\d+: layer \"conv1\""):
        net_of()
