"""What a net says of data that are not there yet."""

import pytest

from catdog.data.lmdb_store import NotBuilt
from catdog.errors import CatdogError
from catdog.net.opened import open_fed_net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TRAIN
from catdog.spec import net_state, read_net
from tests.data.sources.build import pictures, write_lmdb
from tools import check, summarize

NET = """
layer {{ name: "data" type: "Data" top: "data" top: "label" {}
  data_param {{ source: "{}" batch_size: 2 backend: LMDB }} }}
"""
MEAN = 'transform_param { mean_file: "input/mean.binaryproto" }'
CROPPED = "transform_param { crop_size: 60 }"


@pytest.fixture(autouse=True)
def checkout(tmp_path):
    """Where `make lmdb` is there."""
    (tmp_path / "Makefile").touch()
    (tmp_path / "net_specs").mkdir()


@pytest.fixture
def missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def said(source, transform="", comment=""):
        path = tmp_path / "net.prototxt"
        path.write_text(comment + NET.format(transform, source))
        with pytest.raises(NotBuilt) as caught:
            open_fed_net(resolve(read_net(path), net_state(TRAIN)), None)
        return str(caught.value)

    return said


@pytest.mark.parametrize(
    ("comment", "command"),
    [
        ("#   make lmdb SIZE=64 && python tools/train.py\n", "make lmdb SIZE=64"),
        ("#   make lmdb SIZE=150 ARGS=--no-equalize\n", "make lmdb SIZE=150 ARGS=--no-equalize"),
        (
            "# the sample\n#   python tools/create_lmdb.py --out input\n",
            "python tools/create_lmdb.py ",
        ),
        ("# see make lmdbs\n", "make lmdb`"),
        ("", "make lmdb`"),
    ],
)
def test_the_command_of_a_comment_is_named(missing, comment, command):
    said = missing("input/train_lmdb", comment=comment)
    assert said.startswith(f"input/train_lmdb: no such LMDB; `{command}")
    assert said.endswith("` builds it")


def test_what_the_net_itself_asks_for(missing):
    assert "`make lmdb SIZE=60` builds it" in missing("input/train_lmdb", CROPPED)
    assert "`make cifar10` builds it" in missing("input/cifar10/train_lmdb")
    assert "`make lmdb OUT=a/b` builds it" in missing("a/b/validation_lmdb")


def test_a_mean_is_built_with_the_photos(missing):
    said = missing("input/train_lmdb", MEAN, "# make lmdb SIZE=64\n")
    assert said == "input/mean.binaryproto: no such mean; `make lmdb SIZE=64` builds it"


def test_the_comment_is_not_meant_for_other_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.prototxt"
    path.write_text("# make lmdb SIZE=64\n" + NET.format(CROPPED, "input/train_lmdb"))
    spec = read_net(path)
    spec.message.layer[0].data_param.source = "other/train_lmdb"
    with pytest.raises(NotBuilt, match=r"`make lmdb OUT=other SIZE=60` builds it"):
        open_fed_net(resolve(spec, net_state(TRAIN)), None)


def test_pictures_that_are_too_small_name_the_command_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "input" / "train_lmdb", pictures(4))
    (tmp_path / "net.prototxt").write_text(
        "# make lmdb SIZE=60 ARGS=--no-equalize\n" + NET.format(CROPPED, "input/train_lmdb")
    )
    with pytest.raises(CatdogError, match="crop_size 60 is larger than the data") as caught:
        check.main(["net.prototxt"])
    assert "`make lmdb SIZE=60 ARGS=--no-equalize`" in str(caught.value)
    summarize.main(["net.prototxt", "--phase", "TRAIN"])
    assert "pictures too small at input/train_lmdb, so data was" in capsys.readouterr().err
