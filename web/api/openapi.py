"""The description of the JSON interface, OpenAPI 3.1, made of the routes of the application; and a page to read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from inspect import getdoc
from typing import Any

from flask import Blueprint, Flask, current_app, render_template
from flask.typing import ResponseReturnValue
from werkzeug.routing import AnyConverter, Rule

from web.api.described import JSON, Described, of_endpoint
from web.api.schemas import MOMENT, SCHEMAS, TEXT, page_of
from web.auth.actions import action_of, needs

blueprint = Blueprint("openapi", __name__, url_prefix="/api/v1")

PROBLEM = "application/problem+json"
POSITION = {"type": "string", "pattern": "^[0-9]{1,18}$"}

PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "limit": ({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "How many items at most."),
    "before": (POSITION, "What `next` said: the items after those."),
    "after": (
        TEXT,
        "What `next` said for nodes; for events an id, and then the events after it, the oldest first.",
    ),
    "environment": (TEXT, "Only of this environment."),
    "state": (TEXT, "Only in this state."),
    "status": (TEXT, "Only with this status."),
    "drift": ({"enum": ["lasting", "resolved"]}, "Only what lasts, or what is over."),
    "q": (TEXT, "Part of a name, or the beginning of an id."),
    "selector": (TEXT, "Only nodes that it means, such as `region=eu and not group:canaries`."),
    "group": (TEXT, "Only nodes of this node-group."),
    "version": (TEXT, "Only nodes whose agent or proxy has this version."),
    "bundle": (TEXT, "Only nodes that run this digest, or one that begins so."),
    "kind": (TEXT, "Only of this kind, or of those below it."),
    "subject": (TEXT, "Only about this."),
    "actor": (TEXT, "Only by who has this in the name."),
    "action": (TEXT, "Only of this action, or of those that begin with it."),
    "outcome": ({"enum": ["done", "refused"]}, "Only with this outcome."),
    "since": (MOMENT, "Only from then on; a date alone is its beginning in UTC."),
    "until": (MOMENT, "Only from before then."),
    "project": (TEXT, "Only of this project."),
    "propose": ({"enum": ["0", "1"]}, "With 1 the commit goes to a branch of its own, which proposes it."),
    "why": ({"type": "string", "minLength": 1, "maxLength": 500}, "Why, for whoever reads of it."),
    "path": (TEXT, "The file that a new resource goes into, from the project's folder."),
    "allow_deletions": (
        {"type": "string", "pattern": "^[0-9]{1,9}$"},
        "How many routes the commit may take away, where a rule bounds that.",
    ),
}

HEADERS = {
    "If-Match": "The ETag of the state that you read, or * for any: what is otherwise by now is not changed.",
    "Idempotency-Key": "What you call this request: sent again with it, it is the same change.",
}

OTHERWISE = {
    200: "It was so already: there is no commit.",
    202: "It is still being made: `Location` says where it is told.",
    302: "`Location` says where it is, for five minutes.",
    400: "A parameter cannot be used.",
    401: "Nobody is signed in, or the key lets nobody in.",
    403: "You see the place, and your role or the key's scopes do not suffice.",
    404: "It is not there, or you have no role there.",
    409: "Somebody changed it meanwhile, or it is in a state in which this cannot be done.",
    412: "It is not as your `If-Match` says; `theirs` is what it is.",
    413: "The body is too large.",
    422: "The body cannot be used; `detail` says why.",
    429: "Too many requests; `Retry-After` says when to come again.",
    503: "The database cannot be read now.",
}


@blueprint.get("/openapi.json")
@needs("public")
def document() -> ResponseReturnValue:
    """This interface, as OpenAPI 3.1."""
    return describe(current_app)


@blueprint.get("/reference")
@needs("public")
def reference() -> ResponseReturnValue:
    """The same to read."""
    found = describe(current_app)
    operations = [
        {"path": path, "method": method.upper(), **operation}
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    ]
    return render_template(
        "reference.html",
        operations=operations,
        schemas=found["components"]["schemas"],
        type_words=type_words,
    )


def type_words(schema: dict[str, Any]) -> str:
    """What may stand there, in words."""
    if "anyOf" in schema:
        return " or ".join(type_words(part) for part in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if schema.get("format") == "date-time":
        return "moment"
    if schema.get("type") == "array":
        return f"list: {type_words(schema['items'])}"
    return str(schema.get("type", "any JSON"))


def describe(app: Flask) -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for rule, operation in operations(app):
        path = re.sub(r"<(?:[^<>]+:)?(\w+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(app, rule, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sentinel control plane",
            "version": version("sentinel-control-plane"),
            "description": "What is, of the projects that you see. Moments are RFC 3339 in UTC.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key: `sck_…`."}
            },
        },
    }


def operations(app: Flask) -> Iterator[tuple[Rule, Described]]:
    """Every route that is an operation of the interface."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        operation = of_endpoint(app, rule.endpoint)
        if operation is not None:
            yield rule, operation


def _operation(app: Flask, rule: Rule, operation: Described) -> dict[str, Any]:
    action = action_of(app, rule.endpoint)
    text = getdoc(app.view_functions[rule.endpoint]) or ""
    scope = f" Takes the scope `{action.scope}`." if action.scope else ""
    statuses = {400, 401, 403, 404, 429, 503} | set(operation.otherwise)
    found: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": text.split("\n", 1)[0],
        "description": " ".join(text.split()) + scope,
        "security": [{"key": []}],
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": _place(rule, name)}
                for name in sorted(rule.arguments)
            ),
            *(
                {
                    "name": name,
                    "in": "query",
                    "schema": PARAMETERS[name][0],
                    "description": PARAMETERS[name][1],
                }
                for name in operation.takes
            ),
            *(
                {"name": name, "in": "header", "schema": TEXT, "description": HEADERS[name]}
                for name in operation.heeds
            ),
        ],
        "responses": {
            str(operation.status): _answer(operation),
            **{str(status): _otherwise(status) for status in sorted(statuses)},
        },
    }
    if operation.status == 200 and operation.media == JSON and "GET" in (rule.methods or ()):
        found["responses"]["304"] = {"description": "It is what your `If-None-Match` names."}
    if operation.body:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(operation.body)}}}
    return found


def _place(rule: Rule, name: str) -> dict[str, Any]:
    """What may stand in a part of a path: one of a few words, or any text."""
    converter = rule._converters[name]
    if isinstance(converter, AnyConverter):
        return {"enum": sorted(converter.items)}
    return {"type": "string", "minLength": 1}


def _answer(operation: Described) -> dict[str, Any]:
    if operation.media != JSON:
        return {
            "description": operation.gives,
            "content": {operation.media: {"schema": {"type": "string", "format": "binary"}}},
        }
    schema = page_of(operation.gives) if operation.many else _ref(operation.gives)
    return {"description": operation.gives, "content": {JSON: {"schema": schema}}}


def _otherwise(status: int) -> dict[str, Any]:
    if status < 300:
        return {"description": OTHERWISE[status], "content": {JSON: {"schema": _ref("Change")}}}
    if status < 400:
        return {"description": OTHERWISE[status]}
    return {"description": OTHERWISE[status], "content": {PROBLEM: {"schema": _ref("Problem")}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
