"""select_subset as a person calls it: lists, LMDBs and pictures of the chosen, features of nets."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from catdog.tools.select_subset import main

from catdog.analysis.subset.lmdb_features import NetFeatures, net_features
from catdog.data.datum import read_example, write_raw
from catdog.data.lmdb_store import Reader
from catdog.errors import CatdogError, DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.spec import read_message, read_net
from catdog.training.options import Options
from catdog.training.train import train
from tests.data.sources.build import labels as labels_of
from tests.data.sources.build import layer, source, write_values

NET = """
name: small
layer:
- {name: data, type: Data, top: [data, label], include: {phase: TRAIN},
   data_param: {source: db, batch_size: 7, backend: LMDB}}
- {name: data, type: Data, top: [data, label], include: {phase: TEST},
   transform_param: {mean_value: 100, scale: 0.02, crop_size: 6},
   data_param: {source: elsewhere, batch_size: 7, backend: LMDB, rand_skip: 3}}
- {name: same, type: Power, bottom: data, top: same}
- {name: conv, type: Convolution, bottom: data, top: conv,
   convolution_param: {num_output: 2, kernel_size: 3, weight_filler: {type: xavier}}}
- {name: relu, type: ReLU, bottom: conv, top: conv}
- {name: pool, type: Pooling, bottom: conv, top: pool, pooling_param: {global_pooling: true}}
- {name: fc, type: InnerProduct, bottom: pool, top: fc,
   inner_product_param: {num_output: 2, weight_filler: {type: xavier}}}
