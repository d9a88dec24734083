"""predict.py as a person calls it: photos, folders, zips, names of classes, mistakes."""

import csv
import os
import shutil
import zipfile
from contextlib import redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

import cv2
import pytest
from catdog.tools.predict import main
from google.protobuf import text_format

from catdog.cli.main import run_tool
from catdog.inference.predictor import Predictor
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.randomness import Randomness
from catdog.weights import weights_of, write_weights
from tests.data.sources.build import pictures

HEAD = """
layer { name: "%(blob)s_score" type: "InnerProduct" bottom: "data" top: "%(blob)s_score"
  inner_product_param { num_output: %(count)d weight_filler { type: "gaussian" std: 1e-4 } } }
layer { name: "%(blob)s" type: "%(kind)s" bottom: "%(blob)s_score" top: "%(blob)s" }
"""


def write_net(path: Path, *heads: tuple[str, str, int], names: tuple[str, ...] = ()) -> None:
    net = NetParameter()
    net.dataset.width = net.dataset.height = 8
    net.dataset.class_name.extend(names)
    data = """layer { name: "data" type: "Input" top: "data"
      input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }"""
    made = (HEAD % {"blob": blob, "kind": kind, "count": count} for blob, kind, count in heads)
    text_format.Parse(data + "".join(made), net.deploy)
    write_weights(path, weights_of(Net(net.deploy, setting=Setting(Randomness(5))), net))


