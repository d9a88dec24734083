"""No damage to a file ends in anything but one line."""

import sys

import pytest

from tests.fuzz.child import in_a_child, read_mutations, trouble
from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory by /proc")


@pytest.mark.parametrize("form", TARGETS)
def test_damage_is_one_line(form, tmp_path):
    note = tmp_path / "note"

    def read():
        return read_mutations(form, range(TARGETS[form].count), tmp_path, note)

    assert in_a_child(read, note) == ""


@pytest.mark.parametrize("form", TARGETS)
def test_what_is_sound_is_read(form, tmp_path):
    target = TARGETS[form]
    told = [trouble(target, tmp_path, sample) for sample in target.samples()]
    assert told == [""] * len(told)
