"""Specs that are made to cost time or memory are told in one line, at once."""

import pytest

from catdog.errors import SpecError
from catdog.spec import read_net


def laughs(merge):
    """Nine levels of anchors that each name the one before nine times: 387 million values."""
    lines = ["x-a0: &a0 {name: x}"]
    for level in range(1, 10):
        inner = f"*a{level - 1}"
        content = ", ".join(
            f"<<: [{', '.join([inner] * 9)}]" if merge else f"k{i}: {inner}"
            for i in range(1 if merge else 9)
        )
        lines.append(f"x-a{level}: &a{level} {{{content}}}")
    return "\n".join([*lines, "name: x", "layer: [*a9]"])


@pytest.mark.parametrize("merge", [True, False])
def test_aliases_of_aliases(tmp_path, merge):
    path = tmp_path / "net.yaml"
    path.write_text(laughs(merge))
    with pytest.raises(SpecError, match="its aliases repeat more than 50,000 values"):
        read_net(path)


def test_aliases_that_a_net_may_have(tmp_path):
    path = tmp_path / "net.yaml"
    layers = "\n".join(f"- {{name: l{i}, type: ReLU, <<: *x}}" for i in range(1000))
    path.write_text(f"x-a: &x {{bottom: a, top: a}}\nname: n\nlayer:\n{layers}\n")
    assert len(read_net(path).message.layer) == 1000


@pytest.mark.parametrize("depth", [65, 600, 5000, 200_000])
@pytest.mark.parametrize("form", ["prototxt", "yaml", "list"])
def test_blocks_within_each_other(tmp_path, form, depth):
    opening, closing = {"prototxt": ("a {", "}"), "yaml": ("{a: ", "}"), "list": ("[", "]")}[form]
    inner = "" if form == "prototxt" else "1"
    text = opening * depth + inner + closing * depth
    path = tmp_path / ("net.prototxt" if form == "prototxt" else "net.yaml")
    path.write_text(text if form == "prototxt" else f"layer: {text}")
    with pytest.raises(SpecError, match=r"more than 64 blocks|not YAML: while|exceeded|nesting"):
        read_net(path)
