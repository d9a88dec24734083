"""AnnotatedData: the LMDB, labels of a batch, what is refused, that a resume is exact."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from catdog.data.label_map import read_label_map
from catdog.data.sources import Context, open_source
from catdog.errors import DataError, LayerError
from catdog.proto.caffe_pb2 import AnnotatedDatum, Datum
from tests.data.sources.build import (
    inside,
    layer,
    pictures,
    source,
    train_source,
    write_lmdb,
    write_values,
)

MAP = 'item { name: "none" label: 0 } item { name: "cat" label: 1 } item { name: "dog" label: 2 }'
#: Of each picture the boxes: label, instance, corners, difficult.
BOXES = [
    [(1, 0, 0.1, 0.2, 0.5, 0.6, False), (1, 1, 0.0, 0.0, 0.25, 0.5, True)],
    [],
    [(2, 0, 0.5, 0.5, 1.0, 1.0, False), (1, 0, 0.25, 0.25, 0.75, 0.75, False)],
]


def annotated(image: np.ndarray, boxes: list, *, encoded: bool = True) -> AnnotatedDatum:
    made = AnnotatedDatum(type=AnnotatedDatum.BBOX)
    if encoded:
        content = cv2.imencode(".png", image.transpose(1, 2, 0))[1].tobytes()
        made.datum.CopyFrom(Datum(data=content, encoded=True, label=5))
    else:
        channels, height, width = image.shape
        made.datum.CopyFrom(
            Datum(channels=channels, height=height, width=width, data=image.tobytes(), label=5)
        )
    for label, instance, xmin, ymin, xmax, ymax, difficult in boxes:
        one = made.annotation_group.add(group_label=label).annotation.add(instance_id=instance)
        one.bbox.xmin, one.bbox.ymin, one.bbox.xmax, one.bbox.ymax = xmin, ymin, xmax, ymax
        one.bbox.difficult = difficult
    return made


def store(folder: Path, values: list[AnnotatedDatum]) -> None:
    pairs = [(f"{i:08d}".encode(), value.SerializeToString()) for i, value in enumerate(values)]
    write_values(folder / "boxes", pairs)


@pytest.fixture(params=[True, False], ids=["encoded", "raw"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    images = pictures(3, (3, 16, 20))
    store(
        tmp_path,
        [annotated(i, b, encoded=request.param) for i, b in zip(images, BOXES, strict=True)],
    )
    (tmp_path / "map.prototxt").write_text(MAP)
    return tmp_path


def boxed(more: str = "", batch: int = 3, transform: str = "", data: str = ""):
    return layer(
        f'data_param {{ source: "boxes" backend: LMDB batch_size: {batch} {data} }} '
        f"annotated_data_param {{ {more} }} transform_param {{ {transform} }}",
        "AnnotatedData",
    )


def rows(*numbers: int) -> np.ndarray:
    found = [(at, *box) for at, number in enumerate(numbers) for box in BOXES[number]]
    return np.array(found, np.float32).reshape(-1, 8)


def test_boxes_of_a_batch_in_order(folder: Path) -> None:
    opened = source(boxed('label_map_file: "map.prototxt"'), folder)
    assert opened.shapes == {"data": (3, 3, 16, 20), "label": (1, 1, 1, 8)}
    batch = opened.next()
    np.testing.assert_array_equal(batch.blobs["data"], np.stack(pictures(3, (3, 16, 20))))
    assert batch.blobs["label"].shape == (1, 1, 4, 8)
    np.testing.assert_allclose(batch.blobs["label"][0, 0], rows(0, 1, 2))
    assert opened.caption(opened.layer) == "batch 3"
    opened.close()


def test_a_batch_without_boxes_has_a_row_of_minus_1(folder: Path) -> None:
    opened = source(boxed(batch=1), folder)
    labels = [opened.next().blobs["label"] for _ in range(4)]
    np.testing.assert_allclose(labels[0][0, 0], rows(0))
    assert labels[1].tolist() == [[[[-1.0] * 8]]]
    np.testing.assert_allclose(labels[2][0, 0], rows(2))
    assert torch.equal(labels[3], labels[0])
    opened.close()


def test_one_pass_takes_every_picture_once(folder: Path) -> None:
    opened = source(boxed(batch=2), folder)
    first, last = (batch.blobs for batch in opened.one_pass())
    np.testing.assert_allclose(first["label"][0, 0], rows(0, 1))
    np.testing.assert_allclose(last["label"][0, 0], rows(2))
    assert last["data"].shape[0] == 1
    opened.close()


def test_resized_cropped_mirrored_with_mean_and_scale(folder: Path) -> None:
    transform = (
        "resize_param { height: 32 width: 40 } crop_h: 16 crop_w: 30 mirror: true "
        "mean_value: [10, 20, 30] scale: 0.5"
    )
    opened = source(boxed(batch=1, transform=transform), folder)
    assert opened.shapes["data"] == (1, 3, 16, 30)
    sides = set()
    for _ in range(12):
        batch = opened.next()
        (cut,) = batch.draw
        assert (cut.top, cut.left) == (8, 5)
        number = (opened.position - 1) % 3
        if not BOXES[number]:
            continue
        sides.add(cut.mirrored)
        image = pictures(3, (3, 16, 20))[number].transpose(1, 2, 0)
        seen = cv2.resize(image, (40, 32))[8:24, 5:35].astype(np.float32)
        want = rows(number)
        want[:, [3, 5]] = np.clip((want[:, [3, 5]] * 40 - 5) / 30, 0, 1)
        want[:, [4, 6]] = np.clip((want[:, [4, 6]] * 32 - 8) / 16, 0, 1)
        if cut.mirrored:
            seen = seen[:, ::-1]
            want[:, [3, 5]] = 1 - want[:, [5, 3]]
        found = opened.finish(batch)
        mean = np.array([10, 20, 30], np.float32)
        np.testing.assert_allclose(found["data"][0], ((seen - mean) * 0.5).transpose(2, 0, 1))
        np.testing.assert_allclose(found["label"][0, 0], want, atol=1e-6)
    assert sides == {True, False}
    opened.close()


SSD = (
    "mirror: true resize_param { height: 24 width: 24 interp_mode: LINEAR interp_mode: AREA } "
    "distort_param { brightness_prob: 0.5 brightness_delta: 32 contrast_prob: 0.5 "
    "contrast_lower: 0.5 contrast_upper: 1.5 hue_prob: 0.5 hue_delta: 18 saturation_prob: 0.5 "
    "saturation_lower: 0.5 saturation_upper: 1.5 random_order_prob: 0.3 } "
    "expand_param { prob: 0.5 max_expand_ratio: 4 } emit_constraint { emit_type: CENTER } "
    "mean_value: [104, 117, 123]"
)
SAMPLERS = (
    "batch_sampler { max_sample: 1 max_trials: 1 } batch_sampler { sampler { min_scale: 0.3 "
    "max_scale: 1 min_aspect_ratio: 0.5 max_aspect_ratio: 2 } sample_constraint { "
    "min_jaccard_overlap: 0.3 } max_sample: 1 max_trials: 50 }"
)


def test_a_resumed_source_gives_the_same_batches(folder: Path) -> None:
    made = boxed(SAMPLERS, batch=2, transform=SSD, data="shuffle: true")
    whole = train_source(made, folder, seed=4)
    batches, states = [], []
    for _ in range(8):
        states.append(whole.state())
        batches.append(whole.finish(whole.next()))
    assert len({float(b["data"].sum()) for b in batches}) == 8
    later = train_source(made, folder)
    later.load_state(states[5])
    for want in batches[5:]:
        found = later.finish(later.next())
        assert torch.equal(found["data"], want["data"])
        assert torch.equal(found["label"], want["label"])
        assert found["label"].shape[1:] == (1, want["label"].shape[2], 8)
    whole.close()
    later.close()


def test_processes_share_the_records(folder: Path) -> None:
    one = train_source(boxed(batch=1), folder, rank=1, world=2)
    np.testing.assert_array_equal(one.next().blobs["data"][0], pictures(3, (3, 16, 20))[1])
    np.testing.assert_array_equal(one.next().blobs["data"][0], pictures(3, (3, 16, 20))[0])
    one.close()


def test_without_boxes_there_is_the_label_of_the_datum(tmp_path: Path) -> None:
    plain = annotated(pictures(1)[0], [])
    plain.ClearField("type")
    store(tmp_path, [plain])
    opened = source(boxed(batch=2), tmp_path)
    assert opened.shapes["label"] == (2,)
    assert opened.next().blobs["label"].tolist() == [5, 5]
    opened.close()
    opened = source(boxed("anno_type: BBOX", batch=1), tmp_path)
    assert opened.next().blobs["label"].shape == (1, 1, 1, 8)
    opened.close()


@pytest.mark.parametrize(
    ("more", "transform", "data", "words"),
    [
        ("batch_sampler { sampler { min_scale: 0 } }", "", "", "scales from 0 to 1"),
        ("batch_sampler { sampler { max_scale: 2 } }", "", "", "scales from 1 to 2"),
        ("batch_sampler { sampler { min_aspect_ratio: 2 } }", "", "", "aspect ratios from 2 to 1"),
        ("batch_sampler { max_trials: 4000000000 }", "", "", "has max_trials 4000000000"),
        ("", "resize_param { height: 3 }", "", "needs a height and a width"),
        ("", "resize_param { height: 3 width: 3 prob: 0.5 }", "", "prob is not supported"),
        ("", "resize_param { height: 3 width: 3 width_scale: 3 }", "", "width_scale is not"),
        ("", "resize_param { height: 3 width: 3 pad_value: [1, 2] }", "", "2 values of pad_value"),
        ("", "distort_param { hue_delta: -1 }", "", "hue_delta must be 0 or more"),
        ("", "distort_param { contrast_lower: 2 }", "", "contrast_lower 2 and contrast_upper 0"),
        ("", "expand_param { max_expand_ratio: 0.5 }", "", "max_expand_ratio must be 1 or more"),
        ("", "noise_param { hist_eq: true }", "", "does not apply noise_param; leave it out"),
        ("", "scale_factors: 2", "", "does not apply scale_factors; ImageSegData does"),
        ("", "augment_param { zoom: 0.1 }", "", "does not take augment_param"),
        ("", "crop_h: 3", "", "needs both of crop_h and crop_w"),
        ("", "crop_size: 3 crop_h: 3 crop_w: 3", "", "has crop_size and crop_h"),
        ("", "", "cache: DEVICE", "does not take cache"),
    ],
)
def test_what_cannot_work_is_refused(
    folder: Path, more: str, transform: str, data: str, words: str
) -> None:
    with pytest.raises(LayerError) as caught:
        source(boxed(more, transform=transform, data=data), folder)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plain_data_layer_does_not_apply_what_moves_boxes(folder: Path) -> None:
    write_lmdb(folder / "plain", pictures(2))
    made = layer(
        'data_param { source: "plain" batch_size: 1 } transform_param { expand_param { } }'
    )
    with pytest.raises(LayerError, match="does not apply expand_param; AnnotatedData does"):
        source(made, folder)


def test_an_lmdb_of_plain_datums_is_told(tmp_path: Path) -> None:
    write_lmdb(tmp_path / "boxes", pictures(2))
    with pytest.raises(DataError, match="has no picture with boxes"):
        source(boxed(), tmp_path)


@pytest.mark.parametrize("name", ["boxes", "boxes/train_lmdb"])
def test_where_there_is_no_lmdb_the_command_is_told(tmp_path: Path, name: str) -> None:
    made = boxed()
    made.data_param.source = name
    made.annotated_data_param.label_map_file = "map.prototxt"
    command = f"`catdog create_annoset LIST {name} --label-map map.prototxt`"
    with pytest.raises(DataError, match=f"no such LMDB; {command} makes one"):
        source(made, tmp_path)


def test_pictures_of_several_sizes_need_a_resize(tmp_path: Path) -> None:
    sizes = ((3, 8, 9), (3, 9, 8))
    store(tmp_path, [annotated(pictures(1, size)[0], []) for size in sizes])
    opened = source(boxed(batch=2), tmp_path)
    with pytest.raises(DataError, match="in one batch"):
        opened.next()
    opened.close()
    opened = source(boxed(batch=2, transform="resize_param { height: 5 width: 5 }"), tmp_path)
    assert opened.next().blobs["data"].shape == (2, 3, 5, 5)
    opened.close()


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((9, 0, 0, 0, 1, 1, False), "a box of label 9, which the label map does not have"),
        ((1, 0, float("nan"), 0, 1, 1, False), "a corner that is no number"),
    ],
)
def test_a_box_that_cannot_be_is_told_with_its_record(
    tmp_path: Path, box: tuple, words: str
) -> None:
    store(tmp_path, [annotated(pictures(1)[0], [box])])
    (tmp_path / "map.prototxt").write_text(MAP)
    opened = source(boxed('label_map_file: "map.prototxt"', batch=1), tmp_path)
    with pytest.raises(DataError) as caught:
        opened.next()
    assert words in str(caught.value) and 'key "00000000"' in str(caught.value)
    opened.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no classes"),
        ("item { nam: 1 }", "is no label map"),
        ('item { name: "a" label: 1 } item { name: "b" label: 1 }', "the label 1 twice"),
        ('item { name: "a" label: 1 } item { name: "a" label: 2 }', 'the name "a"'),
    ],
)
def test_a_label_map_that_is_none(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "map.prototxt"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_label_map(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="no such file"):
        read_label_map(tmp_path / "other")


def test_a_label_map_that_is_not_there_is_told_when_the_layer_opens(folder: Path) -> None:
    made = boxed('label_map_file: "missing.prototxt"')
    with pytest.raises(DataError, match="check label_map_file"):
        open_source(made, Context(locate=inside(folder)))
