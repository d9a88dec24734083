"""Sources of a label for each pixel: HED's, SegNet's and DeepLab's, against plain NumPy."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from catdog.errors import DataError, LayerError
from catdog.proto.caffe_pb2 import LayerParameter
from tests.data.sources.build import layer, pictures, source, train_source

SIZE = (10, 14)


def shown(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    return pictures(number + 1, (*size, 3))[number]


def label_image(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.random.default_rng(100 + number).integers(0, 256, size, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    lines = []
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"files/{number}.png"), shown(number))
        cv2.imwrite(str(tmp_path / f"files/{number}_l.png"), label_image(number))
        lines.append(f"{number}.png {number}_l.png")
    (tmp_path / "list.txt").write_text("\n".join(lines) + "\n\n")
    (tmp_path / "numbers.txt").write_text("0.png 4\n1.png 0\n")
    (tmp_path / "names.txt").write_text("0.png\n1.png\n")
    return tmp_path


def dense(more: str = "", transform: str = "", batch: int = 2) -> LayerParameter:
    return layer(
        f'dense_image_data_param {{ source: "list.txt" root_folder: "files" batch_size: {batch} '
        f"{more} }} transform_param {{ {transform} }}",
        "DenseImageData",
    )


def edges(more: str = "", transform: str = "", batch: int = 2) -> LayerParameter:
    return layer(
        f'image_data_param {{ source: "list.txt" root_folder: "files/" batch_size: {batch} '
        f"{more} }} transform_param {{ {transform} }}",
        "ImageLabelmapData",
    )


def seg(more: str, transform: str = "", batch: int = 2, tops: int = 3, listed: str = "list.txt"):
    return layer(
        f'image_data_param {{ source: "{listed}" root_folder: "files/" batch_size: {batch} '
        f"{more} }} transform_param {{ {transform} }}",
        "ImageSegData",
        ("data", "label", "size")[:tops],
    )


def planes(picture: np.ndarray) -> np.ndarray:
    return picture.transpose(2, 0, 1)


def test_labels_keep_their_values_without_mean_and_scale(folder: Path) -> None:
    opened = source(dense(transform="mean_value: 100 scale: 0.5"), folder)
    assert opened.shapes == {"data": (2, 3, *SIZE), "label": (2, 1, *SIZE)}
    assert opened.size == 3
    for numbers in ((0, 1), (2, 0)):
        found = opened.finish(opened.next())
        for at, number in enumerate(numbers):
            want = (planes(shown(number)).astype(np.float32) - 100) * 0.5
            np.testing.assert_allclose(found["data"][at], want)
            np.testing.assert_array_equal(found["label"][at, 0], label_image(number))
    assert found["label"].dtype == torch.float32
    opened.close()


def test_a_label_is_resized_by_the_nearest_neighbour(folder: Path) -> None:
    opened = source(dense("new_height: 25 new_width: 9"), folder)
    blobs = opened.next().blobs
    want = cv2.resize(shown(1), (9, 25), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(blobs["data"][1], planes(want))
    want = cv2.resize(label_image(1), (9, 25), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(blobs["label"][1, 0], want)
    opened.close()


@pytest.mark.parametrize("own", [True, False])
def test_picture_and_labels_are_cut_and_mirrored_alike(folder: Path, own: bool) -> None:
    rules = "crop_height: 6 crop_width: 5 mirror: true"
    opened = train_source(dense(rules) if own else dense(transform=rules), folder, seed=1)
    assert opened.shapes == {"data": (2, 3, 6, 5), "label": (2, 1, 6, 5)}
    cuts = set()
    for _ in range(12):
        start = opened.position
        batch = opened.next()
        for at, cut in enumerate(batch.draw):
            number = (start + at) % 3
            rows, columns = slice(cut.top, cut.top + 6), slice(cut.left, cut.left + 5)
            step = -1 if cut.mirrored else 1
            want = planes(shown(number))[:, rows, columns][..., ::step]
            np.testing.assert_array_equal(batch.blobs["data"][at], want)
            want = label_image(number)[rows, columns][:, ::step]
            np.testing.assert_array_equal(batch.blobs["label"][at, 0], want)
            cuts.add(cut)
    assert len(cuts) > 15
    opened.close()
    tested = source(dense(rules), folder)
    assert {(cut.top, cut.left) for cut in tested.next().draw} == {(2, 4)}
    tested.close()


def test_edges_are_where_the_label_image_is_128_or_more(folder: Path) -> None:
    opened = source(edges(), folder)
    found = opened.next().blobs
    np.testing.assert_array_equal(found["label"][1, 0], label_image(1) >= 128)
    np.testing.assert_array_equal(found["data"][1], planes(shown(1)))
    np.testing.assert_array_equal(found["label"][1, 0], np.rint(label_image(1) / 255))
    opened.close()
    opened = source(edges("new_height: 7 new_width: 20 is_color: false"), folder)
    assert opened.shapes == {"data": (2, 1, 7, 20), "label": (2, 1, 7, 20)}
    found = opened.next().blobs
    resized = cv2.resize(label_image(0), (20, 7), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(found["label"][0, 0], resized >= 128)
    opened.close()


def test_label_types_of_deeplab(folder: Path) -> None:
    opened = source(seg("label_type: PIXEL"), folder)
    assert opened.shapes["size"] == (2, 1, 1, 2)
    found = opened.next().blobs
    np.testing.assert_array_equal(found["label"][1, 0], label_image(1))
    assert found["size"].tolist() == [[[[10, 14]]]] * 2
    opened.close()
    opened = source(seg("", listed="numbers.txt"), folder)
    found = opened.next().blobs
    assert [set(each.flatten().tolist()) for each in found["label"]] == [{4.0}, {0.0}]
    opened.close()
    opened = source(seg("label_type: NONE ignore_label: 7", listed="names.txt", tops=2), folder)
    found = opened.next().blobs
    assert set(found) == {"data", "label"}
    assert set(found["label"].flatten().tolist()) == {7.0}
    opened.close()


def test_padding_has_the_mean_and_the_label_to_ignore(folder: Path) -> None:
    transform = "crop_height: 12 crop_width: 9 mean_value: [1, 2, 3]"
    opened = source(seg("label_type: PIXEL", transform), folder)
    batch = opened.next()
    found = opened.finish(batch)
    assert found["data"].shape == (2, 3, 12, 9)
    assert (batch.draw[0].top, batch.draw[0].left) == (0, 2)
    want = planes(shown(0)[:, 2:11].astype(np.float32) - np.array([1, 2, 3], np.float32))
    np.testing.assert_array_equal(found["data"][0, :, :10], want)
    assert not found["data"][0, :, 10:].any()
    np.testing.assert_array_equal(found["label"][0, 0, :10], label_image(0)[:, 2:11])
    assert set(found["label"][0, 0, 10:].flatten().tolist()) == {255.0}
    assert found["size"].tolist() == [[[[10, 9]]]] * 2
    opened.close()


def test_one_of_the_scale_factors_is_drawn(folder: Path) -> None:
    rules = "crop_size: 30 scale_factors: 0.5 scale_factors: 2 mean_value: 0"
    opened = train_source(seg("label_type: PIXEL", rules, batch=1), folder)
    drawn = []
    for _ in range(24):
        number = opened.position
        found = opened.next().blobs
        for factor in (0.5, 2):
            picture, labels = shown(number), label_image(number)
            high, wide = int(10 * factor), int(14 * factor)
            linear, nearest = cv2.INTER_LINEAR, cv2.INTER_NEAREST
            picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=linear)
            labels = cv2.resize(labels, None, fx=factor, fy=factor, interpolation=nearest)
            seen = found["data"][0, :, :high, :wide].numpy()
            if np.array_equal(seen, planes(picture)):
                drawn.append(factor)
                np.testing.assert_array_equal(found["label"][0, 0, :high, :wide], labels)
                assert (found["label"][0, 0, high:] == 255).all()
    assert len(drawn) == 24
    assert 6 < drawn.count(2) < 18
    opened.close()


def test_a_resumed_source_gives_the_same_batches(folder: Path) -> None:
    rules = "crop_size: 6 mirror: true scale_factors: [0.75, 1, 1.5]"
    made = seg("label_type: PIXEL shuffle: true", rules)
    whole = train_source(made, folder, seed=3)
    states, batches = [], []
    for _ in range(6):
        states.append(whole.state())
        batches.append(whole.next().blobs)
    later = train_source(made, folder)
    later.load_state(states[3])
    for want in batches[3:]:
        found = later.next().blobs
        assert all(torch.equal(found[name], want[name]) for name in want)
    whole.close()
    later.close()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (dense(batch=0), "batch_size of at least 1"),
        (dense("new_height: 3"), "needs both of new_height and new_width"),
        (dense("crop_height: 3"), "needs both of crop_height and crop_width"),
        (dense(transform="crop_size: 3", more="crop_height: 3 crop_width: 3"), "crop_size and"),
        (dense(transform="force_color: true"), "does not take force_color"),
        (dense(transform="augment_param { zoom: 0.1 }"), "does not take augment_param"),
        (edges(transform="scale_factors: 2"), "ImageSegData does"),
        (seg("", "scale_factors: 0"), "a scale factor of 0"),
        (seg("ignore_label: 300"), "an ignore_label from 0 to 255"),
    ],
)
def test_what_cannot_work_is_refused(folder: Path, made: LayerParameter, words: str) -> None:
    with pytest.raises(LayerError) as caught:
        source(made, folder)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_number_where_an_image_should_be(folder: Path) -> None:
    opened = source(seg(""), folder)
    with pytest.raises(DataError, match=r'the label "0_l.png" of 0.png is no number from 0 to 255'):
        opened.next()
    opened.close()


def test_a_line_of_one_word_and_an_empty_list(folder: Path) -> None:
    (folder / "list.txt").write_text("0.png 0_l.png\n1.png\n")
    with pytest.raises(DataError, match=r'list.txt:2: "1.png" names a picture and nothing else'):
        source(dense(), folder)
    (folder / "list.txt").write_text("\n \n")
    with pytest.raises(DataError, match="names no pictures"):
        source(dense(), folder)


def test_a_label_image_of_another_size(folder: Path) -> None:
    cv2.imwrite(str(folder / "files/1_l.png"), label_image(1, (5, 6)))
    opened = source(dense(), folder)
    with pytest.raises(DataError, match=r"1_l.png: is 5 x 6, its picture 1.png is 10 x 14"):
        opened.next()
    opened.close()
    (folder / "files/1_l.png").unlink()
    opened = source(edges(), folder)
    with pytest.raises(DataError, match=r"1_l.png"):
        opened.next()
    opened.close()
