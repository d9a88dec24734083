"""A page of predictions: all inside, nothing runs but its own script, hostile names are text."""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from catdog.data.images import Unreadable
from catdog.errors import CatdogError
from catdog.inference.heads import Head
from catdog.inference.page import SIDE, PredictionPage, page_file
from catdog.inference.predictor import Prediction
from catdog.runtime.page_templates import page_templates
from tests.data.sources.build import pictures

TWO = Head("prob", ("cat", "dog"), "prob", several=False)
LABELS = Head("labels", ("young", "outside", "asleep"), "labels", several=True)
HOSTILE = '</script><script>alert("1")</script><!--'


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), pictures(1, (300, 600, 3))[0])
    return path


def found(photo: Path, *rows: tuple[float, ...]) -> Prediction:
    first, *others = (np.array(row, np.float32) for row in rows)
    return Prediction(photo, first, tuple(others))


def text_of(page: PredictionPage) -> str:
    return "".join(page.text())


def content(text: str) -> dict:
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(data)


def test_a_photo_with_what_it_was_taken_for(photo):
    page = PredictionPage([TWO], 3)
    page.take(
        0, [("x", found(photo, (0.25, 0.75))), ("no", Unreadable("empty file", where="no.jpg"))]
    )
    page.take(2, [("y", found(photo, (0.9, 0.1)))])
    text = text_of(page)
    assert "<h1>2 photos: 1 cat, 1 dog</h1>" in text
    assert "<b>no.jpg</b> empty file" in text
    data = content(text)
    assert data["heads"][0]["names"] == ["cat", "dog"]
    (name, jpeg, sureness, margin, applies, likeliest, sets, foreign), _ = data["photos"]
    assert (name, sureness, margin, applies) == ("x.jpg", 0.75, 0.5, [[1]])
    assert (sets, foreign) == ([""], "")
    assert likeliest == [[[1, 0.75], [0, 0.25]]]
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(jpeg), np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (SIDE // 2, SIDE, 3)


def test_labels_and_several_heads(photo):
    page = PredictionPage([TWO, LABELS], 1)
    page.take(0, [("x", found(photo, (0.4, 0.6), (0.9, 0.2, 0.7)))])
    ((_, _, sureness, margin, applies, likeliest, *_),) = content(text_of(page))["photos"]
    assert applies == [[1], [0, 2]]
    assert likeliest[1] == [[0, 0.9], [2, 0.7], [1, 0.2]]
    # the class is less certain than any of the labels
    assert (sureness, margin) == (0.6, pytest.approx(0.2))


def test_hostile_names_are_text(photo):
    head = Head("prob", (HOSTILE, "dog"), HOSTILE, several=False)
    page = PredictionPage([head], 4, lead=HOSTILE)
    names = [HOSTILE, "caf\udce9", "n" * 3000, "a\u2028'b\""]
    page.take(0, [(name, found(photo, (0.6, 0.4))) for name in names])
    page.take(4, [(HOSTILE, Unreadable(HOSTILE, where=HOSTILE))])
    text = text_of(page)
    assert len(re.findall("<script", text)) == 2
    data = content(text)
    assert data["heads"][0]["names"][0] == HOSTILE
    assert [each[0] for each in data["photos"]] == [
        f"{HOSTILE}.jpg", "caf\\udce9.jpg", f"{'n' * 3000}.jpg", "a\u2028'b\".jpg"
    ]  # fmt: skip


def test_only_its_own_script_may_run(photo):
    page = PredictionPage([TWO], 1)
    page.take(0, [("x", found(photo, (0.4, 0.6)))])
    text = text_of(page)
    (script,) = re.findall("<script>(.*?)</script>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall('Content-Security-Policy"\\s+content="(.*?)"', text)
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )
    assert not re.search(r"https?:|src=\"(?!data:)|@import|url\(", text)


def test_a_page_has_its_fill(photo):
    page = PredictionPage([TWO], 130, most=70)
    row = found(photo, (0.4, 0.6))
    for at in range(0, 128, 64):
        page.take(at, [(str(number), row) for number in range(at, at + 64)])
    assert page.left_out == 60
    text = text_of(page)
    assert [each[0] for each in content(text)["photos"]] == [
        f"{number}.jpg" for number in range(70)
    ]
    assert "<h1>The first 70 photos of 130: 70 dog</h1>" in text
    assert not page.lacks(64) and not page.lacks(128)


def test_what_an_interrupted_run_had_comes_first(photo):
    page = PredictionPage([TWO], 130)
    assert page.lacks(0) and page.lacks(64)
    page.take(0, [("0", found(photo, (0.4, 0.6)))] * 64)
    assert not page.lacks(0) and page.lacks(64)


def test_it_is_written_whole_or_not_at_all(photo, tmp_path):
    path = tmp_path / "new/page.html"
    with pytest.raises(KeyboardInterrupt), page_file(path, PredictionPage([TWO], 1)):
        raise KeyboardInterrupt
    assert not list(path.parent.iterdir())
    with page_file(path, PredictionPage([TWO], 1)) as page:
        page.take(0, [("caf\udce9", found(photo, (0.4, 0.6)))])
    assert path.read_text(encoding="utf-8") == text_of(page)
    assert [each.name for each in path.parent.iterdir()] == ["page.html"]


def test_without_jinja2_the_command_is_told_before_the_first_photo(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    page_templates.cache_clear()
    page = page_file(tmp_path / "p.html", PredictionPage([TWO], 1))
    with pytest.raises(
        CatdogError, match=r"a page needs Jinja2, .*; pip install 'catdog-torch\[report\]'"
    ):
        page.__enter__()
