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
