"""`…/resources/<kind>` and `…/policies/<policy>`: everything that is configured on trunk, to read and to change.

One set of routes serves every kind of the language's table. A change is judged by a worker as trunk would judge it, and
becomes a commit by who asks. What rules a project (who approves, when, under which rules) is apart from the rest: it
takes a greater role.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, g, request
from flask.typing import ResponseReturnValue

from reconciler.config.json_schema import kind_schema
from reconciler.config.kinds import KINDS
from reconciler.config.report import Problem as Unusable
from reconciler.config.repository_path import RepositoryPath
from reconciler.config.source import LANGUAGE, SourceFile
from reconciler.config.tripwire import search
from reconciler.db import resources
from reconciler.db.resources import Resource
from reconciler.errors import Refused
from web.api import asked
from web.api.asked import RULING
from web.api.bodies import read_document
from web.api.described import describes
from web.api.leaks import refusal_of
from web.auth.actions import needs
from web.pages import cursors
from web.problems import answer, of_refusal

blueprint = Blueprint("resources", __name__, url_prefix="/api/v1/projects/<project>")
kinds_blueprint = Blueprint("kinds", __name__, url_prefix="/api/v1/kinds")

USUAL = 50
MOST = 200

OTHERS = tuple(kind for kind in KINDS if kind not in RULING)
HEEDS = ("If-Match", "Idempotency-Key")
TAKES = ("propose", "why", "path", "allow_deletions")
FILE = RepositoryPath((LANGUAGE,))
ETAG = re.compile(r'"([0-9a-f]{40})"|\*')


def listed(kind: str) -> ResponseReturnValue:
    """The resources of a kind by name, each with its file and etag; `q` narrows by a part of the name."""
    limit = cursors.limit(request.args.get("limit"), default=USUAL, most=MOST)
    found = resources.listed(
        g.place.organization,
        g.place.project,
        kind,
        after=request.args.get("after") or None,
        part=request.args.get("q") or None,
        limit=limit + 1,
    )
    return {
        "items": [summary(row) for row in found[:limit]],
        "next": str(found[limit - 1].name) if len(found) > limit else None,
    }


def one(kind: str, name: str) -> ResponseReturnValue:
    """One resource of the newest valid commit of trunk: JSON form and words. The ETag is git's id of the words."""
    row = resources.one(g.place.organization, g.place.project, kind, name)
    if row is None:
        abort(404)
    body = {**summary(row), "form": row.form, "kdl": row.text}
    return body, 200, {"ETag": f'"{row.etag}"'}


def create(kind: str) -> ResponseReturnValue:
    """Make a resource; `name` stands in the body. It is a commit by you, on trunk or, with `propose=1`, on a branch."""
    return _change("create", kind, None)


def put(kind: str, name: str) -> ResponseReturnValue:
    """Write a resource, whether it exists or not, as one commit. `If-Match` names the state that you read."""
    return _change("put", kind, name)


def delete(kind: str, name: str) -> ResponseReturnValue:
    """Take a resource away, as one commit."""
    return _change("delete", kind, name)


@kinds_blueprint.get("")
@describes("Kind", many=True)
@needs("services:read")
def kinds() -> ResponseReturnValue:
    """The kinds of the language, and where resources of each are."""
    items = [
        {
            "name": kind.name,
            "description": kind.field.doc,
            "single": kind.single,
            "below": "policies" if kind.name in RULING else "resources",
        }
        for kind in KINDS.values()
    ]
    return {"items": items, "next": None}


@kinds_blueprint.get("/<kind>")
@describes("KindSchema")
@needs("services:read")
def schema(kind: str) -> ResponseReturnValue:
    """The JSON Schema of a kind's form."""
    if kind not in KINDS:
        abort(404)
    return {"name": kind, "example": KINDS[kind].field.example, "schema": kind_schema(KINDS[kind])}


def summary(row: Resource) -> dict[str, Any]:
    """A resource in a list."""
    return {
        "kind": row.kind,
        "name": row.name,
        "path": row.path,
        "blob": row.blob,
        "etag": row.etag,
        "commit": row.commit,
    }


