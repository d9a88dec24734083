"""Photos that are to become a store: their classes, and what becomes of them."""

import base64
import zipfile

import cv2
import numpy as np
import pytest

from catdog.data.build.synthetic import draw_sample
from catdog.errors import CatdogError, DataError
from catdog.studio.place import StudioFolder
from catdog.studio.store_draft import look_at, preview
from catdog.studio.store_words import StoreSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("studio")
    draw_sample(path / "animals", train=12, test=0, seed=1)
    (path / "animals/train/broken.0.jpg").write_bytes(b"no picture")
    (path / "animals/train/list.doc").write_text("x")
    with zipfile.ZipFile(path / "animals.zip", "w") as archive:
        for file in sorted((path / "animals/train").glob("*.*g")):
            archive.write(file, f"{file.stem.split('.')[0]}/{file.name}")
    table = ["file,red,round"]
    for at in range(4):
        name = f"{at}.png"
        (path / "several").mkdir(exist_ok=True)
        cv2.imwrite(str(path / "several" / name), np.full((8, 6, 3), 60 * at, np.uint8))
        table.append(f"{name},{at % 2},{at // 2}")
    (path / "several/labels.csv").write_text("\n".join(table))
    return path


def picture(text, flags=cv2.IMREAD_COLOR):
    return cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), flags)


def test_photos_named_for_their_class(folder):
    found = look_at("animals", StudioFolder(folder))
    assert dict(found.classes) == {"broken": 1, "cat": 6, "dog": 6}
    assert found.photos == 13 and found.skipped[0][0].endswith("list.doc")
    assert "named for their class" in found.layout
    assert (found.data, found.labels) == ("animals", ())


def test_a_zip_is_read_where_it_is(folder):
    before = sorted(folder.rglob("*"))
    found = look_at("animals.zip", StudioFolder(folder))
    assert dict(found.classes) == {"broken": 1, "cat": 6, "dog": 6}
    assert any(
        each.before for each in preview("animals.zip", StudioFolder(folder), StoreSettings())
    )
    assert sorted(folder.rglob("*")) == before


def test_several_labels(folder):
    found = look_at("several", StudioFolder(folder))
    assert found.several and dict(found.classes) == {"red": 2, "round": 2}
    assert found.labels == ("--labels", "several/labels.csv")
    labels = {
        each.name: each.label for each in preview("several", StudioFolder(folder), StoreSettings())
    }
    assert labels["3.png"] == "red, round" and labels["0.png"] == ""


def test_a_preview_is_what_is_stored(folder):
    asked = StoreSettings(width=120, height=120, resize="PAD", equalize=False)
    (photo, *_) = [
        each for each in preview("several", StudioFolder(folder), asked, count=4) if each.before
    ]
    assert photo.size == (6, 8)
    # 8 high, 6 wide: in the middle of the square, padded with its mean, which is its colour
    assert picture(photo.after).shape == (240, 240, 3)
    assert picture(photo.before).shape == (8, 6, 3)
    gray = preview("several", StudioFolder(folder), StoreSettings(gray=True), count=1)[0]
    assert picture(gray.after, cv2.IMREAD_UNCHANGED).ndim == 2


def test_equalizing_changes_a_photo_and_a_crop_its_part(folder):
    plain, even = (
        picture(
            preview("animals", StudioFolder(folder), StoreSettings(equalize=each), count=3)[1].after
        )
        for each in (False, True)
    )
    assert np.abs(plain.astype(int) - even).mean() > 1
    asked = StoreSettings(equalize=False)
    cropped = picture(preview("animals", StudioFolder(folder), asked, count=3, crop=100)[1].after)
    whole = preview("animals", StudioFolder(folder), asked, count=3)[1]
    assert cropped.shape == (200, 200, 3) and picture(whole.after).shape == (227, 227, 3)


def test_a_photo_that_cannot_be_read_says_why(folder):
    shown = preview("animals", StudioFolder(folder), StoreSettings(), count=13)
    (broken,) = [each for each in shown if each.reason]
    assert broken.name == "broken.0.jpg" and not broken.after


@pytest.mark.parametrize(
    "source", ["..", "/etc", "~", "s3://bucket/x.zip", "a/../../b", "../x.zip"]
)
def test_nothing_outside_of_the_folder_is_looked_at(folder, source):
    with pytest.raises(CatdogError, match=r"outside|no such"):
        look_at(source, StudioFolder(folder))


@pytest.mark.parametrize("source", ["nothing", "nothing.zip", "several/0.png", "x\0y"])
def test_what_is_not_there_is_told(folder, source):
    with pytest.raises(CatdogError):
        look_at(source, StudioFolder(folder))


def test_a_zip_that_unpacks_to_far_more_is_refused(folder, monkeypatch):
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat/1.jpg", bytes(2_000_000))
    monkeypatch.setattr("catdog.data.archives._SMALL", 1000)
    with pytest.raises(DataError, match="times as many"):
        look_at("bomb.zip", StudioFolder(folder))
