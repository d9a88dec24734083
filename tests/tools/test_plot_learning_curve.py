"""The command line of plot_learning_curve."""

import shutil
from pathlib import Path

import pytest
from catdog.tools.plot_learning_curve import main

LOG = Path(__file__).parents[1] / "goldens" / "logs" / "train.log"


def test_the_picture_lies_beside_the_log_or_where_it_is_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Path(shutil.copy(LOG, tmp_path))
    main([str(log)])
    main([str(log), str(tmp_path / "new" / "curve.svg")])
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/train.log.png",
        f"{tmp_path}/new/curve.svg",
    ]
    assert (tmp_path / "train.log.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "new" / "curve.svg").read_text()
