"""Scripts of Python 2 do what the same scripts, written anew in Python 3, do."""

import sys
from pathlib import Path

import cv2
import lmdb
import numpy as np
import pytest

import catdog.pycaffe as caffe
from catdog.pycaffe.python2.translation import translate
from tests.pycaffe.nets import DEPLOY

SCRIPTS = Path(__file__).parent / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py2"))

TRAINED = """
layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param {
  shape { dim: 2 dim: 3 dim: 6 dim: 6 } shape { dim: 2 dim: 5 dim: 7 dim: 7 }
  data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 5 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "up" type: "Deconvolution" bottom: "conv" top: "up"
  convolution_param { num_output: 5 kernel_size: 4 bias_term: false } }
layer { name: "loss" type: "EuclideanLoss" bottom: "up" bottom: "label" top: "loss" }
"""
SOLVER = 'net: "%s/train.prototxt" base_lr: 0.001 lr_policy: "fixed" snapshot_after_train: false'


def prepare(folder):
    """A folder with what the scripts read: pictures, lists, a mean, a net with weights."""
    folder.mkdir()
    chance = np.random.default_rng(5)
    for index in range(3):
        cv2.imwrite(str(folder / f"{index}.png"), chance.integers(0, 256, (15, 13, 3), np.uint8))
    (folder / "names.txt").write_text("n1 große Katze\nn2 dog\nn3 cow\n", encoding="utf-8")
    (folder / "list.txt").write_text("0.png 1\n1.png 0\n2.png 1\n0.png 1\n1.png 2\n")
    mean = chance.random((1, 3, 16, 16)) * 200
    np.save(folder / "mean.npy", mean[0])
    message = caffe.io.array_to_blobproto(mean)
    (folder / "mean.binaryproto").write_bytes(message.SerializeToString())
    (folder / "deploy.prototxt").write_text(DEPLOY)
    (folder / "train.prototxt").write_text(TRAINED)
    (folder / "solver.prototxt").write_text(SOLVER % folder)
    caffe.set_random_seed(1)
    caffe.Net(str(folder / "deploy.prototxt"), caffe.TEST).save(str(folder / "net.caffemodel"))


def results(folder):
    """The files of a folder by name, LMDBs by what they hold, pickles left out."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            with lmdb.open(str(path), readonly=True) as store, store.begin() as records:
                found[path.name] = list(records.cursor())
        elif path.suffix not in (".pkl", ".prototxt") or path.stem == "out":
            found[path.name] = path.read_bytes()
    return found


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("name", NAMES)
def test_the_translation_does_what_was_written_anew(name, tmp_path, capsys, monkeypatch):
    done = []
    for kind in ("py2", "py3"):
        folder = tmp_path / "here"
        prepare(folder)
        monkeypatch.setattr(sys, "argv", [name, str(folder)])
        source = (SCRIPTS / f"{name}.{kind}").read_bytes()
        code = (
            translate(source, name).compiled(name)
            if kind == "py2"
            else compile(source, name, "exec")
        )
        exec(code, {"__name__": "__main__", "FOLDER": str(folder)})
        done.append((capsys.readouterr().out.splitlines(), results(folder)))
        folder.rename(tmp_path / kind)
    (lines, files), (wanted_lines, wanted_files) = done
    assert [line.rstrip() for line in lines] == [line.rstrip() for line in wanted_lines]
    assert files.keys() == wanted_files.keys()
    for file, content in wanted_files.items():
        assert files[file] == content, file