@pytest.fixture
def predict(tmp_path, monkeypatch, capsys):
    """Runs the tool beside some photos; gives its lines and the rows of the submission, if any."""
    monkeypatch.chdir(tmp_path)
    for name, picture in zip(
        ("t/a/1.jpg", "t/b/1.jpg", "t/2.jpg"), pictures(3, (8, 8, 3)), strict=True
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(name, picture)
    Path("no.jpg").write_bytes(b"no picture")
    write_net(Path("two.caffemodel"), ("prob", "Softmax", 2), names=("cat", "dog"))
    write_net(Path("three.caffemodel"), ("prob", "Softmax", 3))

    def predict(*words: str, weights: str = "two") -> tuple[list[str], list[list[str]]]:
        out = Path("submission.csv")
        out.unlink(missing_ok=True)
        words = "--weights", f"{weights}.caffemodel", "--device=cpu", *words
        try:
            run_tool(main, words)
        except SystemExit as stop:
            assert stop.code == 2
            return capsys.readouterr().err.splitlines(), []
        rows = list(csv.reader(out.read_text().splitlines())) if out.exists() else []
        return capsys.readouterr().out.splitlines(), rows

    return predict


def test_photos_folders_and_zips_together(predict):
    with zipfile.ZipFile("more.zip", "w") as file:
        file.write("t/a/1.jpg", "x/7.jpg")
    _, rows = predict("t/2.jpg", "more.zip", "no.jpg")
    assert [row[0] for row in rows] == ["id", "2", "7"]
    assert Path("submission.skipped.csv").read_text().splitlines()[1].startswith("no.jpg,")
    _, packed = predict("more.zip")
    _, loose = predict("t/a/1.jpg", "--out=submission.csv")
    assert packed[1][1:] == loose[1][1:]
    assert not Path("submission.skipped.csv").exists()


def test_photos_that_are_named_one_by_one_are_answered_and_nothing_is_written(predict, capsys):
    there = set(Path().rglob("*"))
    lines, _ = predict("t/2.jpg", "no.jpg", "t/a/1.jpg")
    capsys.readouterr()
    _, rows = predict("t", "--probability")
    two, one = (float(dict(rows)[name]) for name in ("2", "a/1"))
    assert [lines[0], lines[3]] == ["t/a/1.jpg", "t/2.jpg"]
    for told, dog in ((lines[1:3], one), (lines[4:6], two)):
        words = dict(line.split() for line in told)
        assert words == {"cat": f"{1 - dog:.2%}", "dog": f"{dog:.2%}"}
        assert next(iter(words)) == ("dog" if dog > 0.5 else "cat")
    assert set(Path().rglob("*")) - there == {Path("submission.csv")}
    for words in (["--out=submission.csv"], ["--probability"], ["--resume"]):
        assert len(predict("t/2.jpg", *words)[1]) == 2


def test_five_of_many_classes_and_all_labels_are_answered(predict):
    write_net(Path("many.caffemodel"), ("prob", "Softmax", 9))
    lines, _ = predict("t/2.jpg", weights="many")
    assert len(lines) == 6
    chances = [float(line.split()[1].rstrip("%")) for line in lines[1:]]
    assert chances == sorted(chances, reverse=True)
    names = "animal", "flies", "wheels"
    write_net(Path("labels.caffemodel"), ("prob", "Sigmoid", 3), names=names)
    lines, _ = predict("t/2.jpg", weights="labels")
    for line in lines[1:4]:
        name, chance, *star = line.split()
        assert name in names
        assert star == (["*"] if float(chance.rstrip("%")) > 50 else [])
    assert "applies" in lines[4]


@pytest.mark.usefixtures("predict")
def test_a_photo_that_cannot_be_read_is_told_beside_the_answers(capsys):
    with redirect_stdout(TextIOWrapper(BytesIO(), write_through=True)):
        run_tool(main, ["t/2.jpg", "no.jpg", "--weights=two.caffemodel", "--device=cpu"])
    assert "no photo: no.jpg: not a picture that can be decoded" in capsys.readouterr().err
    assert not list(Path().glob("submission*"))


def test_photos_of_one_name_have_ids_and_predictions_of_their_own(predict):
    shown, rows = predict("t", "--probability")
    assert [row[0] for row in rows[1:]] == ["2", "a/1", "b/1"]
    assert {line.split()[0] for line in shown[:3]} == {"2", "a/1", "b/1"}
    for folder in "ab":
        _, (_, alone) = predict(f"t/{folder}", "--probability")
        assert alone[0] == "1"
        # six digits, of a batch of another size
        assert float(alone[1]) == pytest.approx(float(dict(rows)[f"{folder}/1"]), abs=2e-6)


def test_a_column_for_each_class_by_its_name(predict):
    Path("names.txt").write_text("n01440764 tench, Tinca tinca\nhen\nhen\n")
    _, rows = predict("t", "--probability", "--labels", "names.txt", weights="three")
    assert rows[0] == ["id", "n01440764 tench, Tinca tinca", "hen (1)", "hen (2)"]
    for row in rows[1:]:
        assert sum(map(float, row[1:])) == pytest.approx(1, abs=1e-5)


def test_all_labels_that_apply(predict):
    names = "animal", "flies", "wheels"
    write_net(Path("labels.caffemodel"), ("prob", "Sigmoid", 3), names=names)
    shown, rows = predict("t", weights="labels")
    _, sure = predict("t", "--probability", weights="labels")
    assert rows[0] == sure[0] == ["id", *names]
    assert [row[1:] for row in rows[1:]] == [
        [str(int(float(word) > 0.5)) for word in row[1:]] for row in sure[1:]
    ]
    said = {line.split()[0]: line for line in shown[:3]}
    for row in rows[1:]:
        applying = [name in said[row[0]] for name in names]
        assert applying == [word == "1" for word in row[1:]]


def test_a_picture(predict):
    shown, _ = predict("t", "--picture", "g.png")
    assert shown[-1] == "picture in g.png"
    assert cv2.imread("g.png").shape[1] > 1000
    for i in range(16):
        shutil.copy("t/2.jpg", f"t/a/{i + 3}.jpg")
    shown, _ = predict("t", "--picture", "g.png")
    assert shown[-1] == "picture of the first 18 of 19 photos in g.png"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["no.jpg"], "no.jpg: is no photo: not a picture"),
        (["no.jpg", "empty.jpg"], "none of 2 photos can be read; empty.jpg: empty file"),
        (["t", "--labels", "one.txt"], "--labels: 1 names, and the net has 2 classes"),
        (["t", "--labels", "gap.txt"], "gap.txt:2: an empty line; write the name"),
        (["t", "--labels", "gone.txt"], "gone.txt: cannot be read"),
        (["@list.txt"], "@list.txt: names no photos"),
        (["t", "--labels", ""], "argument --labels: an empty text names no file"),
        (["t", "--page", ""], "argument --page: an empty text names no file"),
        (["t", "--sort-into", " "], "argument --sort-into: an empty text names no file"),
        (["t", "--picture", ""], "argument --picture: an empty text names no file"),
        (["t", "--out", ""], "argument --out: an empty text names no file"),
        (["t", "--page", "a", "--out", "t/../a"], "a: --out and --page name the same place"),
        (["t", "--page", "submission.csv"], "submission.csv: --out and --page name the same"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(predict, words, line):
    Path("empty.jpg").touch()
    Path("list.txt").touch()
    Path("one.txt").write_text("cat\n")
    Path("gap.txt").write_text("cat\n\ndog\n")
    told, rows = predict(*words)
    assert told[-1].startswith(f"error: {line}")
    assert not rows
    assert not list(Path().glob("submission*"))


@pytest.mark.parametrize("weights", [",", "two.caffemodel,", ",two.caffemodel", ""])
def test_an_empty_name_of_weights(predict, weights):
    told, _ = predict("t", "--weights", weights)
    what = (
        f'--weights: "{weights}" has an empty name' if weights else "argument --weights: an empty"
    )
    assert told[-1].startswith(f"error: {what}")


SCORED = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "score" type: "InnerProduct" bottom: "data" top: "score"
  inner_product_param { num_output: %d } }
