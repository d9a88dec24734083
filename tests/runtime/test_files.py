import pytest

from catdog.errors import CatdogError
from catdog.runtime.files import replacing


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as beside:
        beside.write_text("one")
        assert not path.exists()
    with pytest.raises(KeyError), replacing(path) as beside:
        beside.write_text("half")
        raise KeyError
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_what_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(CatdogError, match="cannot be written"),
        replacing(tmp_path / "file" / "a.txt"),
    ):
        pass
