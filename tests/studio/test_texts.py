"""SpecTexts for a new training: made for a store, and written where they are run from."""

import pytest
import yaml

from catdog.data.build.dataset import create
from catdog.data.build.synthetic import draw_sample
from catdog.errors import CatdogError, DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.spec import read_net, read_solver, to_prototxt
from catdog.studio import choices
from catdog.studio.draft import draft
from catdog.studio.place import StudioFolder
from catdog.studio.texts import Fit, SpecTexts, fitted_texts, with_field, write_training
from tests.small_solver import NET, SOLVER, write_small


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("studio")
    draw_sample(path / "photos", train=40, test=0, seed=1)
    wanted = DatasetParameter(width=64, height=64, validation=0.25, equalize=True)
    create(path / "photos", path / "stores/animals", wanted)
    write_small(path)
    return path


@pytest.fixture(autouse=True)
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("net", ["small64", "deep64", "efficientnet_lite0", "vgg8"])
def test_texts_for_a_store_can_be_trained(folder, net):
    texts = fitted_texts(Fit("stores/animals/train_lmdb", net, "one"), StudioFolder(folder))
    found = draft(texts.net, texts.solver, StudioFolder(folder))
    assert not found.faults and found.is_whole
    solver = yaml.safe_load(texts.solver)
    assert solver["snapshot_prefix"] == "trainings/one/snapshots/one"


def test_what_is_asked_for_is_in_the_texts(folder):
    asked = Fit("stores/animals/train_lmdb", "small64", "two", epochs=3, batch=5, lr=0.02)
    texts = fitted_texts(asked, StudioFolder(folder))
    solver = yaml.safe_load(texts.solver)
    assert (solver["max_epoch"], solver["base_lr"]) == (3, 0.02)
    # 30 photos to train on, 5 at once, 3 times
    assert draft(texts.net, texts.solver, StudioFolder(folder)).iterations == 18


@pytest.mark.parametrize(
    ("store", "net", "name"),
    [
        ("../x", "small64", "one"),
        ("photos", "small64", "one"),
        ("stores/animals/train_lmdb", "/etc/passwd", "one"),
        ("stores/animals/train_lmdb", "small64", "../one"),
        ("train", "small64", "one"),
    ],
)
def test_what_cannot_be_fitted(folder, store, net, name):
    with pytest.raises(CatdogError):
        fitted_texts(Fit(store, net, name), StudioFolder(folder))


@pytest.mark.parametrize("form", ["yaml", "prototxt"])
def test_a_written_training_runs_from_its_folder(folder, form):
    net, solver = NET, SOLVER
    if form == "prototxt":
        net = to_prototxt(read_net(folder / "net.yaml").message)
        solver = to_prototxt(read_solver(folder / "solver.yaml").message)
    found = write_training(f"of-{form}", SpecTexts(net, solver), folder, device="cpu")
    message = read_solver(folder / found.solver).message
    assert message.net == found.net == f"trainings/of-{form}/net.{form}"
    assert message.snapshot_prefix == f"trainings/of-{form}/snapshots/of-{form}"
    assert found.words == ("train", "--solver", found.solver, "--device", "cpu")
    assert draft("", (folder / found.solver).read_text(), StudioFolder(folder)).is_whole
    with pytest.raises(DataError, match="exists already"):
        write_training(f"of-{form}", SpecTexts(net, solver), folder)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "a" * 61, "é", "a..b", "a\n"])
def test_names_that_are_none(folder, name):
    with pytest.raises(CatdogError, match="is no name" if name else "is empty"):
        write_training(name, SpecTexts(NET, SOLVER), folder)


def test_a_field_is_set_in_place():
    text = "# why\nnet: 'a b' # mine\nbase_lr: 1\n"
    assert with_field(text, "net", "x") == "# why\nnet: x # mine\nbase_lr: 1\n"
    assert with_field("base_lr: 1", "net", "x") == "base_lr: 1\nnet: x\n"
    text = 'test_iter: 1\ntest_iter: 2\nnet: "a\\"b" base_lr: 1 # mine\n'
    changed = with_field(text, "net", "x")
    assert changed == 'test_iter: 1\ntest_iter: 2\nnet: "x" base_lr: 1 # mine\n'
    with pytest.raises(CatdogError):
        with_field("{base_lr: 1}", "net", "x")


def test_what_there_is_to_choose_from(folder):
    own = [each.name for each in choices.nets(folder) if not each.shipped]
    assert "net.yaml" in own and "solver.yaml" not in own
    solver = next(each for each in choices.solvers(folder) if each.name == "solver.yaml")
    assert solver.net == "net.yaml" and not solver.shipped
    assert "small" in [each.name for each in choices.solvers(folder) if each.shipped]
    assert choices.text_of("net", "net.yaml", folder) == NET
    with pytest.raises(CatdogError):
        choices.text_of("net", "../net.yaml", folder)
    assert choices.devices()[-1] == ("cpu", "CPU")
    assert {each.name for each in choices.weights()} >= {"resnet18", "caffenet"}
