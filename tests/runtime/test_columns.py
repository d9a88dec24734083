"""Columns are the lists that they stand for, in a small part of their memory."""

import tracemalloc
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.runtime.columns import ByteStrings, Picked, Texts, Words

SLICES = st.builds(slice, *[st.none() | st.integers(-9, 9)] * 2, st.sampled_from([None, 1, 2, -1]))


@given(st.lists(st.text(st.characters(), max_size=5), max_size=6), SLICES)
def test_texts_and_words_are_a_list(texts, part):
    for column in (Texts(texts), Words(texts)):
        assert column == texts and list(column) == texts
        assert column[part] == texts[part]
        assert [column[at - len(texts)] for at in range(len(texts))] == texts
        assert texts == [] or (
            texts[-1] in column and column.count(texts[0]) == texts.count(texts[0])
        )
        for out in (len(texts), -len(texts) - 1):
            with pytest.raises(IndexError):
                column[out]
    assert Words(texts).counts() == Counter(texts)
    assert [Words(texts).distinct[code] for code in Words(texts).codes] == texts


@given(st.lists(st.binary(max_size=5), max_size=6))
def test_byte_strings_are_a_list(strings):
    assert ByteStrings(strings) == strings
    assert Picked(ByteStrings(strings), range(len(strings))[::-1]) == strings[::-1]


def test_names_that_are_no_text_come_back():
    names = [b"caf\xe9.jpg".decode(errors="surrogateescape"), "\ud800", "猫\udcff"]
    assert Texts(names) == names


@pytest.mark.parametrize(
    ("make", "beside"), [(Texts, 8), (Words, 4), (lambda t: ByteStrings(map(str.encode, t)), 8)]
)
def test_little_memory_beside_the_names(make, beside):
    count, length = 20_000, 0 if make is Words else 20
    words = (
        f"class_{number % 10}" if make is Words else f"{number:020d}" for number in range(count)
    )
    tracemalloc.start()
    column = make(words)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(column) == count
    # memory grows ahead of what is in it, by an eighth
    assert held < 1.2 * count * (length + beside) + 5000
