"""The command line of plot_learning_curve."""

import shutil
from pathlib import Path

import pytest
from catdog.tools.plot_learning_curve import main

from catdog.errors import CatdogError

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


def test_a_folder_without_a_log_brings_those_below(tmp_path: Path) -> None:
    with pytest.raises(CatdogError, match=r"no train.log in this folder; name a log, or a folder"):
        main([str(tmp_path)])
    for run in ("one", "two"):
        (tmp_path / run).mkdir()
        shutil.copy(LOG, tmp_path / run)
    with pytest.raises(CatdogError, match=f"name some of {tmp_path}/one, {tmp_path}/two$"):
        main([str(tmp_path)])


def test_a_second_run_that_is_not_there_is_no_picture(tmp_path: Path) -> None:
    log = shutil.copy(LOG, tmp_path)
    with pytest.raises(CatdogError, match=r"nosuch: "):
        main([log, str(tmp_path / "nosuch")])
    with pytest.raises(CatdogError, match=r"curve\.cat: Format 'cat' is not supported"):
        main([log, str(tmp_path / "curve.cat")])
