"""`catdog publish`: a folder that others use, whose card tells what was measured and no more."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from catdog.tools import evaluate, publish

from catdog.errors import CatdogError
from catdog.inference.open_nets import weights_named
from catdog.inference.predictor import Predictor
from catdog.tracking.publication.card import card
from catdog.tracking.publication.folder import publish_folder
from catdog.tracking.publication.hub import publish_to_hub
from catdog.tracking.publication.measured import Measured, read_measured
from catdog.tracking.publication.publication import Publication, publication_of
from catdog.training.options import Options
from catdog.training.train import train
from catdog.weights import published, read_weights
from tests.tool_run import run_tool
from tests.tracking.publication.trained_run import PREFIX, make_run

hub = pytest.importorskip("huggingface_hub")
pytest.importorskip("onnxscript")
BEST = Path("run/tiny_best.caffemodel")
SCORES = Measured("validation_lmdb", 10, 0.7, 0.55, 0.1, auc=0.75)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and what was published of it without a report."""
    path = tmp_path_factory.mktemp("publish")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        make_run()
        publish_folder(publication_of(PREFIX), Path("out"), lambda _: None)
    return path


@pytest.fixture
def folder(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(made)
    before = set(made.iterdir())
    yield made
    for path in set(made.iterdir()) - before:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the ONNX model and the picture, which take seconds."""

    def fail(*_: object) -> None:
        raise CatdogError("not here")

    monkeypatch.setattr("catdog.tracking.publication.folder.to_onnx", fail)
    monkeypatch.setattr("catdog.tracking.publication.folder.plot", fail)


def head_of(text: str) -> dict[str, Any]:
    return yaml.safe_load(text.split("---\n")[1])


@pytest.mark.usefixtures("folder")
def test_a_publication_has_all_files_and_their_sums() -> None:
    names = {path.name for path in Path("out").iterdir()}
    assert names == {
        "README.md",
        "publication.json",
        "curves.png",
        "deploy.prototxt",
        "labels.txt",
        "model.onnx",
        "model.safetensors",
        "preparation.json",
    }
    mark = json.loads(Path("out/publication.json").read_text())
    assert mark["run"] == read_weights(BEST).net.run
    assert set(mark["sha256"]) == names - {"publication.json"}
    for name, digest in mark["sha256"].items():
        assert sha256((Path("out") / name).read_bytes()).hexdigest() == digest
    assert Path("out/labels.txt").read_text() == "cat\ndog\n"
    assert json.loads(Path("out/preparation.json").read_text())["preparation"]["equalize"] is True


def test_it_predicts_as_the_run_does(folder: Path) -> None:
    photos = sorted(map(str, (folder / "input/test1").iterdir()))
    ours, theirs = (Predictor.load(name)(photos) for name in (PREFIX, "out"))
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine.probabilities, other.probabilities)
    assert weights_named("out") == Path("out/model.safetensors")


def test_another_training_starts_from_it(folder: Path) -> None:
    train("solver.yaml", Options(weights=["out"], overrides=["snapshot_prefix=next/tiny"]))
    assert "Finetuning from out/model.safetensors" in (folder / "next/train.log").read_text()


def test_nothing_of_this_machine_is_in_it(folder: Path) -> None:
    read = read_weights("out/model.safetensors")
    assert not read.net.layer
    assert read_weights(BEST).net.dataset.source
    assert not read.net.dataset.HasField("source")
    for path in Path("out").iterdir():
        assert str(folder).encode() not in path.read_bytes()


@pytest.mark.usefixtures("folder")
def test_without_a_report_the_card_says_that_nothing_was_measured() -> None:
    text = Path("out/README.md").read_text()
    assert "model-index" not in head_of(text)
    assert "license" not in head_of(text)
    assert "Not measured. `catdog evaluate --weights out --data LABELLED --report` " in text
    assert "30 photos; 10 others to test it on the way." in text
    assert "| cat | 15 |" in text


@pytest.mark.usefixtures("folder", "quick")
def test_the_hub_reads_the_scores_of_the_card() -> None:
    told: list[str] = []
    found = publication_of(PREFIX, measured=SCORES, terms="mit")
    publish_folder(found, Path("scored"), told.append)
    assert told == ["without model.onnx: not here", "without curves.png: not here"]
    content = hub.ModelCard.load("scored/README.md").data
    assert (content.license, content.library_name) == ("mit", "catdog")
    assert content.pipeline_tag == "image-classification"
    values = {each.metric_type: each.metric_value for each in content.eval_results}
    assert values == {"accuracy": 0.7, "log_loss": 0.55, "ece": 0.1, "roc_auc": 0.75}
    assert {each.dataset_name for each in content.eval_results} == {"validation_lmdb"}
    text = Path("scored/README.md").read_text()
    assert "curves.png" not in text
    assert re.search(r"accuracy \| 70\.00% \(\d\d\.\d% to \d\d\.\d%\)", text)


@pytest.mark.usefixtures("folder", "quick")
def test_the_tool_takes_the_scores_of_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--weights", PREFIX, "--data", "validation_lmdb", "--report"]
    run_tool(evaluate.main, capsys, *words, "--heat-maps", "0")
    lines = run_tool(publish.main, capsys, PREFIX, "--to", "told")
    assert lines[0].startswith(f"{BEST} is published in told: model.safetensors, ")
    assert lines[1] == "catdog predict photo.jpg --weights told"
    report = json.loads(Path("run/tiny_best.report.json").read_text())
    (result,) = head_of(Path("told/README.md").read_text())["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == report["accuracy"]
    published = Path("told/model.safetensors").read_bytes()
    told = ["--weights", "told", "--data", "validation_lmdb", "--calibrate"]
    (line,) = run_tool(evaluate.main, capsys, *told)
    assert "publish them again" in line
    assert Path("told/model.safetensors").read_bytes() == published
    # the weights of a training that went on
    os.utime(BEST)
    (line,) = run_tool(publish.main, capsys, PREFIX, "--to", "told")
    for path in Path("run").glob("*.report.*"):
        path.unlink()
    assert "run/tiny_best.report.json: is older than tiny_best.caffemodel" in line


@pytest.mark.usefixtures("folder")
def test_what_the_tool_refuses_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = run_tool(publish.main, capsys, "run/tniy", "--to", "new")
    assert 'did you mean "' in line
    (line,) = run_tool(publish.main, capsys, PREFIX, "--to", "new", "--report", "none.json")
    assert line.startswith("error: none.json: no such file; catdog evaluate --weights run/tiny")
    assert not Path("new").exists()


def test_nothing_is_written_into_the_cache_of_the_hub(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--report"], ["--calibrate"]):
        (line,) = run_tool(evaluate.main, capsys, "--weights", "hf:a/b", "--data", "x", *words)
        assert line.startswith(f"error: {words[0]}: would write beside weights of the Hub")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "is no report in JSON"),
        ("{", "is no report in JSON"),
        ('{"weights": "a"}', "is no report in JSON"),
        (
            '{"weights": "w/other.caffemodel", "data": "d", "photos": 1, "accuracy": 1, "auc": 1,'
            ' "log_loss": 0, "calibration_error": 0, "tta": null, "temperature": 1}',
            "is a report on other.caffemodel, and mine.caffemodel are published",
        ),
        (
            '{"weights": "mine.caffemodel", "data": "d", "photos": 1, "accuracy": NaN, "auc": null,'
            ' "log_loss": 0, "calibration_error": 0, "tta": null, "temperature": 1}',
            "is no report in JSON",
        ),
    ],
)
def test_a_report_that_is_none_is_refused(content: str, said: str, tmp_path: Path) -> None:
    weights, report = tmp_path / "mine.caffemodel", tmp_path / "report.json"
    weights.touch()
    report.write_text(content)
    with pytest.raises(CatdogError, match=said):
        read_measured(report, weights)
    with pytest.raises(CatdogError, match="no such file"):
        read_measured(tmp_path / "none.json", weights)


@pytest.mark.usefixtures("folder", "quick")
def test_only_the_same_publication_is_replaced() -> None:
    found = publication_of(PREFIX)
    target = Path("again")
    target.mkdir()
    publish_folder(found, target, lambda _: None)
    (target / "README.md").write_text("mine")
    publish_folder(found, target, lambda _: None)
    assert "library_name" in (target / "README.md").read_text()
    (target / "notes.txt").write_text("mine")
    with pytest.raises(CatdogError, match=r"again: has notes\.txt beside the publication"):
        publish_folder(found, target, lambda _: None)
    (target / "notes.txt").unlink()
    mark = json.loads((target / "publication.json").read_text())
    (target / "publication.json").write_text(json.dumps({**mark, "run": "other"}))
    with pytest.raises(CatdogError, match="has the publication of another run, other"):
        publish_folder(found, target, lambda _: None)
    with pytest.raises(CatdogError, match="run: has files that are no publication"):
        publish_folder(found, Path("run"), lambda _: None)
    with pytest.raises(CatdogError, match="is no folder"):
        publish_folder(found, Path("net.yaml"), lambda _: None)


@pytest.mark.usefixtures("folder", "quick")
def test_a_publication_that_fails_leaves_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    found = publication_of(PREFIX)
    publish_folder(found, Path("whole"), lambda _: None)
    before = {path.name: path.read_bytes() for path in Path("whole").iterdir()}

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("catdog.tracking.publication.folder.card", full)
    with pytest.raises(CatdogError, match="whole: cannot be written: No space left"):
        publish_folder(found, Path("whole"), lambda _: None)
    assert {path.name: path.read_bytes() for path in Path("whole").iterdir()} == before
    assert not list(Path().glob(".whole*"))


@pytest.mark.usefixtures("folder")
def test_names_of_classes_do_nothing_in_the_card() -> None:
    found = publication_of(PREFIX)
    found.weights.net.dataset.class_name[:] = ["<script>|", "a`b\n"]
    found.weights.net.dataset.count.per_class_train[:] = [1, 2]
    text = card(found, "out", {})
    assert "| &lt;script&gt;\\| | 1 |" in text
    assert "| a\\`b\\\\n | 2 |" in text


class ConnectionFault(Exception):
    """As httpx's errors are: neither an OSError nor a ValueError."""


class Api:
    """HfApi's methods that publishing calls, on a folder in place of the Hub."""

    place = Path()
    private: bool | None = None
    deleted: list[str] = []

    def create_repo(self, name: str, *, private: bool, exist_ok: bool) -> str:
        assert exist_ok
        Api.private = private
        (self.place / name).mkdir(parents=True, exist_ok=True)
        return f"https://huggingface.co/{name}"

    def list_repo_files(self, name: str) -> list[str]:
        return [path.name for path in (self.place / name).iterdir()]

    def upload_folder(
        self, *, repo_id: str, folder_path: Path, commit_message: str, delete_patterns: list[str]
    ) -> None:
        assert commit_message
        Api.deleted = delete_patterns
        shutil.copytree(folder_path, self.place / repo_id, dirs_exist_ok=True)


@pytest.fixture
def on_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the repositories of a Hub without a network lie."""
    monkeypatch.setattr(Api, "place", tmp_path)
    monkeypatch.setattr(hub, "HfApi", Api)

    def snapshot(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        assert allow_patterns == ["model.safetensors"]
        if not (tmp_path / name).is_dir():
            raise hub.errors.LocalEntryNotFoundError("no network")
        assert revision in (None, "v2")
        return str(tmp_path / name)

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    return tmp_path


@pytest.mark.usefixtures("quick")
def test_the_hub_gets_a_publication_and_gives_it_back(folder: Path, on_hub: Path) -> None:
    address, names = publish_to_hub(
        publication_of(PREFIX), "hf:anna/cats", lambda _: None, private=True
    )
    assert address == "https://huggingface.co/anna/cats"
    assert sorted(names) == sorted(path.name for path in (on_hub / "anna/cats").iterdir())
    assert Api.private is True
    assert {"model.onnx", "README.md"} <= set(Api.deleted)
    assert "--weights hf:anna/cats\n" in (on_hub / "anna/cats/README.md").read_text()
    # once more: it is a publication
    publish_to_hub(publication_of(PREFIX), "hf:anna/cats", lambda _: None)
    photo = next((folder / "input/test1").iterdir())
    ours, theirs = (Predictor.load(name)(str(photo)) for name in (PREFIX, "hf:anna/cats"))
    np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)
    assert weights_named("hf:anna/cats@v2") == on_hub / "anna/cats/model.safetensors"


@pytest.mark.usefixtures("folder", "quick")
def test_what_the_hub_does_not_have_or_take_is_one_line(
    on_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (on_hub / "anna/else").mkdir(parents=True)
    (on_hub / "anna/else/weights.bin").touch()
    found: Publication = publication_of(PREFIX)
    with pytest.raises(CatdogError, match=r"hf:anna/else: has files .*: weights\.bin; name a new"):
        publish_to_hub(found, "hf:anna/else", lambda _: None)
    with pytest.raises(CatdogError, match=r"hf:anna/else: has no model\.safetensors"):
        weights_named("hf:anna/else")
    with pytest.raises(CatdogError, match="hf:anna/none: cannot be fetched: the Hub cannot be"):
        weights_named("hf:anna/none")
    for wrong in ("hf:anna", "hf:", "hf:anna/cats/more"):
        with pytest.raises(CatdogError, match=f"{wrong}: is no repository of the Hub; write hf:"):
            weights_named(wrong)

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionFault("Name or service not known")

    monkeypatch.setattr(Api, "create_repo", refuse)
    with pytest.raises(CatdogError, match="hf:anna/new: cannot be published: Name or service"):
        publish_to_hub(found, "hf:anna/new", lambda _: None)


def test_what_was_never_fetched_is_one_line_without_a_network(tmp_path: Path) -> None:
    """In a process of its own, where nothing else has imported parts of huggingface_hub."""
    code = (
        "from catdog.errors import CatdogError\n"
        "from catdog.weights.published import published_weights\n"
        "try: published_weights('hf:anna/cats')\n"
        "except CatdogError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = (
        "hf:anna/cats: cannot be fetched: the Hub cannot be reached, and nothing of it was fetched"
    )
    assert done.stdout.startswith(told), done.stderr


def test_without_huggingface_hub_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CatdogError, match=r"pip install 'catdog-torch\[hub\]'"):
        published.published_weights("hf:anna/cats")
