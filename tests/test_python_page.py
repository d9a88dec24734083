"""The code of docs/python.md runs as it stands, from the first block to the last."""

import re
from pathlib import Path

import pytest
import torch

from catdog.data.build.synthetic import draw_sample

PAGE = Path(__file__).parent.parent / "docs" / "python.md"
#: What takes minutes is shortened; all else runs as it is written.
SHORTER = {
    "max_iter=300, test_interval=50": "max_iter=4, test_interval=2",
    "    max_iter=20,\n    test_interval=10,\n": "    max_iter=2,\n    test_interval=1,\n",
}


def blocks() -> list[tuple[int, str]]:
    """Each block of code, and the line that it begins at."""
    text = PAGE.read_text()
    found = re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [(text[: match.start(1)].count("\n"), match[1]) for match in found]


def shortened(code: str) -> str:
    for long, short in SHORTER.items():
        code = code.replace(long, short)
    return code


def test_the_page_opens_with_the_ten_lines():
    (line, first), *_ = blocks()
    assert line < 5
    assert len([each for each in first.splitlines() if each.strip()]) <= 10
    assert all(any(long in code for _, code in blocks()) for long in SHORTER)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_the_blocks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw_sample("drawn", train=48, test=1, seed=1)
    Path("drawn/train").rename("photos")
    torch.manual_seed(0)
    names: dict[str, object] = {}
    for line, code in blocks():
        # a fault has its line of the page
        exec(compile("\n" * line + shortened(code), str(PAGE), "exec"), names)
    told = capsys.readouterr()
    assert 'unknown field "maxiter"; did you mean "max_iter"?' in told.out
    assert Path("curve.png").stat().st_size > 5000
    assert "snapshots/narrow/net: done at iteration 2" in told.out
