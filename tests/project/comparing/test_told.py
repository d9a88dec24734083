"""What is said of a comparison."""

import pytest

from catdog.project.comparing.told import advised, comparison_table, span
from tests.project.comparing.nets import row_of

ROWS = [
    row_of("small", 100, 12, seconds=4.2),
    row_of("large", 100, 19, weights="imagenet", megabytes=18.3),
    row_of("small", 1000, 13, log_loss=None, seconds=None),
    row_of("large", 1000, 20, weights="imagenet"),
    row_of("slow", 100, 14),
]


def test_the_table_has_the_most_photos_first_and_of_these_the_best():
    head, *lines = comparison_table(ROWS).splitlines()
    assert head.split()[:3] == ["photos", "net", "right"]
    assert [line.split()[:2] for line in lines] == [
        ["1,000", "large"],
        ["1,000", "small"],
        ["100", "large"],
        ["100", "slow"],
        ["100", "small"],
    ]
    cells = "100 large 95.0% 76.4% to 99.1% 0.5000 10 1.5 18.3 imagenet"
    assert lines[2].split() == cells.split()
    assert "nan" not in "".join(lines)
    assert "None" not in "".join(lines)


def test_the_advice_names_the_best_and_the_best_without_pretrained_weights():
    first, command = advised(ROWS, "my photos").splitlines()
    assert first == (
        "with 1,000 photos: large, 100.0% (83.9% to 100.0%); slow needs no pretrained weights: "
        "70.0% (48.1% to 85.5%) with 100"
    )
    assert command == "$ catdog fit 'my photos' --net large"
    alone = advised([row_of("small", 100, 12)], "p").splitlines()[0]
    assert alone == "with 100 photos: small, 60.0% (38.7% to 78.1%)"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (99.4, "99 s"), (99.6, "2 min"), (5969, "99 min"), (5971, "1.7 h")],
)
def test_times_are_told_shortly(seconds, words):
    assert span(seconds) == words