"""


def write_scored(path: str, biases: tuple[float, ...], loss: str = "HingeLoss") -> None:
    net = NetParameter()
    net.dataset.width = net.dataset.height = 8
    text_format.Parse(SCORED % len(biases), net.deploy)
    if loss:
        net.layer.add(name="loss", type=loss, bottom=["score", "label"], top=["loss"])
    weights = weights_of(Net(net.deploy), net)
    weights.blobs["score"][1][:] = biases
    write_weights(Path(path), weights)


@pytest.mark.parametrize("loss", ["HingeLoss", ""])
def test_scores_give_labels(predict, loss):
    write_scored("svm.caffemodel", (-3, 7.25, 2), loss)
    lines, rows = predict("t/2.jpg", "--picture=p.png", "--out=submission.csv", weights="svm")
    assert rows == [["id", "label"], ["2", "1"]] and Path("p.png").exists()
    assert lines[0].split() == ["2", "1", "7.25", "2", "2"]
    answer, _ = predict("t/2.jpg", weights="svm")
    assert [line.split() for line in answer[1:]] == [["1", "7.25"], ["2", "2"], ["0", "-3"]]
    (error,), rows = predict("t/2.jpg", "--probability", weights="svm")[0][-1:], []
    assert "numbers from -3 to 7.25: no probabilities" in error


@pytest.mark.parametrize(("biases", "loss"), [((3.0, 4), "EuclideanLoss"), ((3.0,), "")])
def test_numbers_that_are_no_classes_are_refused(predict, biases, loss):
    write_scored("other.caffemodel", biases, loss)
    lines, _ = predict("t/2.jpg", weights="other")
    assert "no probabilities" in lines[-1]


def test_the_picture_says_how_many_it_shows(predict):
    lines, _ = predict("t", "--picture=p.png", "--picture-photos=2")
    assert lines[-1] == "picture of the first 2 of 3 photos in p.png"


@pytest.mark.usefixtures("predict")
def test_names_that_are_not_utf8_from_the_folder_to_the_picture():
    for sign in ("\udce8", "\udce9"):
        shutil.copy("t/2.jpg", f"t/caf{sign}.jpg")
    os.mkfifo("t/pipe.jpg")
    out = TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True)
    with redirect_stdout(out):
        run_tool(main, ["t", "--weights=two.caffemodel", "--device=cpu", "--picture=p.png"])
    assert rb"caf\udce8" in out.buffer.getvalue()
    assert Path("p.png").exists()
    names = Path("submission.csv").read_bytes().splitlines()
    assert [line.split(b",")[0] for line in names[-2:]] == [b"caf\xe8", b"caf\xe9"]
    assert Path("submission.skipped.csv").read_text().splitlines()[1:] == ["t/pipe.jpg,is a pipe"]


def many(folder: Path, count: int) -> None:
    folder.mkdir()
    for number, picture in enumerate(pictures(count, (8, 8, 3))):
        cv2.imwrite(f"{folder}/{number}.png", picture)
    (folder / "70.png").write_bytes(b"no picture")


def interrupted_after(batches: int, words: list[str], monkeypatch) -> None:
    """Ctrl-C when so many batches have been through."""
    predictions, seen = Predictor._predictions, 0

    def counted(self, found):
        nonlocal seen
        seen += 1
        if seen > batches:
            raise KeyboardInterrupt
        return predictions(self, found)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(Predictor, "_predictions", counted)
        run_tool(main, words)
    assert stop.value.code == 130


def test_an_interrupted_prediction_goes_on_and_ends_as_if_nothing_had_happened(
    predict, monkeypatch, capsys
):
    many(Path("m"), 150)
    straight, _ = predict("m", "--probability", "--picture=p.png", "--picture-photos=3")
    whole, skipped = (Path(f"submission{end}").read_bytes() for end in (".csv", ".skipped.csv"))
    picture = Path("p.png").read_bytes()
    words = ["m", "--weights=two.caffemodel", "--device=cpu", "--out=s.csv", "--probability"]
    interrupted_after(2, words, monkeypatch)
    told = capsys.readouterr().err.splitlines()[-1]
    part = Path("s.csv.part").absolute()
    assert told.endswith(f"interrupted; 127 rows in {part}: the same command with --resume goes on")
    assert not Path("s.csv").exists()
    run_tool(main, [*words, "--resume", "--picture=p.png", "--picture-photos=3"])
    shown = capsys.readouterr().out.splitlines()
    assert Path("s.csv").read_bytes() == whole
    assert Path("s.skipped.csv").read_bytes() == skipped
    assert Path("p.png").read_bytes() == picture
    assert shown[:10] == straight[:10]
    assert "149 rows in s.csv, 127 of them were there before" in shown
    assert not list(Path().glob("s.csv.part*"))


def test_a_page_and_folders_of_a_run_that_goes_on_are_those_of_one_that_did_not_stop(
    predict, monkeypatch, capsys
):
    many(Path("m"), 150)
    told, _ = predict("m", "--page=whole.html", "--sort-into=whole", "--table=whole.csv")
    assert told[-3] == "table in whole.csv"
    assert told[-2].startswith("page in whole.html, ")
    assert told[-1].endswith("; whole/sorted.csv has all")
    words = ["m", "--weights=two.caffemodel", "--device=cpu", "--out=s.csv"]
    ends = ["--page=part.html", "--sort-into=part", "--table=part.csv"]
    interrupted_after(2, [*words, *ends], monkeypatch)
    assert not Path("part.html").exists() and not Path("part.csv").exists()
    run_tool(main, [*words, *ends, "--resume"])
    capsys.readouterr()
    assert Path("part.html").read_bytes() == Path("whole.html").read_bytes()
    assert Path("part.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert Path("part/sorted.csv").read_bytes() == Path("whole/sorted.csv").read_bytes()
    trees = [
        sorted(str(each.relative_to(each.parts[0])) for each in Path(name).rglob("*"))
        for name in ("part", "whole")
    ]
    assert trees[0] == trees[1] and len(trees[0]) == 149 + 3


def test_a_page_and_folders_without_a_submission(predict):
    lines, rows = predict("t/2.jpg", "--page=p.html", "--page-photos=1", "--sort-into=out")
    assert not rows
    assert lines[0] == "t/2.jpg"
    assert Path("p.html").exists() and len(list(Path("out").rglob("2.jpg"))) == 1


def test_several_nets_answer_as_one(predict):
    write_net(Path("other.caffemodel"), ("prob", "Softmax", 2), names=("cat", "dog"))
    _, rows = predict("t", "--probability", weights="two.caffemodel,other")
    _, one = predict("t", "--probability", weights="two")
    _, again = predict("t", "--probability", weights="other")
    for row, first, second in zip(rows[1:], one[1:], again[1:], strict=True):
        assert float(row[1]) == pytest.approx((float(first[1]) + float(second[1])) / 2, abs=1e-6)


@pytest.mark.usefixtures("predict")
def test_rows_of_other_weights_and_photos_are_refused(monkeypatch, capsys):
    many(Path("m"), 150)
    words = ["m", "--weights=two.caffemodel", "--device=cpu", "--out=s.csv"]
    interrupted_after(1, words, monkeypatch)
    write_net(Path("two.caffemodel"), ("prob", "Softmax", 2), names=("dog", "cat"))
    shutil.copy("m/1.png", "m/2.png")
    with pytest.raises(SystemExit):
        run_tool(main, [*words, "--resume"])
    assert "its rows are of other photos and other weights and other options" in (
        capsys.readouterr().err
    )
    run_tool(main, words)
    assert len(Path("s.csv").read_text().splitlines()) == 150
    run_tool(main, [*words, "--resume"])
    told = "--resume: no rows to go on with in s.csv.part: predicting all"
    assert told in capsys.readouterr().err


def test_another_engine_gives_the_rows_of_torch_and_says_how_far_they_differ(predict, capsys):
    pytest.importorskip("openvino")
    _, ours = predict("t", "--probability")
    capsys.readouterr()
    words = ["t", "--probability", "--engine=openvino", "--weights=two.caffemodel", "--device=cpu"]
    run_tool(main, words)
    told = capsys.readouterr().err.splitlines()[0]
    assert told.startswith("engine openvino: probabilities differ from torch's by at most ")
    assert "0 labels change (of 3 photos)" in told
    theirs = list(csv.reader(Path("submission.csv").read_text().splitlines()))
    for (name, mine), (same, other) in zip(ours[1:], theirs[1:], strict=True):
        assert name == same
        assert float(mine) == pytest.approx(float(other), abs=1e-5)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--amp=int8"], "--amp int8: torch computes no int8 here; add --engine openvino or"),
        (
            ["--engine=onnxruntime", "--amp=bf16"],
            "--amp: onnxruntime has no bf16; it has float32 (no --amp), int8",
        ),
        (["--engine=auto", "--processes=2"], "--engine auto: takes all cores for one process, and"),
        (
            ["--engine=auto", "--folds-of=x", "--out-of-fold=y.csv"],
            "--engine: --out-of-fold is computed by torch; leave --engine out",
        ),
    ],
)
def test_engines_that_cannot_are_one_line(predict, words, line):
    told, rows = predict("t", *words)
    assert told[-1].startswith(f"error: {line}")
    assert not rows