- {name: loss, type: SoftmaxWithLoss, bottom: [fc, label], top: loss, include: {phase: TRAIN}}
- {name: accuracy, type: Accuracy, bottom: [fc, label], top: accuracy, include: {phase: TEST}}
"""


def write(folder, count=40, classes=3, size=(3, 8, 8)):
    rng = np.random.default_rng(0)
    write_values(
        folder,
        [
            (f"{n:08d}_{n}".encode(), write_raw(rng.integers(0, 256, size, np.uint8), n % classes))
            for n in range(count)
        ],
    )
    (folder / "dataset.yaml").write_text(
        "class_name: [ant, bee, cow]\nequalize: true\nsource: x\ncount: {train: 40}\n"
    )
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "db")
    (tmp_path / "net.yaml").write_text(NET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def places(path="chosen.txt"):
    return list(map(int, Path(path).read_text().split()))


def told(capsys):
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("folder")
def test_a_list_an_lmdb_and_a_picture(capsys):
    words = ["--lmdb", "db", "--count", "4", "--method", "farthest"]
    main([*words, "--out", "chosen.txt", "--out-lmdb", "few", "--sheet", "few.png"])
    lines = told(capsys)
    assert lines[0] == (
        "40 records of 3 classes; 192 features of each (pixels), euclidean distance"
    )
    assert lines[-3:] == [
        "written  chosen.txt: 12 records, by farthest", "written  few", "written  few.png"
    ]  # fmt: skip
    chosen = places()
    assert chosen == sorted(set(chosen))
    with Reader("db") as every, Reader("few") as few:
        assert list(few.items()) == [(every.keys[at], every.get(at)) for at in chosen]
    found = read_message("few/dataset.yaml", DatasetParameter()).message
    assert (found.equalize, list(found.class_name)) == (True, ["ant", "bee", "cow"])
    assert (found.count.train, list(found.count.per_class_train)) == (12, [4, 4, 4])
    assert found.source == "12 records by farthest, seed 0, of db"
    sheet = cv2.imread("few.png")
    assert sheet.std() > 30
    # a Data layer takes the list
    text = 'data_param { source: "db" index_file: "chosen.txt" batch_size: 12 backend: LMDB }'
    opened = source(layer(text), Path())
    assert labels_of(opened.next().blobs["label"]) == [at % 3 for at in chosen]
    opened.close()


@pytest.mark.usefixtures("folder")
def test_comparing_writes_nothing_unless_asked(capsys):
    before = sorted(Path().rglob("*"))
    main(["--lmdb", "db", "--total", "10", "--compare", "--draws", "50"])
    names = [line.split()[0] for line in told(capsys)[2:8]]
    assert names == ["random", "draws", "farthest", "annealing", "exchange", "representative"]
    assert sorted(Path().rglob("*")) == before
    main(["--lmdb", "db", "--total", "10", "--compare", "--draws", "50", "--out", "x"])
    assert [sum(at % 3 == label for at in places("x")) for label in range(3)] == [4, 3, 3]


@pytest.mark.usefixtures("folder")
def test_features_of_a_net_and_of_a_file(capsys):
    (Path("solver.yaml")).write_text(
        "train_net: net.yaml\nbase_lr: 0.01\nlr_policy: fixed\nmax_iter: 1\nsnapshot_prefix: run\n"
    )
    # the net's own data have two classes
    write(Path("two"), classes=2)
    Path("net2.yaml").write_text(NET.replace("source: db", "source: two"))
    train("solver.yaml", Options(overrides=["train_net=net2.yaml"]))
    net = ["--model", "net.yaml", "--weights", "run_iter_1.caffemodel"]
    words = ["--lmdb", "db", "--count", "3", "--distance", "cosine"]
    main([*words, *net, "--blob", "conv", "--out", "a", "--write-features", "conv.npz"])
    assert "32 features of each (conv), cosine distance" in told(capsys)[0]
    main([*words, "--features", "conv.npz", "--out", "b"])
    assert places("a") == places("b")
    main([*words, *net, "--out", "c"])
    assert "; 2 features of each (pool)" in "".join(told(capsys))
    main([*words, *net, "--blob", "conv", "--side", "12", "--out", "d"])
    assert "200 features of each (conv)" in told(capsys)[0]


@pytest.mark.usefixtures("folder")
def test_a_blob_is_that_of_the_test_phase():
    wanted = NetFeatures(read_net("net.yaml"), blob="same")
    _, table = net_features("db", wanted)
    with Reader("db") as reader:
        pictures = np.stack([read_example(value).array for value in reader])
    expected = (pictures[:, :, 1:7, 1:7].astype(np.float32) - 100) * 0.02
    np.testing.assert_allclose(table, expected.reshape(40, -1), atol=1e-5)
    large = net_features("db", NetFeatures(read_net("net.yaml"), blob="same", side=16))[1]
    assert large.shape == (40, 3 * 16 * 16)
    assert large.mean() == pytest.approx(((pictures.astype(float) - 100) * 0.02).mean(), abs=0.02)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ([], "nothing to do; give --out"),
        (["--out", "x", "--count", "14"], "class 1 has 13 records, 14 are wanted"),
        (["--out", "x", "--total", "2"], "--total: not allowed with argument --count"),
        (["--out", "x", "--features", "none.npz"], "none.npz: cannot be read"),
        (["--out", "x", "--features", "net.yaml"], "net.yaml: no .npz of arrays"),
        (["--out", "x", "--features", "short.npz"], "short.npz: 3 x 2 features for 40 records"),
        (["--out", "x", "--features", "two.npz"], "two.npz: several arrays; --blob: it has a, b"),
        (["--out", "x", "--features", "two.npz", "--blob", "c"], 'no array "c"'),
        (["--out", "x", "--model", "net.yaml", "--features", "pixels"], "keep one of them"),
        (["--out", "x", "--model", "net.yaml", "--blob", "cnv"], 'makes no blob "cnv"; did you'),
        (["--out", "x", "--model", "none.yaml"], "none.yaml: no such file"),
        (["--out", "x", "--model", "deploy.yaml"], "needs one Data layer in its TEST phase"),
        (["--out-lmdb", "db", "--count", "1"], "db: exists already"),
        (["--out", "x", "--lmdb", "nowhere"], "nowhere: no such LMDB"),
        (["--out", "x", "--lmdb", "several"], "several: record 0 has several labels"),
        (["--out", "x", "--lmdb", "sizes"], "sizes, record 1: holds 3 numbers, .* before it 12"),
        (["--out", "x", "--weight", "-1"], "--weight"),
        (["--out", "x", "--count", "0"], "--count"),
    ],
)
def test_faults_are_one_line(words, fault, folder):
    np.savez("short.npz", a=np.zeros((3, 2)))
    np.savez("two.npz", a=np.zeros((40, 2)), b=np.zeros((40, 2)))
    Path("deploy.yaml").write_text(
        "layer:\n- {name: a, type: Input, top: data, input_param: {shape: {dim: [1, 2]}}}\n"
    )
    for name, records in {
        "several": [write_raw(np.zeros((3, 2, 2), np.uint8), 0, [1, 0])],
        "sizes": [write_raw(np.zeros((3, side, side), np.uint8), 0) for side in (2, 1)],
    }.items():
        write_values(folder / name, [(str(at).encode(), value) for at, value in enumerate(records)])
    with pytest.raises((CatdogError, DataError), match=fault) as caught:
        main(["--lmdb", "db", "--count", "1", *words])
    assert str(caught.value).count("\n") == 0
    assert not (folder / "x").exists()
