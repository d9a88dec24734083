"""A studio as a process, and Debian's Chromium that looks at it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `make browser`")
#: What axe-core is asked about: the levels A and AA of WCAG 2.1, and what it calls good practice.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
_CATDOG = "from catdog.cli.main import main; main()"
#: Milliseconds that a page may take on a busy machine.
_PATIENCE = 60_000
expect.set_options(timeout=_PATIENCE)
#: Pixels of a picture.
_HIGHEST = 1500
DESK, PHONE = (1280, 900), (390, 844)


@contextmanager
def studio_of(folder: Path, *words: str) -> Iterator[str]:
    """The address of a studio of a folder; it ends as Ctrl-C ends it."""
    command = [sys.executable, "-c", _CATDOG, "studio", str(folder), "--port", "0", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + process.stderr.read()
        try:
            yield found[0].rstrip("/")
        finally:
            process.terminate()
            process.communicate(timeout=60)
            assert process.returncode == 0


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def page_of(
    browser: Browser, size: tuple[int, int] = DESK, *, dark: bool = False
) -> Iterator[Page]:
    """A window of its own; a fault of a script, or what the policy blocks, fails the test."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(_PATIENCE)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    # htmx tells of questions that a later one took the place of
    page.on(
        "console",
        lambda line: (
            line.type == "error" and not line.text.startswith("htmx:") and faults.append(line.text)
        ),
    )
    yield page
    context.close()
    assert not faults, faults


def settle(page: Page) -> None:
    """Wait until what a page asks for is there; a stream of changes never ends."""
    page.wait_for_load_state("load")
    # what is asked for once somebody has stopped typing
    page.wait_for_timeout(400)
    for unfinished in (".htmx-request", "[data-charts]:empty"):
        expect(page.locator(unfinished)).to_have_count(0)


def accessible(page: Page) -> None:
    """Fails where axe-core finds a violation, with what and where."""
    found = Axe().run(page, options={"runOnly": _RULES, "resultTypes": ["violations"]})
    broken = [
        f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:4]]}"
        for each in found.response["violations"]
    ]
    assert not broken, page.url + "\n" + "\n".join(broken)


def fits(page: Page) -> None:
    """Fails where a page is wider than its window."""
    wider = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wider <= 0, f"{page.url} is {wider} px too wide"


def keep_picture(page: Page, name: str) -> None:
    """The upper part of a page for the docs, where it is asked for by STUDIO_PICTURES."""
    if folder := os.environ.get("STUDIO_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.evaluate("scrollTo(0, 0)")
        width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
        part = {"x": 0, "y": 0, "width": width, "height": min(height, _HIGHEST)}
        path = f"{folder}/{name}.jpg"
        page.screenshot(path=path, type="jpeg", quality=80, full_page=True, clip=part)
