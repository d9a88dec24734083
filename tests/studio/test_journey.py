"""From an empty folder to a submission, as a person clicks, with a second window and a reload.

With STUDIO_PICTURES=docs/studio it also keeps the pictures of docs/studio.md.
"""

import re
import shutil
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from catdog.cli.main import call_tool
from catdog.data.build.review import read_review
from tests.studio.browser import (
    PHONE,
    accessible,
    fits,
    keep_picture,
    needs_browser,
    page_of,
    settle,
    studio_of,
)

pytestmark = needs_browser

#: Milliseconds that a build or a training may take on a busy machine.
_LONG = 40_000


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn photos in a zip, as somebody would send them."""
    folder = tmp_path_factory.mktemp("drawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call_tool("draw_sample", ["pets", "--train", "60", "--test", "6"])
    with zipfile.ZipFile(folder / "pets.zip", "w") as archive:
        for path in sorted((folder / "pets/train").iterdir()):
            archive.write(path, f"pets/{path.name.split('.')[0]}s/{path.name}")
    return folder / "pets.zip"


def looked_at(page: Page, name: str) -> None:
    """A page that is whole: axe-core's rules, no wider than its window; its picture, if wanted."""
    settle(page)
    accessible(page)
    fits(page)
    keep_picture(page, name)


def build(page: Page, zipped: Path) -> None:
    """Send a zip, see what is found and a preview, build the store."""
    page.get_by_role("link", name="New store", exact=True).click()
    settle(page)
    page.set_input_files("#zip", zipped)
    expect(page.locator("#photos")).to_contain_text("60", timeout=_LONG)
    page.get_by_label("Size in pixels").fill("64")
    page.get_by_label("Size in pixels").blur()
    expect(page.locator("#preview img").first).to_be_visible(timeout=_LONG)
    page.get_by_label("Name").fill("pets")
    looked_at(page, "new-store")
    page.get_by_role("button", name="Build the store").click()
    expect(page.get_by_alt_text("The mean of all training photos")).to_be_visible(timeout=_LONG)
    expect(page.get_by_role("link", name="Page on its photos")).to_be_visible(timeout=_LONG)
    looked_at(page, "store")


def begin(page: Page) -> None:
    """Choose the store, get texts that fit, make a fault and mend it, start."""
    page.get_by_role("link", name="Home", exact=True).click()
    page.get_by_role("link", name="Train on it").click()
    settle(page)
    page.get_by_label("Net to fit to it").select_option("small64")
    page.get_by_role("button", name="Write net and solver").click()
    solver, start = page.locator("#solver-text"), page.get_by_role("button", name="Start")
    expect(solver).to_have_value(re.compile("small64"), timeout=_LONG)
    text = solver.input_value()
    solver.fill(text.replace("display:", "dispaly:"))
    expect(page.locator("#solver-faults")).to_contain_text('did you mean "display"', timeout=_LONG)
    for name, number in {"max_epoch": 40, "test_epoch": 5, "display": 5, "snapshot": 20}.items():
        text = re.sub(rf"^{name}: .*", f"{name}: {number}", text, flags=re.MULTILINE)
    solver.fill(text)
    expect(page.locator("#solver-faults li")).to_have_count(0, timeout=_LONG)
    page.get_by_label("Name").fill("first")
    looked_at(page, "new-training")
    start.click()
    page.wait_for_url(re.compile("/(job|run)"), timeout=_LONG)


def watch(page: Page, other: Page) -> None:
    """A curve grows in one window while another shows the run; a reload loses nothing."""
    expect(other.locator(".runs .state")).to_have_text(re.compile("running|done"), timeout=_LONG)
    other.locator(".runs .main a").first.click()
    expect(other.locator(".chart path").first).to_be_attached(timeout=_LONG)
    other.reload()
    expect(other.locator(".chart path").first).to_be_attached(timeout=_LONG)
    expect(other.locator(".state").first).to_have_text("done", timeout=_LONG)
    expect(page.locator(".state").first).to_have_text("done", timeout=_LONG)


def classify(page: Page, photo: Path) -> None:
    """Give a photo, and see what the net looked at."""
    page.get_by_role("link", name="Classify", exact=True).click()
    settle(page)
    page.set_input_files("#photos", photo)
    expect(page.locator(".photo .shares li").first).to_be_visible(timeout=_LONG)
    page.get_by_role("button", name="Heat map").click()
    expect(page.locator(".looks img").first).to_be_visible(timeout=_LONG)
    looked_at(page, "classify")


def submit(page: Page, folder: Path) -> None:
    """Have a folder of photos predicted, and fetch the submission."""
    page.locator("#many-source").fill("test1")
    page.locator("#many-name").fill("mine")
    page.get_by_role("button", name="Begin").click()
    link = page.locator("a[href*='submission']").first
    expect(link).to_be_visible(timeout=_LONG)
    looked_at(page, "predictions")
    with page.expect_download() as fetched:
        link.click()
    lines = fetched.value.path().read_text().splitlines()
    assert lines[0] == "id,label"
    assert sorted(line.split(",")[0] for line in lines[1:]) == sorted(
        path.stem for path in (folder / "test1").iterdir()
    )


def review(page: Page, folder: Path) -> None:
    """Look at what the net finds odd, drop one photo with a key; the file has the decision."""
    page.get_by_role("link", name="Review", exact=True).click()
    # before the page's scripts a button sends its form as a browser does by itself
    settle(page)
    page.get_by_role("button", name="Find", exact=True).click()
    photos = page.locator(".candidate")
    expect(photos.first).to_be_visible(timeout=_LONG)
    looked_at(page, "review")
    name = photos.first.locator(".name").inner_text()
    photos.first.focus()
    page.keyboard.press("d")
    expect(page.get_by_text("1 dropped")).to_be_visible(timeout=_LONG)
    (file,) = (folder / "reviews").glob("*.csv")
    (row,) = (row for row in read_review(file) if row.decision == "drop")
    assert row.photo == name


def test_from_photos_to_a_submission(browser, zipped, tmp_path):
    shutil.copytree(zipped.parent / "pets/test1", tmp_path / "test1")
    with studio_of(tmp_path) as address, page_of(browser) as page, page_of(browser, PHONE) as other:
        page.goto(address)
        expect(page.get_by_text("No run yet.")).to_be_visible()
        build(page, zipped)
        other.goto(address)
        begin(page)
        watch(page, other)
        looked_at(other, "run-phone")
        classify(page, next((tmp_path / "test1").iterdir()))
        submit(page, tmp_path)
        review(page, tmp_path)
        page.goto(address)
        looked_at(page, "home")
        page.locator(".runs .main a").first.click()
        expect(page.locator(".chart path").first).to_be_attached(timeout=_LONG)
        looked_at(page, "run")
