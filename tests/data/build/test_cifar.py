"""CIFAR-10's batches, pickled and binary, down to the pixels; files that are none."""

import builtins
import contextlib
import copyreg
import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.data.build.cifar import CLASSES, find_cifar, read_cifar
from catdog.errors import DataError

TRAIN = [f"data_batch_{n}" for n in range(1, 6)]
NDARRAY = b"cnumpy\nndarray\n"


def batches(each=4):
    """{name: (pixels, labels)} with other pixels in each."""
    rng = np.random.default_rng(0)
    return {
        name: (rng.integers(0, 256, (each, 3072), np.uint8), rng.integers(0, 10, each).tolist())
        for name in [*TRAIN, "test_batch"]
    }


def write_pickled(root, content, names=True):
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, (pixels, labels) in content.items():
        batch = {b"data": pixels, b"labels": labels, b"batch_label": name.encode()}
        if names:
            batch[b"filenames"] = [f"a_{at}.png".encode() for at in range(len(labels))]
        (folder / name).write_bytes(pickle.dumps(batch, 2))
    return folder


def write_binary(root, content):
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, (pixels, labels) in content.items():
        records = np.concatenate([np.array(labels, np.uint8)[:, None], pixels], 1)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    return folder


@pytest.mark.parametrize("write", [write_pickled, write_binary])
def test_pixels_labels_and_parts(write, tmp_path):
    content = batches()
    folder = write(tmp_path, content)
    assert find_cifar(tmp_path) == find_cifar(folder) == folder
    listing = read_cifar(folder)
    assert listing.classes == list(CLASSES) == sorted(CLASSES)
    assert listing.validation is None
    assert [len(listing.train), len(listing.test)] == [20, 4]
    for photos, names in ((listing.train, TRAIN), (listing.test, ["test_batch"])):
        pixels = np.concatenate([content[name][0] for name in names])
        labels = [label for name in names for label in content[name][1]]
        assert [photo.label for photo in photos] == labels
        for photo, row in zip(photos, pixels, strict=True):
            red, green, blue = row.reshape(3, 32, 32)
            assert (photo.pixels == np.dstack([blue, green, red])).all()
    assert len({photo.name for photo in listing.train}) == 20


def test_names(tmp_path):
    assert (
        read_cifar(write_pickled(tmp_path / "a", batches())).train[5].name == "data_batch_2/a_1.png"
    )
    nameless = write_pickled(tmp_path / "b", batches(), names=False)
    assert read_cifar(nameless).train[5].name == "data_batch_2/00001"
    assert read_cifar(write_binary(tmp_path, batches())).test[3].name == "test_batch/00003"


def test_without_a_test_batch_and_without_any(tmp_path):
    folder = write_binary(tmp_path, batches())
    (folder / "test_batch.bin").unlink()
    assert read_cifar(folder).test is None
    (folder / "data_batch_1.bin").unlink()
    assert find_cifar(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data_batch_2", None, r"data_batch_2: cannot be read \(No such file"),
        ("data_batch_2", b"", "no pickle of plain values"),
        ("data_batch_2", pickle.dumps([1, 2]), "no batch of CIFAR-10: no dict with data"),
        ("data_batch_2", pickle.dumps({b"data": np.zeros((2, 9), np.uint8), b"labels": [1, 2]}),
         "no batch of CIFAR-10"),
        ("data_batch_2", pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [10]}),
         "has label 10, CIFAR-10 has 0 to 9"),
        ("data_batch_2", pickle.dumps({b"data": print}), "it names builtins.print"),
    ],
)  # fmt: skip
def test_faults_of_pickled_ones(name, content, words, tmp_path):
    folder = write_pickled(tmp_path, batches())
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_cifar(folder)
    assert caught.value.where == str(folder / name)


def read_batch(root, data):
    """The photos of a training batch with this content, the others have none."""
    (root / TRAIN[0]).write_bytes(data)
    for name in TRAIN[1:]:
        if not (root / name).exists():
            (root / name).write_bytes(
                pickle.dumps({"data": np.zeros((0, 3072), "u1"), "labels": []})
            )
    return read_cifar(root).train


