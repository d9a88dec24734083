import pytest

from catdog.errors import CatdogError, DataError
from catdog.runtime.files import new_folder, replacing


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


def test_a_folder_is_whole_or_not_there(tmp_path):
    path = tmp_path / "new" / "folder"
    with pytest.raises(KeyError), new_folder(path) as beside:
        (beside / "a").touch()
        raise KeyError
    assert not path.parent.exists()
    with new_folder(path) as beside:
        (beside / "a").touch()
        assert not path.exists()
    assert [p.name for p in path.parent.iterdir()] == ["folder"]
    assert [p.name for p in path.iterdir()] == ["a"]
    with pytest.raises(DataError, match="exists already"), new_folder(path):
        pass
    with pytest.raises(CatdogError, match="cannot be written"), new_folder(path / "a" / "b"):
        pass
