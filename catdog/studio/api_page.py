"""The page that tells programs how to ask: the routes of the studio, by its own schema."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from catdog.studio.here import render

router = APIRouter()


@dataclass(frozen=True)
class Route:
    """A route: what it takes by name, with a word on each, and the kind of its body."""

    verb: str
    path: str
    about: str
    query: Mapping[str, str]
    body: Mapping[str, str]
    kind: str


@router.get("/api", response_class=HTMLResponse, include_in_schema=False)
def page(request: Request) -> HTMLResponse:
    """All that a program may ask."""
    return render("api.html", "", routes=list(routes(request.app.openapi())))


def routes(schema: Mapping[str, Any]) -> Iterator[Route]:
    """The routes of an OpenAPI schema, in its order."""
    kinds: Mapping[str, Any] = schema.get("components", {}).get("schemas", {})
    for path, verbs in schema["paths"].items():
        for verb, said in verbs.items():
            query = {each["name"]: _word(each) for each in said.get("parameters", ())}
            content: Mapping[str, Any] = said.get("requestBody", {}).get("content", {})
            kind = next(iter(content), "")
            about = str(said.get("description", ""))
            fields = _fields(content[kind].get("schema", {}), kinds) if kind else {}
            yield Route(verb.upper(), path, about, query, fields, kind)


def _fields(schema: Mapping[str, Any], kinds: Mapping[str, Any]) -> dict[str, str]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found = kinds.get(name, schema)
    needed = found.get("required", ())
    return {
        key: _word({"schema": value, "required": key in needed})
        for key, value in found.get("properties", {}).items()
    }


def _word(said: Mapping[str, Any]) -> str:
    """The kind of a value, and what it is where it is left out."""
    schema = said["schema"]
    kind = str(schema.get("type", "text"))
    if said.get("required"):
        return kind
    default = schema.get("default")
    return f"{kind}, may be left out" + (f": {default}" if default not in (None, "", []) else "")