def _change(operation: str, kind: str, name: str | None) -> ResponseReturnValue:
    try:
        document = None if operation == "delete" else read_document()
        if name is None:
            name = (document or {}).get("name")
            if not isinstance(name, str):
                raise Refused("E-API-001", "the field 'name' is missing", cure="Send it")
        _check_name(kind, name)
        if request.headers.get("If-None-Match") == "*" and operation == "put":
            operation = "create"
        content = "" if document is None else json.dumps(document, sort_keys=True)
        leaked = refusal_of(search([SourceFile("body.kdl", _texts(document))]))
        if leaked is not None:
            return answer(leaked)
        body = {"kind": kind, "name": name, **_options()}
        if content:
            body["sha256"] = hashlib.sha256(content.encode()).hexdigest()
        wanted = asked.wanted("", f"resource.{operation}", body, content=content, work="edit")
    except Refused as refusal:
        return answer(replace(of_refusal(refusal), status=422))
    return asked.answered(wanted)


def _check_name(kind: str, name: str) -> None:
    found = KINDS[kind].field.arguments[0].type.read(name)
    if isinstance(found, Unusable):
        raise Refused("E-API-005", f"the name cannot be used: {found.message}", cure=f"Use {found.expected}")


def _options() -> dict[str, Any]:
    """What the query and the headers say of a change. Raises `Refused` E-API-005."""
    found: dict[str, Any] = {}
    propose = request.args.get("propose", "0")
    if propose not in ("0", "1"):
        raise Refused("E-API-005", "'propose' is neither 0 nor 1", cure="Send propose=1, or leave it out")
    if propose == "1":
        found["propose"] = True
    if "why" in request.args:
        found["why"] = asked.words("why", request.args["why"])
    if "path" in request.args:
        path = request.args["path"]
        problem = FILE.read(path)
        if isinstance(problem, Unusable) or any(part.startswith(".") for part in path.split("/")):
            raise Refused("E-API-005", "'path' is no path of a file", cure=f"Use {FILE.expected}")
        found["path"] = path
    if "allow_deletions" in request.args:
        number = request.args["allow_deletions"]
        if not (number.isascii() and number.isdigit() and len(number) <= 9):
            raise Refused("E-API-005", "'allow_deletions' is no number", cure="Send how many routes may go")
        found["allow_deletions"] = int(number)
    match = request.headers.get("If-Match")
    if match is not None:
        matched = ETAG.fullmatch(match.strip())
        if matched is None:
            raise Refused("E-API-005", "If-Match is no ETag of a resource", cure="Send the one that you read")
        found["match"] = matched[1] or "*"
    return found


def _texts(document: Any) -> bytes:
    """Every text of a document, one behind the other: credentials are looked for in what they say, not in how JSON
    writes it."""

    def texts(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for item in value:
                yield from texts(item)
        elif isinstance(value, dict):
            for key, item in value.items():
                yield key
                yield from texts(item)

    return "\n".join(texts(document)).encode("utf-8", "surrogatepass")


def _serve(area: str, folder: str, parameter: str, kinds: tuple[str, ...]) -> None:
    """The five operations below a folder, for these kinds."""
    base = f"/{folder}/<any({', '.join(map(repr, kinds))}):{parameter}>"

    def add(
        name: str,
        path: str,
        method: str,
        view: Callable[..., ResponseReturnValue],
        mark: Callable[[Any], Any],
    ) -> None:
        def served(**values: str) -> ResponseReturnValue:
            return view(values.pop(parameter), **values)

        served.__doc__ = view.__doc__
        write = "read" if method == "GET" else "write"
        blueprint.add_url_rule(
            base + path, f"{folder}_{name}", needs(f"{area}:{write}")(mark(served)), methods=[method]
        )

    def written(body: str = "") -> Callable[[Any], Any]:
        return describes(
            "Change", body=body, takes=TAKES, heeds=HEEDS, status=201, otherwise=(*asked.OTHERWISE, 412)
        )

    add("listed", "", "GET", listed, describes("ResourceSummary", many=True, takes=("q", "after", "limit")))
    add("one", "/<name>", "GET", one, describes("Resource"))
    add("create", "", "POST", create, written("ResourceForm"))
    add("put", "/<name>", "PUT", put, written("ResourceForm"))
    add("delete", "/<name>", "DELETE", delete, written())


_serve("services", "resources", "kind", OTHERS)
_serve("policies", "policies", "policy", RULING)
