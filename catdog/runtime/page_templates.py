"""Templates of pages: every text that comes into one is escaped, wherever it comes from."""

import base64
import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from catdog.runtime.optional import optional

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def page_templates(folder: Path, **filters: Callable[..., str]) -> "Environment":
    """The templates of a folder, with these filters.

    Raises CatdogError, with the command to run, where Jinja2 is not installed.
    """
    jinja2 = optional("jinja2", "a page needs Jinja2", "pip install 'catdog-torch[report]'")
    found: Environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    found.filters.update(filters)
    return found


def for_script(value: object) -> str:
    """JSON in ASCII that ends no element of a page, whatever the names in it are."""
    text = json.dumps(value, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def script_digest(script: str) -> str:
    """What the policy of a page calls its own script by."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"sha256-{digest}"
