"""ImageData: the list, the root folder, sizes, colours, and files that are no pictures."""

import cv2
import numpy as np
import pytest
import torch

from catdog.errors import DataError, LayerError
from tests.data.sources.build import labels, layer, pictures, source, train_source


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    lines = []
    for number, image in enumerate(pictures(6)):
        name = f"photos/photo {number} ä.png"
        (tmp_path / name).write_bytes(cv2.imencode(".png", image.transpose(1, 2, 0))[1].tobytes())
        lines.append(f"{name} {number - 1}")
    (tmp_path / "list.txt").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    rooted = "\n".join(line.removeprefix("photos/") for line in lines)
    (tmp_path / "rooted.txt").write_text(rooted, encoding="utf-8")
    return tmp_path


def image_data(more="", source="list.txt"):
    return layer(f'image_data_param {{ source: "{source}" batch_size: 4 {more} }}', "ImageData")


def test_files_in_order_with_their_labels(folder):
    opened = source(image_data(), folder)
    batch = opened.next()
    np.testing.assert_array_equal(batch.blobs["data"], np.stack(pictures(6)[:4]))
    assert labels(batch.blobs["label"]) == [-1, 0, 1, 2]
    assert labels(opened.next().blobs["label"]) == [3, 4, -1, 0]
    opened.close()


@pytest.mark.parametrize("root", ["photos/", "photos"])
def test_root_folder(folder, root):
    with_root = source(image_data(f'root_folder: "{root}"', "rooted.txt"), folder)
    without = source(image_data(), folder)
    assert torch.equal(with_root.next().blobs["data"], without.next().blobs["data"])
    with_root.close()
    without.close()


def test_resized_and_gray(folder):
    opened = source(image_data("new_height: 5 new_width: 7 is_color: false"), folder)
    assert opened.shapes["data"] == (4, 1, 5, 7)
    pixels = pictures(6)[2].transpose(1, 2, 0)
    expected = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), (7, 5))
    found = opened.next().blobs["data"][2, 0].numpy().astype(int)
    assert np.abs(found - expected).max() <= 1
    opened.close()


def test_shuffle_and_rand_skip(folder):
    opened = train_source(image_data("shuffle: true"), folder)
    taken = [label for _ in range(3) for label in labels(opened.next().blobs["label"])]
    assert sorted(taken[:6]) == sorted(taken[6:]) == [-1, 0, 1, 2, 3, 4]
    assert taken[:6] != taken[6:]
    opened.close()
    starts = {train_source(image_data("rand_skip: 3"), folder, seed=n).position for n in range(30)}
    assert starts == {0, 1, 2}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("sign", [" ", "\t"])
def test_a_list_as_windows_writes_it(folder, encoding, sign):
    text = "".join(f"photos/photo {n} ä.png{sign}{n}\r\n" for n in range(4))
    (folder / "list.txt").write_bytes(text.encode(encoding))
    opened = source(image_data(), folder)
    assert labels(opened.next().blobs["label"]) == [0, 1, 2, 3]
    opened.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "names no pictures"),
        ("photos/a.png cat\n", r'list.txt:1: "photos/a.png cat" does not end in a label'),
        ("photos/a.png\n", "does not end in a label"),
        ("photos/a.png 4294967299\n", "the label a whole number of 32 bits"),
        ("photos/none.png 0\n", "none.png: cannot be read"),
        ("list.txt 0\n", "list.txt: cannot be decoded"),
        ("empty 0\n", "empty: cannot be decoded"),
    ],
)
def test_lists_and_files_that_are_wrong(folder, content, words):
    (folder / "list.txt").write_text(content)
    (folder / "empty").touch()
    with pytest.raises(DataError, match=words):
        source(image_data(), folder).next()


@pytest.mark.parametrize("name", ["none.txt", "photos"])
def test_a_list_that_is_not_there(folder, name):
    with pytest.raises(DataError, match="list file; check source"):
        source(image_data(source=name), folder)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (image_data("new_height: 4"), "both of new_height and new_width"),
        (layer('image_data_param { source: "list.txt" }', "ImageData", ["data"]), "takes 2"),
        (
            layer(
                'image_data_param { source: "list.txt" } transform_param { force_gray: true }',
                "ImageData",
            ),
            "set is_color",
        ),
    ],
)
def test_what_a_layer_cannot_be(folder, made, words):
    with pytest.raises(LayerError, match=words):
        source(made, folder)
