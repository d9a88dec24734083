"""The words of a form are what `create_lmdb` makes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.studio.store_words import StoreSettings, build_words
from tools.create_lmdb import _arguments, _check_encoding, _dataset

SETTINGS = st.builds(
    StoreSettings,
    width=st.integers(1, 500),
    height=st.integers(1, 500),
    resize=st.sampled_from(DatasetParameter.Resize.keys()),
    equalize=st.booleans(),
    interpolation=st.sampled_from(DatasetParameter.Interpolation.keys()),
    gray=st.booleans(),
    encoded=st.sampled_from(["", "JPEG", "KEEP"]),
    quality=st.integers(1, 100),
    validation=st.sampled_from([0, 0.1, 0.25]),
    seed=st.integers(0, 9),
    shards=st.integers(0, 3),
)


@given(SETTINGS)
def test_the_command_builds_what_the_form_says(asked):
    args = _arguments(build_words("photos", "stores/x", asked))
    _check_encoding(args)
    assert (str(args.data), str(args.out)) == ("photos", "stores/x")
    made, wanted = _dataset(args), asked.dataset()
    for field in ("width", "height", "equalize", "resize", "encoding", "quality", "channel_order"):
        if not asked.keeps or field == "encoding":
            assert getattr(made, field) == getattr(wanted, field), field
    assert (made.seed, made.shards) == (asked.seed, asked.shards)
    assert made.validation == pytest.approx(asked.validation)
    assert asked.keeps or made.interpolation == wanted.interpolation


def test_words_of_a_list():
    words = build_words("photos", "out", StoreSettings(), ("--list", "photos/list.txt"))
    assert str(_arguments(words).list) == "photos/list.txt"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0),
        ("height", 10**9),
        ("quality", 101),
        ("resize", "stretch"),
        ("encoded", "PNG"),
        ("validation", 1),
        ("seed", -1),
        ("shards", 10**6),
    ],
)
def test_what_no_store_can_be(field, value):
    with pytest.raises(CatdogError) as caught:
        StoreSettings(**{field: value})
    assert caught.value.where == field
