"""The command line of lr_find."""

import re
from pathlib import Path

import pytest
from catdog.tools.lr_find import main

from catdog.errors import CatdogError
from catdog.runtime.picture_style import check_suffix, save_figure, white_figure
from tests.tiny_solver import write_solver


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_solver(tmp_path)
    monkeypatch.chdir(tmp_path)


def test_a_picture_a_table_and_the_command_that_trains(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--from=1e-3", "--to", "1e20", "--iterations", "60", "--out", "rates.png"]
    main(["--solver", "solver.yaml", *words, "--batch", "4", "-seed", "2", "--set", "momentum=0.5"])
    told = capsys.readouterr()
    assert told.out.startswith("written: rates.png, rates.csv\nthe loss rises from a rate of ")
    line = told.out.splitlines()[-1]
    rate = told.out.partition("from a rate of ")[2].partition(" ")[0]
    assert line == (f"catdog train --solver solver.yaml --batch 4 --set momentum=0.5 --lr {rate}")
    assert Path("rates.png").read_bytes().startswith(b"\x89PNG")
    assert Path("rates.csv").read_text().startswith("iteration,learning_rate,loss")
    assert not Path("out").exists()


def test_no_rise_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--solver", "solver.yaml", "--to", "1e-4", "--iterations", "3"])
    assert capsys.readouterr().out.splitlines() == [
        "written: lr_find.png, lr_find.csv",
        "the loss does not rise up to a rate of 0.0001, so no rate is suggested: try a larger --to",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--from", "1", "--to", "0.1"], "is no range of learning rates"),
        (["--from", "0"], "is no number above 0"),
        (["--lr", "1"], "there is no --lr"),
        (["--out", ""], "an empty text names no file"),
    ],
)
def test_mistakes(words: list[str], told: str) -> None:
    with pytest.raises(CatdogError, match=told):
        main(["--solver", "solver.yaml", *words])
    assert not Path("lr_find.png").exists()


@pytest.mark.parametrize("suffix", ["csv", "bmp", "CSV"])
def test_a_name_of_no_picture_is_told_before_anything_is_measured(
    suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catdog.tools.lr_find.measure", lambda *_, **__: pytest.fail("measured"))
    told = rf"x\.{suffix}: \.{suffix} is no form of a picture; end the name with \.png, \.pdf"
    with pytest.raises(CatdogError) as caught:
        main(["--solver", "solver.yaml", "--out", f"x.{suffix}"])
    assert re.match(told, str(caught.value))


@pytest.mark.parametrize("suffix", ["png", "pdf", "SVG", "jpg"])
def test_the_forms_of_pictures_that_are_named_are_written(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    check_suffix(path)
    save_figure(white_figure((1, 1)), path)
    assert path.stat().st_size > 100
