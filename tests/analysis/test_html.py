"""Pages: whole in themselves, and nothing from outside becomes markup."""

import base64
import re
import sys
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from catdog.analysis import html
from catdog.analysis.html import Card, Page
from catdog.data.thumbnails import thumbnail
from catdog.errors import CatdogError
from catdog.runtime.page_templates import page_templates

EVIL = "<script>alert('x')</script>\" onerror=\"y.jpg"


class Reader(HTMLParser):
    """The tags of a page, with their attributes, and its text; fails on tags left open."""

    VOID = frozenset(("meta", "img"))

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def full_page():
    """A page with every part, and an evil text in each place for one."""
    pixels = np.zeros((30, 20, 3), np.uint8)
    built = Page(EVIL, EVIL)
    card = Card(pixels, EVIL, EVIL, bad=True)
    built.section(
        EVIL,
        html.numbers([(EVIL, EVIL)]),
        html.beside(html.table([EVIL], [[EVIL]]), html.matrix([EVIL, "b"], [[3, 1], [0, 2]])),
        html.figures([(EVIL, Figure())]),
        html.cards([card, card]),
        html.group([card]),
        html.views([card]),
        html.triples([[card]]),
        html.bars([(EVIL, EVIL, 0.5)]),
        text=EVIL,
    )
    return str(built)


def test_nothing_from_outside_becomes_markup():
    read = Reader(full_page())
    assert not {"script", "link", "iframe"} & {tag for tag, _ in read.tags}
    assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)
    # the heading and title, the lead, and in 20 other places: all of it is there
    assert sum(EVIL in text for text in read.text) == 23
    assert [a["alt"] for tag, a in read.tags if tag == "img"] == [EVIL] * 6


def test_nothing_is_loaded_from_elsewhere():
    text = full_page()
    sources = re.findall(r'(?:src|href|url)\s*[=(]\s*"?([^")\s]+)', text)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "http" not in re.sub(r"http-equiv|data:[^\"]*", "", text)


def test_pictures_are_inside():
    pixels = np.zeros((30, 20, 3), np.uint8)
    pixels[..., 2] = 255
    (data,) = re.findall(r"data:image/jpeg;base64,([^\"]+)", html.cards([Card(pixels, "x")]))
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (30, 20, 3)
    assert np.abs(shown.astype(int) - pixels).max() < 12


def test_thumbnails_keep_the_shape_and_never_grow():
    assert thumbnail(np.zeros((300, 960, 3), np.uint8)).shape == (75, 240, 3)
    assert thumbnail(np.zeros((2, 4000, 3), np.uint8)).shape == (1, 240, 3)
    assert thumbnail(np.zeros((10, 20, 1), np.uint8)).shape[:2] == (10, 20)


def test_a_page_is_written_whatever_the_names_are(tmp_path):
    built = Page("\udcff.jpg Katze 猫")
    path = built.write(tmp_path / "new" / "x.html")
    assert "<title>\\udcff.jpg Katze 猫</title>" in path.read_text(encoding="utf-8")
    assert [p.name for p in path.parent.iterdir()] == ["x.html"]


def test_the_same_content_is_the_same_page():
    assert full_page() == full_page()


def test_without_jinja2_the_command_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    page_templates.cache_clear()
    with pytest.raises(
        CatdogError, match=r"a page needs Jinja2, which.*; pip install 'catdog-torch\[report\]'"
    ):
        full_page()
