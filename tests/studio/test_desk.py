"""A process apart for what strangers send."""

import os

import pytest

from catdog.errors import CatdogError
from catdog.studio.desk import Desk
from catdog.studio.place import StudioFolder
from tests.studio.work import work


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with Desk(StudioFolder(tmp_path_factory.mktemp("desk")), work, seconds=8) as found:
        yield found


def test_it_works_in_its_folder_with_low_priority(desk):
    answer = desk.ask(kind="tell")
    assert answer["here"] == str(desk._place.folder)
    assert answer["nice"] > os.nice(0)
    assert desk.ask(kind="tell")["process"] == answer["process"] != os.getpid()


def test_a_mistake_is_told_without_the_folder(desk):
    with pytest.raises(CatdogError) as caught:
        desk.ask(kind="wrong")
    assert str(caught.value) == "x: is wrong; look"


def test_another_one_follows_one_that_ends(desk):
    first = desk.ask(kind="tell")["process"]
    with pytest.raises(CatdogError, match="more time or memory"):
        desk.ask(kind="die")
    assert desk.ask(kind="tell")["process"] != first


def test_what_takes_too_long_is_ended(tmp_path):
    with Desk(StudioFolder(tmp_path), work, seconds=0.2) as desk:
        with pytest.raises(CatdogError, match="more time or memory"):
            desk.ask(kind="sleep")
        assert desk._process is None


def test_a_process_that_has_begun_answers(tmp_path):
    with Desk(StudioFolder(tmp_path), work) as desk:
        desk.begin()
        begun = desk._process.pid
        assert desk.ask(kind="tell")["process"] == begun
