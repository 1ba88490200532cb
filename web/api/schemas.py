"""The JSON Schemas of what the interface gives and takes, made of the tables and the columns that are published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from peewee import AutoField, BigIntegerField, BooleanField, Field, IntegerField

from reconciler.config.installation_schema import ROLES
from reconciler.db.api_keys import SCOPES
from reconciler.db.models import Bundle, Commit, Environment, Event, Node, Release, Rollout
from reconciler.db.table import DocumentField, InstantField, Table
from web.api import forms
from web.pages.words import NODES, RISKS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
ANY: Schema = {}
WORDS: Schema = {"type": "string", "minLength": 1, "maxLength": 500}


def of_columns(table: type[Table], columns: Iterable[str]) -> Schema:
    """The schema of a row of which some columns are published."""
    fields: Mapping[str, Field] = table._meta.fields
    return of_fields({name: _column(fields[name]) for name in columns})


def of_fields(fields: Mapping[str, Schema], *, optional: Iterable[str] = ()) -> Schema:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "properties": dict(fields),
        "required": sorted(set(fields) - set(optional)),
        "additionalProperties": False,
    }


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    """A list of it."""
    return {"type": "array", "items": schema}


def page_of(name: str) -> Schema:
    """A page of a list: the items, and what to send to go on."""
    return of_fields(
        {"items": listed({"$ref": f"#/components/schemas/{name}"}), "next": nullable(TEXT)},
    )


def _column(field: Field) -> Schema:
    found = _type(field)
    return nullable(found) if field.null and found else found


def _type(field: Field) -> Schema:
    if isinstance(field, InstantField):
        return MOMENT
    if isinstance(field, DocumentField):
        return ANY
    if isinstance(field, BooleanField):
        return {"type": "boolean"}
    if isinstance(field, (AutoField, IntegerField, BigIntegerField)):
        return NUMBER
    return TEXT


_NODE = of_columns(Node, forms.NODE)
_NODE_MORE: dict[str, Schema] = {
    "status": {"enum": list(NODES)},
    "freshness": TEXT,
    "cohort": TEXT,
    "desired": TEXT,
}
_TALLY = of_fields(dict.fromkeys(NODES, NUMBER))
_SCOPES = listed({"enum": list(SCOPES)})
_KEY: dict[str, Schema] = {
    "id": TEXT, "name": TEXT, "hint": TEXT, "organization": TEXT, "project": nullable(TEXT), "person": TEXT,
    "scopes": listed(TEXT), "created_at": MOMENT, "expires_at": MOMENT, "used_at": nullable(MOMENT),
    "used_from": nullable(TEXT), "revoked_at": nullable(MOMENT),
}  # fmt: skip

_RESOURCE: dict[str, Schema] = dict.fromkeys(("kind", "name", "path", "blob", "etag", "commit"), TEXT)

SCHEMAS: dict[str, Schema] = {
    "Project": of_fields(
        {"organization": TEXT, "slug": TEXT, "name": TEXT, "repository": TEXT, "trunk": TEXT, "role": TEXT}
    ),
    "Commit": of_columns(Commit, forms.COMMIT),
    "Risk": of_fields(
        {
            "environment": TEXT, "digest": TEXT, "against": TEXT, "current": {"type": "boolean"},
            "level": {"enum": list(RISKS)}, "reasons": listed(ANY), "changes": ANY,
        }
    ),
    "Environment": of_columns(Environment, forms.ENVIRONMENT),
    "Release": of_columns(Release, forms.RELEASE),
    "Rollout": of_columns(Rollout, forms.ROLLOUT),
    "Bundle": of_columns(Bundle, forms.BUNDLE),
    "Event": of_columns(Event, forms.EVENT),
    "Node": of_fields({**_NODE["properties"], **_NODE_MORE}),
    "NodeStats": of_fields(
        {"total": _TALLY, "environments": {"type": "object", "additionalProperties": _TALLY}}
    ),
    "AuditRow": of_fields(
        {
            "id": NUMBER, "number": nullable(NUMBER), "at": MOMENT, "project": nullable(TEXT),
            "actor": of_fields({"kind": TEXT, "name": TEXT, "address": nullable(TEXT)}), "action": TEXT,
            "subject": TEXT, "outcome": {"enum": ["done", "refused"]}, "details": ANY, "link": nullable(TEXT),
            "mac": nullable(TEXT),
        }
    ),
    "Member": of_fields(
        {
            "email": TEXT, "project": nullable(TEXT), "role": {"enum": ["none", *ROLES]},
            "name": nullable(TEXT), "disabled": nullable({"type": "boolean"}), "signed_in_at": nullable(MOMENT),
        }
    ),
    "ApiKey": of_fields(_KEY),
    "NewApiKey": of_fields(
        {
            "name": {"type": "string", "minLength": 1, "maxLength": 100}, "organization": TEXT, "project": TEXT,
            "scopes": {**_SCOPES, "minItems": 1}, "expires_at": MOMENT,
        },
        optional=["project"],
    ),
    "MadeApiKey": of_fields({**_KEY, "key": TEXT}),
    "Promotion": of_fields({"digest": TEXT, "why": WORDS}, optional=["why"]),
    "Reason": of_fields({"why": WORDS}, optional=["why"]),
    "Pause": of_fields({"reason": WORDS}),
    "Resumption": of_fields({"hold": TEXT}, optional=["hold"]),
    "Change": of_fields(
        {
            "id": TEXT, "environment": nullable(TEXT), "operation": TEXT, "body": ANY, "author": TEXT, "result": ANY,
            "state": {"enum": ["asked", "committed", "unchanged", "refused"]}, "commit": nullable(TEXT),
            "code": nullable(TEXT), "message": TEXT, "asked_at": MOMENT, "ended_at": nullable(MOMENT),
        }
    ),
    "Kind": of_fields(
        {"name": TEXT, "description": TEXT, "single": {"type": "boolean"}, "below": {"enum": ["resources", "policies"]}}
    ),
    "KindSchema": of_fields({"name": TEXT, "example": TEXT, "schema": {"type": "object"}}),
    "ResourceSummary": of_fields(_RESOURCE),
    "Resource": of_fields({**_RESOURCE, "form": {"type": "object"}, "kdl": TEXT}),
    "ResourceForm": {
        "type": "object",
        "description": "The JSON form of the kind (`/api/v1/kinds/<kind>`), or `kdl`: the resource in the language.",
    },
    "Problem": of_fields(
        {
            "type": TEXT, "title": TEXT, "status": NUMBER, "detail": TEXT, "code": TEXT,
            "findings": listed({"$ref": "#/components/schemas/Finding"}), "yours": ANY, "theirs": ANY,
        },
        optional=["findings", "yours", "theirs"],
    ),
    "Finding": of_fields(
        {
            "code": TEXT, "severity": {"enum": ["error", "warning", "info"]}, "path": nullable(TEXT),
            "line": nullable(NUMBER), "column": nullable(NUMBER), "message": TEXT, "expected": TEXT, "hint": TEXT,
        }
    ),
}  # fmt: skip
"""By the name that operations give."""
