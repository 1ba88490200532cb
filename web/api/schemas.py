"""The JSON Schemas of what the interface gives and takes, made of the tables and the columns that are published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from peewee import AutoField, BigIntegerField, BooleanField, Field, IntegerField

from reconciler.config.installation_schema import ROLES
from reconciler.db.api_keys import SCOPES
from reconciler.db.gating import Drift
from reconciler.db.models import Bundle, Commit, Environment, Event, Node, Release, Rollout
from reconciler.db.table import DocumentField, InstantField, Table
from reconciler.release.pins import MOST_NODES
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

_JOIN: dict[str, Schema] = {
    "id": NUMBER, "environment": TEXT, "state": {"enum": ["valid", "revoked", "expired", "used-up"]}, "note": TEXT,
    "labels": {"type": "object", "additionalProperties": TEXT}, "replaces": {"type": "boolean"},
    "uses_left": nullable(NUMBER), "created_at": MOMENT, "expires_at": nullable(MOMENT),
    "revoked_at": nullable(MOMENT),
}  # fmt: skip
_WHEN: dict[str, Schema] = {"why": WORDS, "only": WORDS, "not_before": MOMENT, "hotfix": TEXT}
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
    "Promotion": of_fields({"digest": TEXT, **_WHEN}, optional=_WHEN),
    "NewRollout": of_fields({"environment": TEXT, "digest": TEXT, **_WHEN}, optional=_WHEN),
    "Reason": of_fields({"why": WORDS}, optional=["why"]),
    "Why": of_fields({"why": WORDS}),
    "Go": of_fields({"step": {"type": "integer", "minimum": 1}, "why": WORDS}, optional=["why"]),
    "NewBundle": of_fields(
        {
            "commit": TEXT, "why": WORDS,
            "files": {"type": "object", "additionalProperties": nullable(TEXT), "minProperties": 1},
        },
        optional=["commit", "files", "why"],
    ),
    "BundleDiff": of_fields(
        {
            "digest": TEXT, "other": TEXT,
            "files": listed(of_fields(
                {"path": TEXT, "state": {"enum": ["added", "removed", "changed"]}, "diff": nullable(TEXT)}
            )),
        }
    ),
    "Verification": of_fields(
        {
            "digest": TEXT, "good": {"type": "boolean"}, "unchecked": listed(TEXT), "first_root_sha256": nullable(TEXT),
            "checks": listed(of_fields(
                {
                    "name": TEXT, "outcome": {"enum": ["passed", "failed", "unreached", "skipped"]},
                    "message": nullable(TEXT), "code": nullable(TEXT),
                }
            )),
        }
    ),
    "Drift": of_columns(Drift, forms.DRIFT),
    "DriftStats": of_fields(
        {
            "environments": {
                "type": "object",
                "additionalProperties": of_fields(dict.fromkeys(("lasting", "nodes", "resolved"), NUMBER)),
            }
        }
    ),
    "Ended": of_fields({"id": TEXT, "name": TEXT, "environment": TEXT, "ended": TEXT}),
    "Pause": of_fields({"reason": WORDS}),
    "Resumption": of_fields({"hold": TEXT}, optional=["hold"]),
    "Change": of_fields(
        {
            "id": TEXT, "environment": nullable(TEXT), "operation": TEXT, "body": ANY, "author": TEXT, "result": ANY,
            "state": {"enum": ["asked", "committed", "unchanged", "refused"]}, "commit": nullable(TEXT),
            "code": nullable(TEXT), "message": TEXT, "asked_at": MOMENT, "ended_at": nullable(MOMENT),
        }
    ),
    "Pin": of_fields(
        {
            "name": TEXT, "digest": TEXT, "nodes": TEXT, "owner": TEXT, "reason": TEXT, "until": nullable(MOMENT),
            "stands": {"type": "boolean"},
        }
    ),
    "NewPin": of_fields(
        {
            "digest": TEXT, "reason": WORDS, "nodes": WORDS, "until": MOMENT,
            "node": {**listed(TEXT), "minItems": 1, "maxItems": MOST_NODES},
        },
        optional=["nodes", "node", "until"],
    ),
    "JoinToken": of_fields(_JOIN),
    "MadeJoinToken": of_fields({**_JOIN, "token": TEXT}),
    "NewJoinToken": of_fields(
        {
            "environment": WORDS, "expires_at": {"anyOf": [MOMENT, {"const": "never"}]},
            "note": {**TEXT, "maxLength": 500},
            "uses": {"type": "integer", "minimum": 1, "maximum": 1_000_000}, "replaces": {"type": "boolean"},
            "labels": {"type": "object", "additionalProperties": TEXT},
        },
        optional=["expires_at", "note", "uses", "replaces", "labels"],
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
