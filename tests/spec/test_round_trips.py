"""One spec in every way of writing it: prototxt, YAML and the message say the same."""

import json
import re
from random import Random

import yaml
from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.proto.caffe_pb2 import LayerParameter, NetParameter, SolverParameter
from catdog.spec.read import parse_prototxt, parse_yaml, read_message
from catdog.spec.write import to_prototxt, to_text, to_yaml
from tests.spec.messages import messages

KINDS = [NetParameter, SolverParameter, LayerParameter]
SPECS = st.sampled_from(KINDS).flatmap(messages)
RANDOM = st.randoms(use_true_random=False)
#: What may stand in a comment of either form: no control characters, no line separators.
WORDS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=12)
NAMES = st.text(st.characters(codec="utf-8"), max_size=20)


def from_yaml(text, kind):
    message = kind()
    parse_yaml(text, message, "x.yaml")
    return message


def from_prototxt(text, kind):
    message = kind()
    parse_prototxt(text, message, "x.prototxt")
    return message


@settings(max_examples=100, deadline=None)
@given(SPECS)
def test_from_one_form_to_the_other_and_back(message):
    kind = type(message)
    once = from_yaml(to_yaml(from_prototxt(to_prototxt(message), kind)), kind)
    again = from_prototxt(to_prototxt(from_yaml(to_yaml(once), kind)), kind)
    assert once == again == message


@settings(max_examples=100, deadline=None)
@given(SPECS, st.lists(WORDS, min_size=1, max_size=4), RANDOM)
def test_comments_say_nothing(message, words, random):
    def commented(text):
        lines = []
        # strings hold signs that splitlines takes for ends of lines too
        for line in re.split(r"(?<=\n)", text):
            if random.random() < 0.5:
                lines.append(f"{' ' * random.randrange(9)}# {random.choice(words)}\n")
            lines.append(line)
        return "".join([*lines, f"# {random.choice(words)}"])

    assert from_yaml(commented(to_yaml(message)), type(message)) == message
    # protobuf writes each value on a line of its own, and no text on several
    assert from_prototxt(commented(to_prototxt(message)), type(message)) == message


def scalar(field, value, random):
    """A value as prototxt may have it: texts in either kind of quotes, in pieces."""
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if field.type == FieldDescriptor.TYPE_BOOL:
        return random.choice(["true", "True", "t", "1"] if value else ["false", "False", "f", "0"])
    if field.type not in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        return repr(value)
    content = value if isinstance(value, bytes) else value.encode()
    at = random.randint(0, len(content))
    return " ".join(
        quote + "".join(f"\\{byte:03o}" if chr(byte) in "\\'\"" or not 31 < byte < 127
                        else chr(byte) for byte in part) + quote
        for part in (content[:at], content[at:])
        for quote in [random.choice("\"'")]
    )  # fmt: skip


def prototxt(message, random):
    """A message in prototxt that nobody's printer writes: lists, angles, colons, semicolons."""
    parts = []
    for field, content in message.ListFields():
        inner = field.message_type is not None

        def written(value, field=field, inner=inner):
            if not inner:
                return scalar(field, value, random)
            opening, closing = random.choice(["{}", "<>"])
            return f"{opening}{prototxt(value, random)}{closing}"

        values = [written(value) for value in (content if field.is_repeated else [content])]
        colon = random.choice([" ", ": "]) if inner else ": "
        if field.is_repeated and random.random() < 0.5:
            parts.append(f"{field.name}: [{', '.join(values)}]")
        else:
            parts += [f"{field.name}{colon}{value}" for value in values]
    return random.choice(["\n", "; ", " , ", " # and\n"]).join(parts)


@settings(max_examples=150, deadline=None)
@given(SPECS, RANDOM)
def test_lists_quotes_and_brackets_of_prototxt(message, random):
    text = prototxt(message, random)
    assert text_format.Parse(text, type(message)()) == message
    assert from_prototxt(text, type(message)) == message


@settings(max_examples=100, deadline=None)
@given(SPECS)
def test_yaml_that_flows_as_json_does(message):
    text = json.dumps(yaml.safe_load(to_yaml(message)) or {}, ensure_ascii=False)
    # of JSON's own escapes YAML does not know the halves of a letter
    text = "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in text)
    assert from_yaml(text, type(message)) == message


@settings(max_examples=200, deadline=None)
@given(NAMES, NAMES)
def test_names_in_every_script(name, blob):
    net = NetParameter(name=name, layer=[LayerParameter(name=blob, type="ReLU", top=[blob, name])])
    assert from_yaml(to_yaml(net), NetParameter) == net
    assert from_prototxt(to_prototxt(net), NetParameter) == net
    doubled = blob.replace("'", "''")
    if blob.isprintable():
        quoted = from_yaml(f"layer: [{{name: '{doubled}'}}]", NetParameter)
        assert quoted.layer[0].name == blob


@settings(max_examples=50, deadline=None)
@given(SPECS, st.sampled_from(["x.yaml", "x.yml", "x.prototxt"]), st.booleans())
def test_files(tmp_path_factory, message, name, mark):
    path = tmp_path_factory.mktemp("spec") / name
    text = to_text(message, path)
    path.write_text(text, encoding="utf-8-sig" if mark else "utf-8", newline="")
    assert read_message(path, type(message)()).message == message


def test_what_random_prototxt_looks_like():
    net = NetParameter(name="a'", layer=[LayerParameter(top=["x", "y"])])
    written = {prototxt(net, Random(seed)) for seed in range(40)}
    assert any("[" in text for text in written) and any("<" in text for text in written)