def refusal(root, data):
    """The one line about a batch with this content."""
    with pytest.raises(DataError) as caught:
        read_batch(root, data)
    assert caught.value.where == str(root / TRAIN[0])
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", "CF")
def test_batches_of_all_protocols(protocol, order, tmp_path):
    pixels, labels = batches()["data_batch_1"]
    content = {"data": np.array(pixels, order=order), "labels": labels, "batch_label": b""}
    names = ["a", b"b", "ü", "d"]
    for key in (str, str.encode):
        batch = {key(name): value for name, value in content.items()}
        photos = read_batch(tmp_path, pickle.dumps(batch | {b"filenames": names}, protocol))
        assert [photo.name for photo in photos] == [f"data_batch_1/{name}" for name in "abüd"]
        assert [photo.label for photo in photos] == labels
        planes = [photo.pixels[:, :, ::-1].transpose(2, 0, 1).ravel() for photo in photos]
        assert np.array_equal(planes, pixels)


def python2(pixels, labels):
    """A batch as Python 2 wrote CIFAR's: texts of bytes, an array by numpy.core.multiarray."""
    return (
        b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x05batchq\x03U\x06labelsq\x04]q\x05("
        + b"".join(b"K" + bytes([label]) for label in labels)
        + b"eU\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07"
        + NDARRAY
        + b"q\x08K\x00\x85U\x01b\x87Rq\x09(K\x01K"
        + bytes([len(pixels)])
        + b"M\x00\x0c\x86"
        + dtype(flags=0)
        + b"\x89T"
        + struct.pack("<i", pixels.nbytes)
        + pixels.tobytes()
        + b"tbu."
    )


