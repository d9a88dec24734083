"""tools/preview.py: rows of photos and what becomes of them, for nets and solvers."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from catdog.cli import main as cli
from catdog.data.datum import array_to_datum, write_raw
from catdog.proto.caffe_pb2 import TEST, TRAIN, DatasetParameter, NetState
from catdog.spec import to_yaml
from catdog.training import preview
from tests.data.sources.build import pictures, write_lmdb, write_values
from tools import preview as tool

NET = """
name: previewed
layer:
- name: rows
  type: DummyData
  top: rows
  dummy_data_param: {shape: {dim: [2, 3]}}
  include: {phase: TRAIN, stage: rows}
- name: photos
  type: Data
  top: [data, label]
  include: {phase: TRAIN}
  transform_param: {%s}
  data_param: {source: raw, batch_size: 4, backend: LMDB, prefetch: 0}
- name: photos
  type: Data
  top: [data, label]
  include: {phase: TEST}
  transform_param: {crop_size: 5, mean_value: 30, scale: 0.1}
  data_param: {source: raw, batch_size: 4, backend: LMDB}
"""
CLASSES = ["cat", "dog", "hen", "owl", "pig"]


@pytest.fixture(name="folder", autouse=True)
def data_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "raw", pictures(5))
    record = to_yaml(DatasetParameter(class_name=CLASSES), "made for a test")
    (tmp_path / "raw/dataset.yaml").write_text(record)
    return tmp_path


def write(transform="crop_size: 5, mean_value: 30, scale: 0.1"):
    Path("net.yaml").write_text(NET % transform)
    solver = "net: net.yaml\nbase_lr: 0.1\nlr_policy: fixed\ntest_interval: 1\n"
    Path("solver.yaml").write_text(solver)


@pytest.fixture
def shown(monkeypatch):
    """What would be drawn: rows of pictures with their names."""
    found = []
    draw = preview._draw
    monkeypatch.setattr(
        preview, "_draw", lambda path, rows, rgb: (found.extend(rows), draw(path, rows, rgb=rgb))
    )
    return found


def run(*words):
    cli.run_tool(tool.main, [str(word) for word in words])


def test_what_is_stored_and_what_is_seen(shown, capsys):
    write()
    run("net.yaml", "--photos", 3, "--draws", 2, "--phase", "TEST")
    assert capsys.readouterr().out.splitlines() == [
        'layer "photos" of net.yaml: batches of 4 x 3 x 5 x 5',
        "preview.png",
    ]
    assert [len(row) for row in shown] == [3, 3, 3]
    stored = pictures(5)
    for whole, *seen in shown:
        number = CLASSES.index(whole.name)
        np.testing.assert_array_equal(whole.picture, stored[number])
        for view in seen:
            assert view.name == whole.name
            # the TEST crop, with mean and scale undone
            np.testing.assert_allclose(view.picture, stored[number][:, 1:6, 2:7], atol=1e-3)
    drawn = cv2.imread("preview.png")
    assert drawn.shape[0] > 300
    assert drawn.std() > 10


def test_the_photos_and_the_changes_follow_the_seed(shown):
    write("augment_param: {rotate: 30, brightness: 0.5}")
    for seed in (1, 1, 2):
        run("net.yaml", "out.png", "--photos", 2, "--draws", 2, "--seed", seed)
    first, again, other = (shown[2 * n : 2 * n + 2] for n in range(3))
    for row, same in zip(first, again, strict=True):
        for one, two in zip(row, same, strict=True):
            np.testing.assert_array_equal(one.picture, two.picture)
        assert not np.array_equal(row[1].picture, row[2].picture)
    assert [row[0].name for row in first] != [row[0].name for row in other]


def test_mixed_labels_have_their_shares(shown):
    write("augment_param: {mixup: 1, num_classes: 5}")
    run("net.yaml", "--photos", 5, "--draws", 4)
    stored = pictures(5)
    views = [(row[0].name, view) for row in shown for view in row[1:]]
    assert any("% " in view.name and ", " in view.name for _, view in views)
    for own, view in views:
        # one that is mixed differs from what is stored, and says so whatever its label is
        seen = np.abs(view.picture - stored[CLASSES.index(own)]).max() > 1
        assert view.name.startswith("mix ") == view.mixed == seen
        name = view.name.removeprefix("mix ")
        assert name in CLASSES or name.split("% ")[0].isdigit()


def write_again(value):
    """Other labels for the same pictures."""
    keys = (f"{number:08d}_picture".encode() for number in range(5))
    values = (value(number, image) for number, image in enumerate(pictures(5)))
    write_values(Path("raw"), list(zip(keys, values, strict=True)))


def test_a_mix_of_one_class_is_marked_too(shown):
    write_again(lambda _, image: array_to_datum(image, 1).SerializeToString())
    write("augment_param: {cutmix: 1, num_classes: 5}")
    run("net.yaml", "--photos", 5, "--draws", 4)
    names = {view.name for row in shown for view in row[1:]}
    assert names == {"dog", "mix dog"}


def test_several_labels_are_told_by_their_names(shown):
    rows = np.eye(5, dtype=np.float32) + np.eye(5, k=1, dtype=np.float32) * 2
    write_again(lambda number, image: write_raw(image, 0, rows[number]))
    write()
    run("net.yaml", "--photos", 5, "--draws", 1)
    for whole, seen in shown:
        assert whole.name == seen.name
    assert {row[0].name for row in shown} == {
        *("cat, dog 2", "dog, hen 2", "hen, owl 2", "owl, pig 2", "pig")
    }


def test_a_solver_shows_its_nets():
    write()
    for phase, word in ((TRAIN, "TRAIN"), (TEST, "TEST")):
        wanted = preview.Wanted(NetState(phase=phase), photos=1, draws=1)
        (told, _) = preview.preview("solver.yaml", f"{word}.png", wanted)
        assert told.startswith('layer "photos" of net.yaml')


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["net.yaml", "--stage", "rows"], None),
        (["rows.yaml"], "(DummyData) has no photos to show; preview shows Data, ImageData"),
        (["rows.yaml", "--phase", "TEST"], "rows.yaml: has no data layer in the TEST phase"),
        (["alone.yaml", "--phase", "TEST"], "alone.yaml: has no test net"),
        (["net.yaml", "--draws", "0"], '"0" is no whole number from 1 on'),
    ],
)
def test_what_cannot_be_shown(words, message, capsys, folder):
    write()
    rows = NET.split("- name: photos")[0].replace(", stage: rows", "")
    (folder / "rows.yaml").write_text(rows)
    (folder / "alone.yaml").write_text("train_net: net.yaml\nbase_lr: 0.1\nlr_policy: fixed\n")
    if message is None:
        run(*words)
        return
    with pytest.raises(SystemExit):
        run(*words)
    assert message in capsys.readouterr().err


def test_a_narrow_crop_is_told(capsys):
    write("crop_size: 2")
    record = DatasetParameter(class_name=CLASSES, width=8, height=7)
    Path("raw/dataset.yaml").write_text(to_yaml(record, "made for a test"))
    run("net.yaml")
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("warning: crop_size 2 shows 7% of the stored 8 x 7 pictures")
