import pytest

from catdog.runtime.wording import counted


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0 photos"), (1, "1 photo"), (1234, "1,234 photos")],
)
def test_counted(number, expected):
    assert counted(number, "photo") == expected
