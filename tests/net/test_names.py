import ast

from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from catdog.net.names import Names, attributes, class_name, identifier


@given(st.lists(st.text(max_size=8), unique=True))
def test_every_key_has_an_identifier_of_its_own(keys):
    names = Names()
    given_names = [names[key] for key in keys]
    assert len(set(given_names)) == len(keys)
    for name in given_names:
        assert isinstance(ast.parse(f"{name} = 1").body[0], ast.Assign)
    assert [names[key] for key in keys] == given_names


@given(st.text(max_size=12))
def test_every_name_gives_a_class(text):
    assert isinstance(ast.parse(f"class {class_name(text)}: pass").body[0], ast.ClassDef)


def test_names_stay_near_their_text():
    assert identifier("conv1/3x3_reduce") == "conv1_3x3_reduce"
    assert identifier("5") == "_5"
    assert identifier("class") == "class_"
    assert class_name("bvlc_alexnet") == "BvlcAlexnet"
    assert class_name("CaffeNet") == "CaffeNet"
    assert class_name("16 layers") == "Net16Layers"
    assert class_name("") == "Net"


def test_attributes_of_a_module_are_not_taken():
    names = attributes()
    for name in ("forward", "training", "train", "half", "type"):
        assert not hasattr(nn.Module(), names[name])
