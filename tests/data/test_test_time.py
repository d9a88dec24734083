"""Looks at a photo: where they are cut, and that their probabilities are averaged."""

import pytest

from catdog.data.test_time import VIEWS, cuts
from catdog.errors import DataError


def test_the_places_of_the_looks():
    stored, wanted = (3, 10, 12), (3, 8, 8)
    assert cuts("", stored, wanted) == []
    assert cuts("flip", stored, wanted) == cuts("2", stored, wanted) == [
        (1, 2, False), (1, 2, True),
    ]  # fmt: skip
    assert cuts("5", stored, wanted) == [
        (1, 2, False), (0, 0, False), (0, 4, False), (2, 0, False), (2, 4, False),
    ]  # fmt: skip
    ten = cuts("10", stored, wanted)
    assert ten[::2] == cuts("5", stored, wanted)
    assert [cut._replace(mirrored=False) for cut in ten[1::2]] == ten[::2]
    assert len(set(ten)) == 10


@pytest.mark.parametrize("word", [word for word in VIEWS if VIEWS[word][0]])
def test_a_net_that_sees_the_whole_photo_has_no_corners(word):
    with pytest.raises(DataError, match=f"--tta {word}: the net sees the whole photo"):
        cuts(word, (3, 8, 8), (3, 8, 8))


def test_another_word_is_told():
    with pytest.raises(DataError, match=r'"mirror" is no way to look at a photo; one of flip, 2'):
        cuts("mirror", (3, 10, 12), (3, 8, 8))
