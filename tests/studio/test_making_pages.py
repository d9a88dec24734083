"""The pages of a new training, a new store and a store in a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.studio.browser import (
    DESK,
    PHONE,
    accessible,
    fits,
    keep_picture,
    needs_browser,
    page_of,
    studio_of,
)

pytestmark = needs_browser

BOTH = [(DESK, False), (PHONE, True)]
SELECTED = "document.activeElement.value.slice(document.activeElement.selectionStart, {})".format(
    "document.activeElement.selectionEnd"
)


@pytest.fixture(scope="module")
def address(made: Path) -> Iterator[str]:
    with studio_of(made) as found:
        yield found


def fitted(page: Page, address: str) -> None:
    """Open the page with texts that fit the store."""
    page.goto(f"{address}/new/training")
    page.select_option("#fit [name=store]", "input")
    page.select_option("#fit [name=net]", "small64")
    page.click("#fit button")
    whole(page)


def whole(page: Page) -> None:
    """Wait until all is known of texts without faults, of whose net there is no run yet."""
    page.wait_for_selector("#found .state.done")
    page.wait_for_selector("#time button")


@pytest.mark.parametrize(("size", "dark"), BOTH)
def test_a_new_training(browser, address, size, dark):
    with page_of(browser, size, dark=dark) as page:
        fitted(page, address)
        page.click("#layer-table summary")
        accessible(page)
        fits(page)
        keep_picture(page, f"new-training-{size[0]}")


def test_faults_are_marked_as_one_types_and_lead_to_their_lines(browser, address):
    with page_of(browser) as page:
        fitted(page, address)
        text = page.input_value("#net-text")
        wrong = text.replace("num_output:", "num_outptu:", 1)
        line = wrong[: wrong.index("num_outptu")].count("\n") + 1
        page.fill("#net-text", wrong)
        page.wait_for_selector("#net-faults .fault")
        expect(page.locator('.editor[data-text="net"] .gutter b')).to_have_text(f"● {line}")
        expect(page.locator('.editor[data-text="net"] .bands div')).to_have_count(1)
        page.click("#net-faults .fault")
        assert page.evaluate(SELECTED) == "num_outptu"
        # by the keyboard, from the top
        page.evaluate("document.activeElement.setSelectionRange(0, 0)")
        page.keyboard.press("F8")
        assert page.evaluate(SELECTED) == "num_outptu"
        accessible(page)
        page.fill("#net-text", text)
        whole(page)
        expect(page.locator(".bands div")).to_have_count(0)


def test_texts_stay_while_the_page_reloads_and_the_net_is_drawn(browser, address):
    with page_of(browser) as page:
        page.goto(f"{address}/new/training")
        page.select_option("#take-solver", "small")
        whole(page)
        page.reload()
        page.wait_for_function(
            "() => document.querySelector('#net-text').value.includes('small64')"
        )
        whole(page)
        page.click("#picture-of-net summary")
        page.wait_for_function("() => document.querySelector('.picture img')?.naturalWidth > 0")


@pytest.mark.parametrize(("size", "dark"), BOTH)
def test_a_new_store(browser, address, size, dark):
    with page_of(browser, size, dark=dark) as page:
        page.goto(f"{address}/new/store")
        page.click("[data-place=photos]")
        page.wait_for_selector(".previews img")
        expect(page.locator("#name")).to_have_value("photos")
        before = page.locator(".previews img").nth(1).get_attribute("src")
        page.select_option("[name=equalize]", "false")
        page.wait_for_function(
            "(before) => document.querySelectorAll('.previews img')[1].src !== before", arg=before
        )
        assert "--no-equalize" in page.inner_text(".command")
        accessible(page)
        fits(page)
        keep_picture(page, f"new-store-{size[0]}")


@pytest.mark.parametrize(("size", "dark"), BOTH)
def test_a_store(browser, address, size, dark):
    with page_of(browser, size, dark=dark) as page:
        page.goto(f"{address}/store?name=input")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.photos img')].at(0)?.naturalWidth > 0"
        )
        accessible(page)
        fits(page)
        keep_picture(page, f"store-{size[0]}")
