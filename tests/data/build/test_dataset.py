"""tools/create_lmdb.py as a person meets it: good folders, bad files, an interruption."""

import csv
import functools
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from catdog.data.build import dataset as datasets
from catdog.data.build.synthetic import draw_sample
from catdog.data.datum import parse_datum
from catdog.data.lmdb_store import Reader
from catdog.data.mean import compute_mean, read_mean
from catdog.errors import CatdogError, DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.spec import read_message
from tests.data.build.test_cifar import batches, write_binary, write_pickled
from tests.pictures import by_pillow, encoded, picture, save_all, turned_jpeg
from tools import create_lmdb

ROOT = Path(__file__).parents[3]
RECIPE = DatasetParameter(width=16, height=16, validation_every=6)


def photos(count=12):
    return {f"train/{c}.{i}.png": picture(20, 30, i) for c in ("cat", "dog") for i in range(count)}


def run(*arguments):
    create_lmdb.main([str(argument) for argument in arguments])


def record(path):
    return read_message(path, DatasetParameter()).message


def names(path):
    with Reader(path) as reader:
        return [key[9:].decode() for key in reader.keys]


def test_all_that_is_written_and_told(tmp_path, capsys):
    data = save_all(tmp_path / "catdog", photos())
    out = tmp_path / "new" / "input"
    run("--data", data, "--out", out, "--width", 20, "--height", 10, "--seed", 3)
    assert sorted(path.name for path in out.iterdir()) == [
        ".builds",
        "dataset.yaml",
        "mean.binaryproto",
        "skipped.csv",
        "train_lmdb",
        "validation_lmdb",
    ]
    found = record(out / "dataset.yaml")
    assert (found.width, found.height, found.seed, found.validation_every) == (20, 10, 3, 6)
    assert found.equalize
    assert found.interpolation == DatasetParameter.CUBIC
    assert found.channel_order == DatasetParameter.BGR
    assert list(found.class_name) == ["cat", "dog"]
    assert (found.count.train, found.count.validation, found.count.skipped) == (20, 4, 0)
    assert sum(found.count.per_class_train) == 20
    for part in ("train_lmdb", "validation_lmdb"):
        assert record(out / part / "dataset.yaml") == found
    assert (read_mean(out / "mean.binaryproto") == compute_mean(out / "train_lmdb")).all()
    table = capsys.readouterr().out
    for text in ("photos named for their class", "0 cat", "1 dog", "converted  none", "photos/s"):
        assert text in table


def test_options_change_the_pixels(tmp_path, capsys):
    data = save_all(tmp_path, photos())
    values = set()
    for name, options in {
        "a": [],
        "b": ["--no-equalize"],
        "c": ["--interpolation", "linear"],
        "d": ["--gray"],
        "e": ["--resize", "pad"],
        "f": ["--resize", "crop"],
    }.items():
        run("--data", data, "--out", tmp_path / name, "--size", 16, *options)
        with Reader(tmp_path / name / "train_lmdb") as reader:
            values.add(reader.first())
        assert record(tmp_path / name / "dataset.yaml").equalize == (name != "b")
    assert len(values) == 6
    assert record(tmp_path / "e" / "dataset.yaml").resize == DatasetParameter.PAD
    capsys.readouterr()


def test_bad_and_odd_files_are_listed_and_counted(tmp_path, capfd):
    alpha = np.dstack([picture(), picture()[:, :, 0]])
    data = save_all(
        tmp_path / "data",
        photos()
        | {
            "train/cat.100.jpg": b"",
            "train/cat.101.jpg": b"only words",
            "train/cat.102.jpg": encoded(picture())[:300],
            "train/notes.txt": b"hello",
            "train/.DS_Store": b"x",
            "train/lonely.jpg": encoded(picture()),
            "train/dog.103.jpg": by_pillow("CMYK", "JPEG"),
            "train/dog.104.png": picture().astype(np.uint16) * 256,
            "train/dog.105.png": alpha,
            "train/dog.106.png": by_pillow("P", "PNG"),
            "train/dog.107.jpg": picture()[:, :, 0],
            "train/dog.108.jpg": turned_jpeg(picture(), 8),
            "train/dog ä 109.jpg": picture(),
            "train/dog.110.png": picture(1, 1),
        },
    )
    datasets.create(data, tmp_path / "out", RECIPE)
    capfd.readouterr()
    with (tmp_path / "out" / "skipped.csv").open(newline="") as file:
        skipped = dict(row for row in csv.reader(file))
    assert skipped == {
        "file": "reason",
        "notes.txt": "not a picture by its name",
        "lonely.jpg": "no class in its name, and in no class folder",
        "cat.100.jpg": "empty file",
        "cat.101.jpg": "not a picture that can be decoded",
        "cat.102.jpg": "truncated JPEG: its end is missing",
    }
    count = record(tmp_path / "out" / "dataset.yaml").count
    assert count.skipped == 5
    kinds = (count.cmyk, count.sixteen_bit, count.alpha, count.gray, count.rotated)
    assert kinds == (1, 1, 1, 1, 1)
    stored = names(tmp_path / "out/train_lmdb") + names(tmp_path / "out/validation_lmdb")
    assert len(stored) == 32
    assert {"dog ä 109.jpg", "dog.110.png", "dog.106.png"} <= set(stored)


