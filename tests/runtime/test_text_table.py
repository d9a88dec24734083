from catdog.runtime.text_table import text_table


def test_words_to_the_left_numbers_to_the_right():
    rows = [("a", "1.5", "x"), ("long", "-20", "")]
    assert text_table(("name", "n", "word"), rows).splitlines() == [
        "name    n  word",
        "a     1.5  x",
        "long  -20",
    ]


def test_heads_alone():
    assert text_table(("a", "b"), []) == "a  b"


def test_what_counts_as_a_number():
    rows = [
        ("1,234", "97.20%", "1e-05", "1.5 GB", "1x3x5", "nan"),
        ("5", "–", "", "900 B", "7", "1"),
    ]
    assert text_table(None, rows).splitlines() == [
        "1,234  97.20%  1e-05  1.5 GB  1x3x5  nan",
        "    5       –          900 B  7        1",
    ]
