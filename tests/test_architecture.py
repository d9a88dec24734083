"""docs/architecture.md is a map of the house as it stands."""

import re
from pathlib import Path

import pytest

from docs.draw_flow import draw, packages
from tests.test_imports import ORDER

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/architecture.md").read_text()


def test_the_packages_are_listed_in_order():
    listed = re.findall(r"^\| `([\w.]+)/?` \|", PAGE, re.MULTILINE)
    assert [name.removesuffix(".py") for name in listed] == list(ORDER)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/]+/(?:\w+\.\w+)?)`", PAGE))))
def test_what_it_names_is_there(name):
    assert any((base / name).exists() for base in (ROOT, ROOT / "catdog", *SUBPACKAGED))


#: Packages whose parts the table names by themselves, as `sources/`.
SUBPACKAGED = [ROOT / "catdog" / name for name in ("runtime", "data", "tracking", "training")] + [
    ROOT / "catdog/analysis"
]


def test_the_picture_names_every_package():
    assert packages() == set(ORDER)
    figure = draw()
    assert len(figure.axes[0].texts) > len(ORDER)
