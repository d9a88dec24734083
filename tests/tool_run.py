"""A tool as a person calls it, in this process."""

from collections.abc import Callable, Sequence

import pytest

from catdog.cli import main as cli


def run_tool(
    main: Callable[[Sequence[str]], None], capsys: pytest.CaptureFixture[str], *words: object
) -> list[str]:
    """The lines of a tool, or those of its error, which it ends with exit code 2."""
    code = 0
    try:
        cli.run_tool(main, list(map(str, words)))
    except SystemExit as stop:
        code = stop.code
    told = capsys.readouterr()
    assert code == (2 if told.err.startswith("error:") else 0)
    return (told.err if code else told.out).splitlines()