def test_same_names_in_two_folders(tmp_path):
    files = {f"train/{c}/{i}.png": picture(9, 9, i) for c in ("cat", "dog") for i in range(6)}
    datasets.create(save_all(tmp_path, files), tmp_path / "out", RECIPE)
    stored = names(tmp_path / "out/train_lmdb") + names(tmp_path / "out/validation_lmdb")
    assert sorted(stored) == sorted(name.removeprefix("train/") for name in files)


def test_lists_and_train_beside_val(tmp_path):
    files = {f"{p}/{c}/{i}.png": picture() for p in ("train", "val") for c in "ab" for i in "123"}
    data = save_all(tmp_path / "data", files)
    report = datasets.create(data, tmp_path / "out", RECIPE)
    assert report.dataset.validation_every == 0
    assert (report.dataset.count.train, report.dataset.count.validation) == (6, 6)
    assert all(name.startswith("val/") for name in names(tmp_path / "out/validation_lmdb"))
    (data / "list").write_text("".join(f"{name} {name[-7]}\n" for name in files))
    files = datasets.LabelFiles(data / "list")
    report = datasets.create(data, tmp_path / "out", RECIPE, files=files)
    assert list(report.dataset.class_name) == ["a", "b"]
    assert (report.dataset.count.train, report.dataset.count.validation) == (10, 2)


def test_without_photos_a_sample_is_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    few = functools.partial(draw_sample, train=12, test=2)
    monkeypatch.setattr(datasets, "draw_sample", few)
    for _ in range(2):  # a second build finds the drawings, and takes nothing else for photos
        run("--size", 16)
        told = capsys.readouterr().out
        assert "a drawn sample, as there are no photos in input/train" in told
        assert told.splitlines()[-1] == (
            "warning: there are no photos in input/train: these are drawings, from "
            "input/sample; input/sample/test1 has some to predict"
        )
        assert record(tmp_path / "input" / "dataset.yaml").count.train == 10


def stored_and_litter(out):
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def test_an_interrupted_build_leaves_the_last_one(tmp_path, monkeypatch):
    out = tmp_path / "out"
    datasets.create(save_all(tmp_path / "data", photos()), out, RECIPE)
    before, labels = stored_and_litter(out), names(out / "train_lmdb")
    save_all(tmp_path / "data", {"train/cat.77.png": picture()})
    for error in (KeyboardInterrupt, OSError(28, "No space left on device")):

        def stop(*_, error=error):
            raise error

        monkeypatch.setattr(datasets.SizedMean, "add", stop)
        with pytest.raises((KeyboardInterrupt, DataError)):
            datasets.create(tmp_path / "data", out, RECIPE)
        assert stored_and_litter(out) == before
        assert names(out / "train_lmdb") == labels


