"""The command line of parse_log."""

from pathlib import Path

import pytest
from catdog.tools.parse_log import main

LOG = Path(__file__).parents[1] / "goldens" / "logs" / "train.log"


def test_it_writes_two_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(LOG), str(tmp_path), "--delimiter", ";"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.log.test", "train.log.train"]
    assert "NumIters;Seconds" in (tmp_path / "train.log.train").read_text()
    assert capsys.readouterr().out == ""


def test_verbose_says_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--verbose", str(LOG), str(tmp_path)])
    assert capsys.readouterr().out.splitlines() == [
        f"Wrote {tmp_path}/train.log.train",
        f"Wrote {tmp_path}/train.log.test",
    ]
