"""cache: DEVICE gives what no cache gives, batch for batch."""

import numpy as np
import pytest
import torch

from catdog.data.datum import array_to_datum
from catdog.data.feed import Feed
from catdog.data.sources.resident import cut
from catdog.data.transform import Cut
from catdog.errors import DataError
from tests.data.sources.build import layer, pictures, train_source, write_lmdb, write_values

CROP = "crop_size: 5 mirror: true mean_value: 100 scale: 0.5"
AUGMENTED = "crop_size: 5 augment_param { rotate: 20 mixup: 0.5 num_classes: 10 }"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resident")
    write_lmdb(folder / "raw", pictures(10))
    write_lmdb(folder / "encoded", pictures(10), encoded=True)
    write_lmdb(folder / "mixed", [*pictures(2), *pictures(1, (3, 8, 11))])
    floats = array_to_datum(np.zeros((3, 8, 10), np.float32))
    write_values(folder / "floats", [(b"0", floats.SerializeToString())])
    (folder / "chosen.txt").write_text("7\n2\n2\n9\n0\n")
    return folder


def feed(folder, cache, name="raw", transform=CROP, more="shuffle: true"):
    text = f'data_param {{ source: "{name}" batch_size: 4 cache: {cache} {more} }}'
    return Feed([train_source(layer(f"{text} transform_param {{ {transform} }}"), folder)])


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[top], other[top]) for top in one)


@pytest.mark.parametrize("name", ["raw", "encoded"])
@pytest.mark.parametrize("transform", ["", CROP, AUGMENTED])
@pytest.mark.parametrize("more", ["", "shuffle: true", 'index_file: "chosen.txt"'])
def test_batches_and_states_are_those_without_it(folder, name, transform, more):
    kept, plain = (feed(folder, c, name, transform, more) for c in ("DEVICE", "NONE"))
    with kept, plain:
        for _ in range(6):
            assert same(kept.next(), plain.next())
            assert kept.state() == plain.state()
        passes = zip(kept.one_pass(), plain.one_pass(), strict=True)
        assert all(same(one, other) for one, other in passes)


def test_a_resume_goes_on_as_without_it(folder):
    with feed(folder, "NONE") as plain, feed(folder, "DEVICE") as kept:
        for _ in range(3):
            plain.next()
        kept.load_state(plain.state())
        for _ in range(4):
            assert same(kept.next(), plain.next())


def test_cuts_by_index_are_those_of_slices():
    stored = torch.from_numpy(np.stack(pictures(4)))
    draw = (Cut(0, 0, False), Cut(3, 5, True), Cut(1, 2, True), Cut(2, 4, False))
    rows = torch.tensor([3, 0, 0, 2])
    expected = [
        part.flip(-1) if one.mirrored else part
        for row, one in zip(rows.tolist(), draw, strict=True)
        for part in [stored[row, :, one.top : one.top + 5, one.left : one.left + 5]]
    ]
    assert torch.equal(cut(stored, rows, draw, 5, 5), torch.stack(expected))


def test_what_cannot_be_kept_is_refused(folder):
    with (
        feed(folder, "DEVICE", "mixed") as mixed,
        pytest.raises(DataError, match="record 2 is 3 x"),
    ):
        mixed.next()
    with feed(folder, "DEVICE", "floats") as floats, pytest.raises(DataError, match="float32"):
        floats.next()
