"""The page Classify in a browser: photos chosen and pasted, looks, many photos as a job."""

import shutil

import pytest
from playwright.sync_api import expect

from tests.studio.browser import (
    PHONE,
    accessible,
    fits,
    keep_picture,
    needs_browser,
    page_of,
    studio_of,
)

pytestmark = needs_browser
_PASTE = """async () => {
  const blob = await (await fetch("/static/icon.svg")).blob();
  const data = new DataTransfer();
  data.items.add(new File([blob], "pasted.png", {type: "image/png"}));
  document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
}"""


@pytest.fixture(scope="module")
def address(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("classify") / "work"
    shutil.copytree(made, folder, symlinks=True)
    with studio_of(folder) as found:
        yield found


def test_photos_are_answered_and_looked_into(browser, address, made):
    with page_of(browser, PHONE, dark=True) as page:
        page.goto(f"{address}/classify")
        photos = [made / "photos/train/cat.0.jpg", made / "photos/train/dog.1.jpg"]
        page.set_input_files("#photos", photos)
        first = page.locator("article").first
        first.wait_for()
        expect(page.locator("article")).to_have_count(2)
        for name in ("Heat map", "Cover parts", "Inside the layer"):
            first.get_by_role("button", name=name).click()
        first.locator(".shown").nth(2).wait_for()
        expect(page.locator("#sending")).to_be_hidden()
        accessible(page)
        fits(page)
        keep_picture(page, "classify")
        first.get_by_role("button", name="Take cat.0.jpg away").click()
        expect(page.locator("article")).to_have_count(1)
        # a picture that is none is told on its card
        page.evaluate(_PASTE)
        page.locator("article", has_text="not a picture").wait_for()
        page.fill("#path", "photos/train/dog.1.jpg")
        page.keyboard.press("Enter")
        page.locator("article", has_text="photos/train/dog.1.jpg").wait_for()


def test_many_photos_become_a_table(browser, address, made):
    with page_of(browser) as page:
        page.goto(f"{address}/classify")
        page.set_input_files("#photos", sorted((made / "photos/train").glob("*.jpg"))[:26])
        page.get_by_text("26 photos are ready").wait_for()
        page.fill("#many-name", "first")
        page.get_by_role("button", name="Begin").click()
        page.wait_for_url("**/predictions?name=first")
        page.get_by_role("heading", name="All photos").wait_for(timeout=60_000)
        expect(page.locator(".thumbs li")).to_have_count(26)
        page.locator(".thumbs img").last.scroll_into_view_if_needed()
        accessible(page)
        fits(page)
        keep_picture(page, "predictions")
