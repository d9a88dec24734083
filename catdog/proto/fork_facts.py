"""Write forks.json, what the numbers of fields mean in each fork, from the facts about them.

  python -m catdog.proto.fork_facts forks_schema.json schema.json

`forks_schema.json` was read from compiled descriptors of the forks' caffe.proto, the commit of each
is named in it; `schema.json` likewise from BVLC Caffe 1.0's. Kept are the messages that a net is
made of, as far as catdog has them.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from catdog.proto.caffe_pb2 import NetParameter

TARGET = Path(__file__).parent / "forks.json"
#: A family of converters whose files are known, their caffe.proto is not (seen_in_caffemodels).
_DARKNET = "darknet2caffe"
#: Not of a net's structure; or nothing in which forks differ is read by their numbers.
_LEFT_OUT = {"BlobProto", "Datum", "SolverParameter", "SolverState", "V0LayerParameter"}

Facts = dict[str, Any]
#: message, number, and [name, type, name of message or enum, repeated, forks]
Meaning = tuple[str, int, list[Any]]


def main(schema: str, of_bvlc: str) -> None:
    """Write the table beside this module."""
    facts, bvlc = (json.loads(Path(path).read_text()) for path in (schema, of_bvlc))
    forks = {name: each["repository"] for name, each in facts["forks"].items()}
    forks = {"BVLC": "BVLC/caffe", **forks, _DARKNET: "dog-qiuqiu/MobileNet-Yolo"}
    fields: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for message, number, meaning in [*_added(facts, bvlc), *_new(facts), *_bvlcs(facts, bvlc)]:
        fields[message][number].append(meaning)
    types = {
        name: [[read, [fork]] for fork, read in each["forks"].items()]
        for name, each in facts["layer_types"].items()
    }
    types["Upsample"].append([["upsample_param"], [_DARKNET]])
    table = {"forks": forks, "types": types, "enums": _enums(facts, bvlc), "fields": fields}
    table = {
        name: _numbered(part, list(forks)) for name, part in table.items() if part is not forks
    }
    table = {"forks": forks, **table}
    parts = (f' "{name}": {_lines(part)}' for name, part in table.items())
    TARGET.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _numbered(part: Any, forks: list[str]) -> Any:
    """The same with lists of forks as lists of their places."""
    if isinstance(part, dict):
        return {key: _numbered(each, forks) for key, each in part.items()}
    if isinstance(part, list) and part and all(each in forks for each in part if each != []):
        return [forks.index(each) for each in part]
    return [_numbered(each, forks) for each in part] if isinstance(part, list) else part


def _lines(part: Any) -> str:
    """An object with a line for each of its keys."""
    dense = partial(json.dumps, separators=(",", ":"))
    return "{\n" + ",\n".join(f'  "{key}": {dense(part[key])}' for key in part) + "\n }"


def _meaning(field: Facts, forks: list[str]) -> list[Any]:
    inner = field.get("message") or field.get("enum") or ""
    repeated = field["label"] == "repeated"
    return [field["name"], field["type"], inner.removeprefix("caffe."), repeated, forks]


def _added(facts: Facts, bvlc: Facts) -> Iterator[Meaning]:
    """Fields that forks added to messages of BVLC's, or gave another number."""
    ours = _messages()
    for field in facts["fields"]:
        message = field["in"].removeprefix("caffe.")
        same = [
            each
            for each in bvlc["messages"][field["in"]]
            if (each["name"], each["number"]) == (field["name"], field["number"])
        ]
        if message in ours and not same:
            yield message, field["number"], _meaning(field, field["forks"])
    upsample = {"name": "upsample_param", "type": "message", "label": "optional"}
    upsample["message"] = "caffe.UpsampleParameter"
    yield "LayerParameter", 149, _meaning(upsample, [_DARKNET])


def _new(facts: Facts) -> Iterator[Meaning]:
    """Fields of messages that BVLC does not have."""
    ours = _messages()
    for name, variants in facts["messages"].items():
        message = name.removeprefix("caffe.")
        for variant in variants if message in ours else ():
            forks = list(variant["forks"])
            if message == "UpsampleParameter" and "MobileNet-YOLO" in forks:
                forks.append(_DARKNET)
            for field in variant["fields"]:
                yield message, field["number"], _meaning(field, forks)


def _bvlcs(facts: Facts, bvlc: Facts) -> Iterator[Meaning]:
    """Fields of BVLC's whose number means something else in a fork, with the forks that agree."""
    ours = _messages()
    for conflict in facts["number_conflicts"]:
        message, number = conflict["message"], conflict["number"]
        field = next(
            (each for each in bvlc["messages"].get(message, ()) if each["number"] == number), None
        )
        if message.removeprefix("caffe.") not in ours or field is None:
            continue
        forks = next(m["forks"] for m in conflict["meanings"] if m["name"] == field["name"])
        yield message.removeprefix("caffe."), number, _meaning(field, sorted({*forks, "BVLC"}))


def _enums(facts: Facts, bvlc: Facts) -> Facts:
    """Names and numbers of each enum that differs from BVLC's, in each group of forks."""
    return {
        name.removeprefix("caffe."): [
            [_over(bvlc["enums"].get(name, {}), variant["values"]), variant["forks"]]
            for variant in variants
        ]
        for name, variants in facts["enums"].items()
        if name.removeprefix("caffe.").partition(".")[0] in _messages()
    }


def _over(base: dict[str, int], changed: dict[str, int]) -> dict[str, int]:
    kept = {name: number for name, number in base.items() if number not in changed.values()}
    return {**kept, **changed}


def _messages() -> set[str]:
    """The messages that a net of ours may have in it."""
    pool = NetParameter.DESCRIPTOR.file.message_types_by_name
    found: set[str] = set()
    open_ones = {"NetParameter"}
    while open_ones:
        name = open_ones.pop()
        found.add(name)
        inner = {f.message_type.name for f in pool[name].fields if f.message_type is not None}
        open_ones |= inner - found
    return found - _LEFT_OUT


if __name__ == "__main__":
    main(*sys.argv[1:])