def dtype(flags):
    """numpy.dtype("u1"), with these flags in its state."""
    state = b"K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK" + bytes([flags])
    return b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(" + state + b"tb"


def test_what_python_2_wrote(tmp_path):
    pixels, labels = batches()["data_batch_1"]
    data = python2(pixels, labels)
    expected = pickle.loads(data, encoding="bytes")
    assert np.array_equal(expected[b"data"], pixels)
    assert expected[b"labels"] == labels
    photos = read_batch(tmp_path, data)
    assert [photo.label for photo in photos] == labels
    planes = [photo.pixels[:, :, ::-1].transpose(2, 0, 1).ravel() for photo in photos]
    assert np.array_equal(planes, pixels)


class Reduced:
    """Pickled as a call of a function, with the state that is set then."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


EXECUTED = "raise AssertionError('executed')"


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Reduced(os.system, ("exit 1",)), "system"),
        (Reduced(builtins.eval, (EXECUTED,)), "eval"),
        (Reduced(builtins.exec, (EXECUTED,)), "exec"),
        ({b"labels": [({"x": [Reduced(builtins.exec, (EXECUTED,))]},)]}, "exec"),
        (Reduced(getattr, (np.ndarray, "tofile")), "getattr"),
        (Reduced(np.load, ("x", None, True)), "load"),
        (Reduced(np.fromfile, ("x",)), "fromfile"),
        (Reduced(copyreg._reconstructor, (Reduced, object, None)), "_reconstructor"),
        (Reduced(copyreg.__newobj__, (Reduced,)), ""),
        (Reduced(copyreg.add_extension, ("os", "system", 1)), "add_extension"),
        (Reduced(print, ()), "print"),
        (DataError("x"), "DataError"),
        (print, "print"),
    ],
)  # fmt: skip
def test_nothing_is_executed(protocol, value, name, tmp_path):
    data = pickle.dumps({b"data": np.zeros((0, 3072), np.uint8), b"x": value}, protocol)
    assert "it names " in (words := refusal(tmp_path, data))
    assert f".{name}" in words


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x80\x02cos\nsystem\nU\x04exit\x85R.", "it names os.system"),
        (b"(S'exit'\nios\nsystem\n.", "it names os.system"),
        (b"(cos\nsystem\nU\x04exito.", "it names os.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "it names builtins.eval"),
        (b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.", "it names numpy.ndarray.tofile"),
        (b"\x80\x02cnumpy\nndarray\x1b[31m\n.", r"numpy.ndarray\x1b[31m"),
        (b"\x80\x02\x82\x01.", "unregistered extension code 1"),
        (b"\x80\x02U\x01xQ.", "persistent"),
        (b"P1\n.", "persistent"),
        (NDARRAY + b")\x81.", "NEWOBJ"),
        (NDARRAY + b"}b.", "no batch of CIFAR-10"),
        (NDARRAY + b"N}X\x0c\0\0\0__defaults__)s\x86b.", "no batch of CIFAR-10"),
        (NDARRAY + b"N}X\x04\0\0\0nameK\x01s\x86b.", "no batch of CIFAR-10"),
        (b"]N}X\x09\0\0\0__class__K\x01s\x86b.", "no pickle"),
        (b"\x80\x02]q\x00h\x00a.", "no batch of CIFAR-10"),
        (b"S'\\d'\n.", "no batch of CIFAR-10"),
        (b"\x80\x02N", "pickle exhausted before seeing STOP"),
        (b"\x80\x7f.", "unsupported pickle protocol: 127"),
        (b"", "no pickle of plain values"),
    ],
)  # fmt: skip
def test_handmade_pickles_are_refused(data, why, tmp_path):
    assert why in refusal(tmp_path, data)


def test_what_a_pickle_sets_is_not_kept(tmp_path):
    """The state of a function or dtype that a pickle names is that pickle's own."""
    refusal(tmp_path, NDARRAY + b"N}X\x0c\0\0\0__defaults__)s\x86b.")
    assert pickle.loads(dtype(flags=63) + b".", encoding="bytes").hasobject
    refusal(tmp_path, dtype(flags=63) + b".")
    assert not np.dtype("u1").hasobject
    assert len(read_batch(tmp_path, python2(*batches()["data_batch_1"]))) == 4


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"Np2147483647\n.",
        b"Np99999999999999999999\n.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b".",
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b".",
        b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
        b"\x80\x02T\xff\xff\xff\x7f.",
        b"\x80\x02\x8b\xff\xff\xff\x7f.",
        b"I" + b"9" * 5000 + b"\n.",
        b"cnumpy.core.multiarray\n_reconstruct\n(" + NDARRAY + b"(I1099511627776\ntU\x01btR.",
        b"(U\x06labels](\x8a\xff" + b"\x7f" * 255 + b"eU\x04dataNd.",
    ],
)
def test_huge_sizes_take_no_memory(data, tmp_path):
    tracemalloc.start()
    refusal(tmp_path, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_many_references_to_one_text_take_no_memory(tmp_path):
    """Bytes that Python 3 wrote as a text for Python 2, a million of them ten thousand times."""
    text = b"X" + struct.pack("<I", 2**20) + b"x" * 2**20
    encode = (
        b"c_codecs\nencode\nq\x00" + text + b"X\x06\0\0\0latin1\x86q\x01R" + b"h\x00h\x01R" * 10**4
    )
    tracemalloc.start()
    refusal(tmp_path, b"\x80\x02(" + encode + b"t.")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**25


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("batches")


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_damaged_batch_is_read_or_one_line(folder, data):
    protocol = data.draw(st.integers(0, 5))
    batch = {"data": np.zeros((1, 3072), np.uint8), "labels": [1], "filenames": [b"a.png"]}
    whole = bytearray(pickle.dumps(batch, protocol))
    # not among the pixels, which are most of it
    places = [at for at in range(len(whole)) if whole[max(0, at - 20) : at + 1].strip(b"\0")]
    for at in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        whole[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        read_batch(folder, bytes(whole))
    refusal(folder, bytes(whole[: data.draw(st.sampled_from(places[:-1]))]))


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_refused(folder, data):
    refusal(folder, data)
    refusal(folder, b"\x80\x04" + data)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", [1.0]),
        ("labels", [10**5000]),
        ("labels", 1),
        ("filenames", 5),
        ("filenames", ["a", "b"]),
        ("data", np.zeros((1, 3072), np.int8)),
        ("data", np.zeros((1, 3072), object)),
        ("data", np.zeros((1, 3072), "V1")),
        ("data", np.zeros((3072, 1), np.uint8)),
        ("data", [0] * 3072),
        ("data", np.uint8),
    ],
)
def test_other_dicts_are_no_batches(name, value, tmp_path):
    batch = {"data": np.zeros((1, 3072), np.uint8), "labels": [1], "filenames": [b"a.png"]}
    assert read_batch(tmp_path, pickle.dumps(batch))
    words = refusal(tmp_path, pickle.dumps(batch | {name: value}))
    assert "no batch of CIFAR-10: no dict with data" in words or "it names " in words


@pytest.mark.parametrize("length", [0, 3072, 3074])
def test_faults_of_binary_ones(length, tmp_path):
    folder = write_binary(tmp_path, batches())
    (folder / "data_batch_3.bin").write_bytes(bytes(length))
    with pytest.raises(DataError, match=f"{length} bytes are not pictures of 3073"):
        read_cifar(folder)