def test_ctrl_c_in_a_running_tool(tmp_path):
    files = {f"train/{c}.{i}.png": picture(900, 900, i) for c in ("cat", "dog") for i in range(8)}
    data = save_all(tmp_path / "data", files)
    for i in range(200):
        for c in ("cat", "dog"):
            os.link(data / f"train/{c}.{i % 8}.png", data / f"train/{c}.{i + 1000}.png")
    process = subprocess.Popen(
        [sys.executable, "tools/create_lmdb.py", "--data", data, "--out", tmp_path / "out"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list((tmp_path / "out").glob(".builds/1/train_lmdb")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    left = stored_and_litter(tmp_path / "out")
    assert ("--resume goes on" in errors) == any(".builds/1/" in name for name in left)


def test_faults_are_one_line(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        datasets.create(tmp_path / "missing", tmp_path / "out", RECIPE)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    bad = save_all(
        tmp_path / "bad", {f"train/{c}.{i}.jpg": b"x" for c in ("cat", "dog") for i in "12"}
    )
    with pytest.raises(DataError, match=r"0 could be read, 4 not \(the first: .*: not a"):
        datasets.create(bad, tmp_path / "out", RECIPE)
    (tmp_path / "file").touch()
    with pytest.raises(CatdogError, match="cannot be written"):
        datasets.create(bad, tmp_path / "file" / "out", RECIPE)
    for wrong in (["--size", "0"], ["--validation-every", "1"], ["--interpolation", "x"]):
        with pytest.raises(CatdogError, match=wrong[0]):
            create_lmdb.main(wrong)


def test_stored_pictures_are_datums_caffe_reads(tmp_path):
    datasets.create(save_all(tmp_path / "data", photos()), tmp_path / "out", RECIPE)
    with Reader(tmp_path / "out" / "train_lmdb") as reader:
        datum = parse_datum(reader.first())
    assert [field.name for field, _ in datum.ListFields()] == [
        "channels", "height", "width", "data", "label", "encoded",
    ]  # fmt: skip


def test_cifar_to_three_lmdbs(tmp_path, capsys):
    found = {}
    for write in (write_pickled, write_binary):
        root = tmp_path / write.__name__
        write(root, batches(each=12))
        run("--data", root, "--out", root / "out", "--size", 32, "--no-equalize", "--validation", 6)
        count = record(root / "out" / "dataset.yaml").count
        assert (count.train, count.validation, count.test) == (54, 6, 12)
        for part in ("train_lmdb", "validation_lmdb", "test_lmdb"):
            assert record(root / "out" / part / "dataset.yaml").count == count
            with Reader(root / "out" / part) as reader:
                found.setdefault(part, []).append(list(reader))
        table = capsys.readouterr().out
        assert "CIFAR-10, 5 training batches and a test batch" in table
        assert "test_lmdb" in table
    for pickled, binary in found.values():
        assert pickled == binary


def test_test_photos_and_no_validation(tmp_path):
    files = {f"{p}/{c}/{i}.png": picture() for p in ("train", "test") for c in "ab" for i in "123"}
    data = save_all(tmp_path / "data", files)
    run("--data", data, "--out", tmp_path / "own", "--size", 16, "--validation", 0)
    assert not (tmp_path / "own/validation_lmdb").exists()
    assert [len(names(tmp_path / "own" / part)) for part in ("train_lmdb", "test_lmdb")] == [6, 6]
    assert record(tmp_path / "own/dataset.yaml").HasField("validation")
    run(
        "--data", data / "train", "--test", data / "test", "--out", tmp_path / "named", "--size", 16
    )
    assert sorted(names(tmp_path / "named/test_lmdb")) == sorted(names(tmp_path / "own/test_lmdb"))
    with pytest.raises(DataError, match="no such folder"):
        run("--data", data, "--test", tmp_path / "none", "--out", tmp_path / "x")
    (data / "val").mkdir()
    save_all(data, {f"val/{c}/1.png": picture() for c in "ab"})
    with pytest.raises(DataError, match="has validation photos of its own"):
        run("--data", data, "--out", tmp_path / "x", "--validation", 2)
    for wrong in ("-1", "1.5", "x", "nan"):
        with pytest.raises(CatdogError, match="--validation"):
            run("--validation", wrong)


def test_several_labels(tmp_path, capsys):
    data = save_all(tmp_path / "data", {f"{i}.png": picture(seed=i) for i in range(10)})
    rows = [f"{i}.png,{'big ' * (i > 4)}{'odd' * (i % 2)}" for i in range(10)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,tags", *rows]))
    run("--data", data, "--labels", tmp_path / "labels.csv", "--out", tmp_path, "--size", 8)
    assert list(record(tmp_path / "dataset.yaml").class_name) == ["big", "odd"]
    count = record(tmp_path / "dataset.yaml").count
    assert (count.train, count.validation) == (8, 2)
    assert sum(count.per_class_train) + sum(count.per_class_validation) == 10
    for part in ("train_lmdb", "validation_lmdb"):
        with Reader(tmp_path / part) as reader:
            for key, value in reader.items():
                number, datum = int(key[9:-4]), parse_datum(value)
                assert list(datum.labels) == [number > 4, number % 2]
                assert not datum.HasField("label")
    capsys.readouterr()
    with pytest.raises(CatdogError, match="--test: test photos have one label each"):
        run("--labels", "x.csv", "--test", data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("empty", "no photos in this folder"),
        ("missing", "no such folder"),
        ("photos.zip", "is no zip, or a damaged one"),
        ("odd", r"the name of the class 'c\\udce4t' is not UTF-8 on one line"),
    ],
)
def test_a_build_that_fails_draws_nothing_and_leaves_nothing(tmp_path, data, what):
    (tmp_path / "empty").mkdir()
    (tmp_path / "photos.zip").touch()
    save_all(tmp_path / "odd", {"c\udce4t/1.png": picture(), "dog/1.png": picture()})
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DataError, match=what):
        datasets.create(tmp_path / data, tmp_path / "new" / "out", RECIPE)
    assert sorted(tmp_path.iterdir()) == before


def test_odd_names_of_files_are_told_and_kept(tmp_path, capsys):
    files = photos(6) | {"train/cat.1\udcff.png": picture(9, 9, 1), "train/dog.1\n.png": picture()}
    files["val/cat.2\udcff.png"] = files["train/cat.1\udcff.png"]
    run("--data", save_all(tmp_path / "data", files), "--out", tmp_path / "out", "--size", 8)
    shown = capsys.readouterr().out
    assert r"1 picture stands in train and validation alike, such as cat.1\udcff.png" in shown


def test_stratify_keeps_the_share_of_each_class(tmp_path, capsys):
    counts = {"ant": 6, "bee": 30, "cat": 60}
    files = {
        f"{name}/{i}.png": picture(9, 9, i) for name, count in counts.items() for i in range(count)
    }
    data = save_all(tmp_path / "data", files)
    run("--data", data, "--out", tmp_path / "out", "--size", 8, "--stratify")
    found = record(tmp_path / "out" / "dataset.yaml")
    assert list(found.count.per_class_validation) == [1, 5, 10]
    assert list(found.count.per_class_train) == [5, 25, 50]
    run(
        "--data",
        data,
        "--out",
        tmp_path / "out",
        "--size",
        8,
        "--stratify",
        "--validation-every",
        3,
    )
    found = record(tmp_path / "out" / "dataset.yaml")
    assert list(found.count.per_class_validation) == [2, 10, 20]
    capsys.readouterr()
    with pytest.raises(CatdogError, match="--stratify: photos of a table"):
        run("--data", data, "--out", tmp_path / "out", "--labels", "x.csv", "--stratify")
    with pytest.raises(CatdogError, match="--validation-list: the training photos need a list too"):
        run("--data", data, "--out", tmp_path / "out", "--validation-list", "x.txt")


def test_pipes_sockets_and_devices_are_skipped_with_a_reason(tmp_path):
    files = {f"{c}/{i}.png": picture(9, 9, i) for c in "ab" for i in range(6)}
    data = save_all(tmp_path / "data", files)
    os.mkfifo(data / "a/pipe.png")
    (data / "b/zero.png").symlink_to("/dev/zero")
    (data / "b/round.png").symlink_to("round.png")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(data / "a/socket.png"))
    run("--data", data, "--out", tmp_path / "out", "--size", 8)
    rows = (tmp_path / "out/skipped.csv").read_text().splitlines()[1:]
    assert sorted(rows) == [
        "a/pipe.png,is a pipe",
        "a/socket.png,is a socket",
        "b/round.png,too many levels of symbolic links",
        "b/zero.png,is a device",
    ]


def test_names_that_are_not_utf8_stay_apart(tmp_path):
    odd = "\udce8", "\udce9"
    files = photos(6) | {f"train/cat.7{sign}.png": picture(9, 9, ord(sign)) for sign in odd}
    files |= {f"train/cat.8{sign}.png": b"no picture" for sign in odd}
    run("--data", save_all(tmp_path / "data", files), "--out", tmp_path / "out", "--size", 8)
    rows = (tmp_path / "out/skipped.csv").read_text().splitlines()[1:]
    assert sorted(row.split(",")[0] for row in rows) == [r"cat.8\udce8.png", r"cat.8\udce9.png"]
    keys = []
    for part in ("train_lmdb", "validation_lmdb"):
        with Reader(tmp_path / "out" / part) as reader:
            keys += reader.keys
    assert {key[9:] for key in keys if b"cat.7" in key} == {b"cat.7\xe8.png", b"cat.7\xe9.png"}
