"""Templates of pages: every text that comes into one is escaped, wherever it comes from."""

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
    jinja2 = optional("jinja2", "a page needs Jinja2", "pip install '.[report]'")
    found: Environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    found.filters.update(filters)
    return found
