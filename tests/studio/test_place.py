"""What a name from a page may stand for."""

import pytest

from catdog.errors import CatdogError
from catdog.studio.place import StudioFolder


@pytest.mark.parametrize(
    "name",
    ["/etc", "../x", "a/../../x", "{.,.}{.,.}/x", "{/,/}etc/x", "a{b,/../../x}", "{..,..}/{x,y}"],
)
def test_what_leads_out_is_neither_read_nor_written(tmp_path, name):
    place = StudioFolder(tmp_path)
    for named in (place.within, place.readable):
        with pytest.raises(CatdogError, match="outside"):
            named(name)


@pytest.mark.parametrize("name", [".studio/jobs", "x/../.studio", "{.studio,x}/jobs"])
def test_the_studios_own_is_not_named(tmp_path, name):
    with pytest.raises(CatdogError, match="belongs to the studio"):
        StudioFolder(tmp_path).within(name)


def test_names_with_braces_are_read_where_all_that_they_stand_for_may_be(tmp_path):
    place = StudioFolder(tmp_path / "here", [tmp_path / "photos"])
    assert place.within("part-{0..3}/x") == tmp_path / "here/part-{0..3}/x"
    there = f"{tmp_path}/photos/{{a,b}}"
    assert str(place.readable(there)) == there
    with pytest.raises(CatdogError, match="outside"):
        place.readable(f"{tmp_path}/photos/{{a,../b}}")


def test_braces_without_an_end_are_not_followed(tmp_path):
    with pytest.raises(CatdogError, match="more than 10,000 names"):
        StudioFolder(tmp_path).readable("{a,a}" * 40)
