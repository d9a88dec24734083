"""Decisions of a review, applied to a build."""

import csv

import pytest

import catdog
from catdog.data.build.dataset import LabelFiles, create
from catdog.data.build.review import ReviewRow, write_review
from catdog.data.datum import label_of
from catdog.data.lmdb_store import Reader
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.spec import read_message
from tests.pictures import picture, save_all

RECIPE = DatasetParameter(width=8, height=8, validation=0.25)
CLASSES = ("cat", "dog")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    names = [f"{c}s/{i}.png" for c in CLASSES for i in range(8)]
    files = {f"train/{name}": picture(10, 10, i) for i, name in enumerate(names)}
    return save_all(tmp_path_factory.mktemp("photos"), files)


def build(data, out, rows=None, dataset=RECIPE, **options):
    """What is in the LMDBs, {name: (part, number, label)}, and the report."""
    path = out.with_suffix(".csv")
    if rows is not None:
        write_review(path, rows)
    files = LabelFiles(review=None if rows is None else path)
    report = create(data, out, dataset, files=files, **options)
    found = {}
    for part in ("train_lmdb", "validation_lmdb"):
        for store in sorted((out / part).glob("shard*")) or [out / part]:
            with Reader(store) as reader:
                for key in reader.keys:
                    number, _, name = key.decode().partition("_")
                    found[name] = part, int(number), label_of(reader.get(reader.keys.index(key)))
    return found, report


ROWS = [
    ReviewRow("cats/1.png", "cats", "relabel", "dogs", "a dog"),
    ReviewRow("dogs/2.png", "dogs", "drop", "", "blurred"),
    ReviewRow("cats/3.png", "cats", "keep"),
    ReviewRow("cats/4.png", "cats"),
]


@pytest.mark.parametrize("shards", [0, 2])
def test_what_a_review_changes_and_what_stays(data, tmp_path, shards):
    recipe = DatasetParameter(shards=shards)
    recipe.MergeFrom(RECIPE)
    before, _ = build(data, tmp_path / "before", None, recipe)
    after, report = build(data, tmp_path / "after", ROWS, recipe)
    part, number, label = before["cats/1.png"]
    assert label == 0
    # all others are where they were, in the part and at the place
    changed = {**before, "cats/1.png": (part, number, 1)}
    del changed["dogs/2.png"]
    assert after == changed
    assert "review     1 left out, 1 of another class, by " in str(report)
    found = read_message(tmp_path / "after" / "dataset.yaml", DatasetParameter()).message
    assert found.review == str(tmp_path / "after.csv")
    assert (found.count.dropped, found.count.relabelled, found.count.skipped) == (1, 1, 1)
    parts = (found.count.per_class_train, found.count.per_class_validation)
    assert [sum(counts) for counts in zip(*parts, strict=True)] == [7, 8]
    with (tmp_path / "after" / "skipped.csv").open() as file:
        assert list(csv.reader(file))[1:] == [["dogs/2.png", "dropped in after.csv: blurred"]]


def test_an_interrupted_build_does_not_go_on_with_other_decisions(data, tmp_path, monkeypatch):
    from catdog.data.build import dataset as module

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_files", stop)
        with pytest.raises(KeyboardInterrupt):
            build(data, tmp_path / "out", ROWS)
    with pytest.raises(DataError, match="other"):
        build(data, tmp_path / "out", ROWS[:1], resume=True)
    _, report = build(data, tmp_path / "out", ROWS, resume=True)
    assert report.resumed == 15


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (ReviewRow("cats/9.png", "cats", "drop"), "'cats/9.png': there is no such photo; names"),
        (ReviewRow("1.png", "cats"), 'there is no such photo; did you mean "(cats|dogs)/1.png"'),
        (ReviewRow("cats/1.png", "dogs", "drop"), 'is labelled "cats", and "dogs" stands here'),
        (
            ReviewRow("cats/1.png", "cats", "relabel", "dog"),
            'there is no class "dog"; did you mean "dogs"',
        ),
        (
            ReviewRow("cats/1.png", "cats", "relabel", "ape"),
            'there is no class "ape"; there are cats, dogs',
        ),
    ],
)
def test_what_does_not_fit_the_photos(data, tmp_path, row, told):
    rows = [ReviewRow("dogs/1.png", "dogs", "keep"), row]
    with pytest.raises(DataError, match=rf"out\.csv:3: .*{told}"):
        build(data, tmp_path / "out", rows)
    assert not (tmp_path / "out" / "train_lmdb").exists()


def test_a_part_must_not_lose_all_photos(data, tmp_path):
    rows = [ReviewRow(f"{c}/{i}.png", c, "drop") for c in ("cats", "dogs") for i in range(8)]
    with pytest.raises(DataError, match="drops every photo of train_lmdb and validation_lmdb"):
        build(data, tmp_path / "out", rows)


def test_names_that_are_not_utf_8(tmp_path):
    files = {f"{c}/{i}.png": picture(10, 10, i) for c in CLASSES for i in range(4)}
    folder = save_all(tmp_path / "odd", files)
    (folder / "cat" / "0.png").rename(folder / "cat" / "caf\udce9.png")
    for name in ("cat/caf\udce9.png", "cat/caf\\udce9.png", "cat/caf\\xe9.png"):
        path = tmp_path / "review.csv"
        write_review(path, [ReviewRow(name, "cat", "drop")])
        report = catdog.build_stores(folder, tmp_path / "out", size=8, review=path)
        assert report.dataset.count.dropped == 1


def test_photos_with_several_labels_can_be_dropped_alone(tmp_path):
    folder = save_all(tmp_path / "photos", {f"{i}.png": picture(10, 10, i) for i in range(4)})
    table = tmp_path / "labels.csv"
    table.write_text("file,cat,dog\n" + "".join(f"{i}.png,1,{i % 2}\n" for i in range(4)))
    path = tmp_path / "review.csv"
    recipe = DatasetParameter(width=8, height=8, validation_every=2)
    files = LabelFiles(labels=table, review=path)
    write_review(path, [ReviewRow("1.png", "", "drop")])
    assert create(folder, tmp_path / "out", recipe, files=files).dataset.count.dropped == 1
    write_review(path, [ReviewRow("1.png", "", "relabel", "cat")])
    with pytest.raises(DataError, match=r"review.csv:2: '1.png': has several labels"):
        create(folder, tmp_path / "out", recipe, files=files)
