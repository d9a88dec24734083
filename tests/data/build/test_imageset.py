"""convert_imageset against what Caffe's own tool wrote."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from catdog.data.build.imageset import PictureFormat, convert, in_runs
from catdog.data.datum import datum_to_array, encoded_datum, parse_datum
from catdog.data.lmdb_store import Reader
from catdog.errors import DataError
from tests.pictures import picture, save_all
from tools import convert_imageset

FORMATS = Path(__file__).parents[2] / "goldens" / "formats"
COMMANDS = json.loads((FORMATS / "commands.json").read_text())
CASES = [name for name, line in COMMANDS.items() if line.startswith("convert_imageset")]


def read(path):
    with Reader(path) as reader:
        return {key.decode(): parse_datum(value) for key, value in reader.items()}


@pytest.mark.parametrize("name", CASES)
def test_is_what_caffe_wrote(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(FORMATS)
    *arguments, target = shlex.split(COMMANDS[name])[1:]
    convert_imageset.main([*arguments, str(tmp_path / target)])
    ours, caffes = read(tmp_path / target), read(FORMATS / target)
    assert f"Processed {len(caffes)} files." in capsys.readouterr().out
    if name == "lmdb_shuffle":  # Caffe's order comes from its own random numbers
        assert list(ours) != sorted(ours, key=lambda key: key[8:])
        ours = {key[8:]: datum for key, datum in ours.items()}
        caffes = {key[8:]: datum for key, datum in caffes.items()}
    assert sorted(ours) == sorted(caffes)
    for key, caffe in caffes.items():
        own = ours[key]
        assert (own.label, own.encoded) == (caffe.label, caffe.encoded)
        assert (own.channels, own.height, own.width) == (caffe.channels, caffe.height, caffe.width)
        jpeg = key.endswith("jpg") or caffe.data.startswith(b"\xff\xd8")
        difference = np.abs(datum_to_array(own).astype(int) - datum_to_array(caffe).astype(int))
        assert difference.max() <= (3 if jpeg else 0)


def test_an_encoded_file_of_the_wanted_type_stays_as_it_is(tmp_path):
    convert(FORMATS, FORMATS / "list.txt", tmp_path / "db", PictureFormat(encoded=True))
    for key, datum in read(tmp_path / "db").items():
        data = (FORMATS / key[9:]).read_bytes()
        assert datum == encoded_datum(data, datum.label)


def folder(tmp_path, lines="a.png 7\nmissing.png 0\nb c.png -1\n"):
    save_all(tmp_path, {"a.png": picture(), "b c.png": picture(20, 30)})
    (tmp_path / "list").write_text(lines)
    return tmp_path


def test_numbers_count_the_files_that_are_left_out(tmp_path):
    done = convert(folder(tmp_path), tmp_path / "list", tmp_path / "new" / "db", PictureFormat())
    assert done.count == 2
    assert done.skipped == [("missing.png", "no such file or directory")]
    found = read(tmp_path / "new" / "db")
    assert {key: datum.label for key, datum in found.items()} == {
        "00000000_a.png": 7,
        "00000002_b c.png": -1,
    }


def test_faults_leave_nothing_behind(tmp_path):
    root = folder(tmp_path)
    before = sorted(root.iterdir())
    with pytest.raises(DataError, match=r"b c\.png: 30 x 20 x 3 where the ones before are 30 x 40"):
        convert(root, root / "list", root / "db", PictureFormat(), check_size=True)
    with pytest.raises(DataError, match='no pictures of type "xyz"'):
        convert(root, root / "list", root / "db", PictureFormat(encoded=True, encode_type="xyz"))
    with pytest.raises(DataError, match="none of 3 files can be read"):
        convert(root / "nowhere", root / "list", root / "db", PictureFormat())
    assert sorted(root.iterdir()) == before
    with pytest.raises(DataError, match="exists already"):
        convert(root, root / "list", root, PictureFormat())


def test_flags_as_caffe_reads_them(tmp_path):
    root = folder(tmp_path, "a.png 1\n")
    convert_imageset.main(["-gray", f"{root}/", str(root / "list"), str(root / "db")])
    convert_imageset.main(
        ["--gray=false", "--encode_type=png", f"{root}/", str(root / "list"), str(root / "db2")]
    )
    (gray,), (png,) = read(root / "db").values(), read(root / "db2").values()
    assert gray.channels == 1
    assert png.encoded


def test_labels_in_runs_are_told_unless_they_are_shuffled(tmp_path, capsys):
    save_all(tmp_path, {f"{n}.png": picture(4, 4, seed=n) for n in range(24)})
    (tmp_path / "list.txt").write_text("".join(f"{n}.png {n // 12}\n" for n in range(24)))
    words = [f"{tmp_path}/", f"{tmp_path}/list.txt"]
    convert_imageset.main([*words, f"{tmp_path}/sorted_lmdb"])
    assert "the labels come in runs" in capsys.readouterr().err
    convert_imageset.main(["--shuffle", *words, f"{tmp_path}/shuffled_lmdb"])
    assert not capsys.readouterr().err


def test_what_runs_are():
    assert in_runs([0] * 63 + [1] * 63)
    assert in_runs([n // 10 for n in range(1000)])
    assert not in_runs([0] * 100)
    assert not in_runs([0] * 5 + [1] * 5)
    assert not in_runs([0, 1] * 30)
    rng = np.random.default_rng(0)
    assert not any(in_runs((rng.random(40) < 0.1).tolist()) for _ in range(50))
