"""Changes of a YAML text keep all that they do not change."""

import pytest
import yaml

from catdog.project.yaml_text import YamlText, split_header

TEXT = """\
# what it is
name: a  # the name
base: &base {x: 1}
flow: &flow {y: 2, <<: *base}
block:
  # before
  z: [1, 2]
  deep:
    w: 3
twice: *flow
"""


def changed(key: str, name: str, value: str) -> str:
    made = YamlText(TEXT)
    made.put(made.find(made.root, key) if key else made.root, name, value)
    return made.changed()


@pytest.mark.parametrize(
    ("key", "name", "value", "old", "new"),
    [
        ("", "name", "b", "name: a  # the", "name: b  # the"),
        ("flow", "y", "7", "{y: 2,", "{y: 7,"),
        ("flow", "x", "9", "{x: 1}", "{x: 9}"),
        ("flow", "v", "5", "&flow {y", "&flow {v: 5, y"),
        ("block", "z", "4", "z: [1, 2]", "z: 4"),
        ("block", "v", "5", "  z: [1", "  v: 5\n  z: [1"),
        ("twice", "y", "8", "{y: 2", "{y: 8"),
    ],
)
def test_one_place_changes(key, name, value, old, new):
    assert TEXT.count(old) == 1
    text = changed(key, name, value)
    assert text == TEXT.replace(old, new)
    # YAML reads it as meant
    content = yaml.safe_load(text)
    assert (content[key] if key else content)[name] == yaml.safe_load(value)


def test_a_key_is_dropped_with_its_lines():
    made = YamlText(TEXT)
    made.drop(made.find(made.root, "block"), "deep")
    made.drop(made.root, "name")
    assert made.changed() == TEXT.replace("  deep:\n    w: 3\n", "").replace(
        "name: a  # the name\n", ""
    )


def test_a_shared_value_is_changed_once():
    made = YamlText(TEXT)
    for key in ("flow", "twice"):
        made.put(made.find(made.root, key), "y", "6")
    assert made.changed() == TEXT.replace("y: 2", "y: 6")


def test_the_header_is_the_comment_at_the_beginning():
    told, rest = split_header("# one\n#\n#  two\nname: a\n# three\n")
    assert told == ["one", "", "two"]
    assert rest == "name: a\n# three\n"
