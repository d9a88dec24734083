"""Figures are files whole or not at all."""

import pytest

from catdog.errors import CatdogError
from catdog.runtime.picture_style import save_figure, white_figure


def test_a_figure_in_the_format_of_its_suffix(tmp_path):
    for name, begin in {"a.png": b"\x89PNG", "a.svg": b"<?xml", "a.pdf": b"%PDF"}.items():
        save_figure(white_figure((1, 1)), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begin)


def test_a_suffix_of_no_picture_is_one_line(tmp_path):
    with pytest.raises(CatdogError, match=r"a\.foo: Format 'foo' is not supported"):
        save_figure(white_figure((1, 1)), tmp_path / "a.foo")
    assert not list(tmp_path.iterdir())


def test_a_sign_that_the_font_lacks_is_no_warning(tmp_path):
    figure = white_figure((1, 1))
    figure.suptitle("\U0010fffd")
    save_figure(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()
