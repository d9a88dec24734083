"""Every page on a desk and on a phone, in light and dark, with axe-core's rules."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.studio.browser import (
    DESK,
    PHONE,
    accessible,
    fits,
    needs_browser,
    page_of,
    studio_of,
)
from tests.studio.conftest import RUN

pytestmark = needs_browser

PAGES = {
    "home": "/",
    "run": f"/run?name={RUN}",
    "compare": f"/compare?name={RUN}",
    "new store": "/new/store",
    "new training": "/new/training?store=input&net=small64",
    "store": "/store?name=input",
    "classify": "/classify",
    "review": "/review",
    "for programs": "/api",
}


@pytest.fixture(scope="module")
def address(made: Path) -> Iterator[str]:
    with studio_of(made) as found:
        yield found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_fits(browser, address, name):
    for size, dark in [(DESK, False), (PHONE, True)]:
        with page_of(browser, size, dark=dark) as page:
            page.goto(address + PAGES[name])
            page.wait_for_load_state(
                "networkidle" if "sse-connect" not in page.content() else "load"
            )
            page.wait_for_timeout(300)
            accessible(page)
            fits(page)
            if size == PHONE:
                # nothing that is touched is smaller than a finger can hit (WCAG 2.5.8)
                assert page.evaluate(SMALL) == []


#: Buttons and fields that are less than 24 px wide or high.
SMALL = """() => [...document.querySelectorAll("button, select, input")]
  .filter((each) => each.offsetParent && each.type !== "file")
  .map((each) => [each.outerHTML.slice(0, 90), each.getBoundingClientRect()])
  .filter(([, box]) => (box.width < 24 || box.height < 24) && box.width > 1)
  .map(([html, box]) => `${html} ${Math.round(box.width)}x${Math.round(box.height)}`)"""


def test_the_first_key_leads_to_the_content(browser, address):
    with page_of(browser, DESK) as page:
        page.goto(address + "/review")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
