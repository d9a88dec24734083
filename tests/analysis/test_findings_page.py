"""The page of findings, opened as a file: decisions, progress, and the review that it saves."""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from catdog.analysis.findings import Finding, Reason
from catdog.analysis.findings_page import write_page
from catdog.cli.main import call_tool
from catdog.data.build.review import ReviewRow, read_review
from catdog.data.preprocessing import dataset_at
from tests.pictures import picture, save_all
from tests.studio.browser import DESK, PHONE, accessible, chromium, fits, needs_browser, page_of

HOSTILE = 'cat.9"<script>,.jpg'
NAMES = ["cat.0.jpg", "dog.1.jpg", "cat.2.jpg", HOSTILE]
OTHER = ReviewRow("dog.8.jpg", "dog", "drop", "", "seen before, by hand")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    names = [*NAMES, "cat.7.jpg", "dog.6.jpg", OTHER.photo]
    return save_all(tmp_path / "photos", {name: picture(seed=i) for i, name in enumerate(names)})


def written(photos: Path, *rows: ReviewRow, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    """The page of four photos: two may be mislabelled, two are dark."""
    found = [
        Finding(
            at, name, name[:3], {"cat": "dog", "dog": "cat"}[name[:3]] if at < 2 else "",
            (Reason("dark", 0.4, "dark") if at > 1 else Reason("wrong", 0.9, "wrong: <b>so</b>"),),
        )
        for at, name in enumerate(NAMES)
    ]  # fmt: skip
    files = [photos / name for name in NAMES]
    return write_page(found, files, classes, rows, photos.parent / "findings.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def opened(page: Page, path: Path) -> Page:
    page.goto(path.as_uri())
    expect(page.locator("article").first).to_be_visible()
    return page


def saved(page: Page, path: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save review.csv").click()
    assert download.value.suggested_filename == "review.csv"
    download.value.save_as(path)
    return path


@needs_browser
def test_decisions_by_key_and_click_become_a_review_that_a_build_takes(photos, browser, tmp_path):
    with page_of(browser) as page:
        opened(page, written(photos, OTHER))
        for key in ("r", "k", "d", "d"):
            page.keyboard.press(key)
        page.keyboard.press("u")
        expect(page.locator("#count")).to_contain_text("1 left of 4: 1 kept, 1 of another class, 1")
        card = page.locator("article").last
        card.get_by_role("button", name="Drop").click()
        card.get_by_role("button", name="Drop").click()
        card.get_by_role("button", name="→ dog").click()
        path = saved(page, tmp_path / "review.csv")
    rows = read_review(path)
    assert [row[:4] for row in rows] == [
        ("cat.0.jpg", "cat", "relabel", "dog"),
        ("dog.1.jpg", "dog", "keep", ""),
        ("cat.2.jpg", "cat", "drop", ""),
        (HOSTILE, "cat", "relabel", "dog"),
        OTHER[:4],
    ]
    assert rows[0].note == "wrong: <b>so</b>" and rows[-1].note == OTHER.note
    words = ["--data", str(photos), "--out", str(tmp_path / "out"), "--size", "16"]
    call_tool("create_lmdb", [*words, "--review", str(path)])
    count = dataset_at(tmp_path / "out/train_lmdb").count
    assert (count.dropped, count.relabelled) == (2, 2)


@needs_browser
def test_progress_is_there_again_and_goes_before_that_of_the_file(photos, browser):
    path = written(photos, ReviewRow("cat.0.jpg", "cat", "drop", "", "n"))
    with page_of(browser) as page:
        opened(page, path)
        expect(page.locator("article.drop")).to_have_count(1)
        page.locator("article").nth(1).get_by_role("button", name="Keep").click()
        page.reload()
        expect(page.locator("article.keep")).to_have_count(1)
        page.locator("article").first.get_by_role("button", name="Drop").click()
        page.reload()
        expect(page.locator("article.drop")).to_have_count(0)


@needs_browser
def test_what_was_decided_on_another_label_is_not_taken(photos, browser):
    with page_of(browser) as page:
        opened(page, written(photos, ReviewRow("cat.0.jpg", "dog", "relabel", "cat")))
        expect(page.locator("#count")).to_contain_text("4 left of 4")


@needs_browser
def test_filters(photos, browser):
    with page_of(browser) as page:
        opened(page, written(photos))
        page.select_option("#reason", "dark")
        expect(page.locator("article")).to_have_count(2)
        page.keyboard.press("k")
        page.select_option("#show", "left")
        expect(page.locator("article")).to_have_count(1)
        page.select_option("#reason", "wrong")
        page.select_option("#show", "done")
        expect(page.locator(".empty")).to_have_text("No photo here is so.")


@needs_browser
def test_of_many_classes_one_is_chosen(photos, browser, tmp_path):
    with page_of(browser) as page:
        opened(page, written(photos, classes=("cat", "dog", "hen", "owl")))
        page.keyboard.press("r")
        page.locator("article").nth(2).get_by_role("combobox").select_option("owl")
        rows = read_review(saved(page, tmp_path / "r.csv"))
    assert [row.new_label for row in rows] == ["dog", "", "owl", ""]


@needs_browser
@pytest.mark.parametrize(("size", "dark"), [(DESK, False), (PHONE, True)])
def test_it_fits_and_is_accessible(photos, browser, size, dark):
    with page_of(browser, size, dark=dark) as page:
        opened(page, written(photos, OTHER))
        for key in ("r", "k", "d"):
            page.keyboard.press(key)
        fits(page)
        accessible(page)


def test_only_its_own_script_may_run(photos):
    text = written(photos).read_text()
    assert len(re.findall("<script", text)) == 2
    (script,) = re.findall("<script>(.*?)</script>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert not re.search(r"https?:|src=\"(?!data:)|@import|url\(", text)
