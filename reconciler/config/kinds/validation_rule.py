"""The kind `validation-rule`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.network import REGEX
from reconciler.config.report import Problem
from reconciler.config.rules.linear import Expression, TooLarge
from reconciler.config.rules.schemas import BadSchema, load
from reconciler.config.schema import Complaint, Field, Slot, block, kind, scalar, values
from reconciler.config.values import Choice, Integer, Json, Pattern, Reference, Text

CHECKS = ("require", "forbid", "allow", "max-bytes", "max-resources", "json-schema", "deletions")

FIELD_PATH = Pattern(
    name="field path",
    pattern=r"[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*){0,9}",
    expected="the name of a field, or names joined by dots such as 'timeouts.response'",
    hint="sentinelctl explain KIND shows the names",
)
KIND_NAME = Pattern(
    name="kind",
    pattern=r"[a-z][a-z0-9-]*",
    expected="the name of a kind, such as 'service'",
    hint="sentinelctl explain lists the kinds",
    maximum=40,
)


class _Schema:
    """A JSON Schema in a string."""

    name = "JSON Schema"
    expected = "a JSON Schema of draft 2020-12 in a string"

    def read(self, value: Any) -> Json | Problem:
        if not isinstance(value, str):
            return Problem("E-VAL-001", "the value has the wrong type", self.expected, 'write #"{ … }"#')
        try:
            load(value)
        except BadSchema as bad:
            return Problem("E-RUL-008", f"the schema {bad}", self.expected, bad.hint)
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "contentMediaType": "application/schema+json"}


def _pattern(name: str, doc: str, example: str) -> Field:
    return Field(
        name,
        doc,
        example,
        arguments=(Slot("pattern", REGEX, "the expression, found anywhere unless anchored with ^ and $"),),
        properties=(
            Slot(
                "field", FIELD_PATH, "whose strings are looked at; every string when absent", required=False
            ),
        ),
        repeatable=True,
    )


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    if not any(name in data for name in CHECKS):
        problem = Problem(
            "E-KND-003", "the rule checks nothing", ", ".join(CHECKS), 'add: require "timeouts"'
        )
        found.append(Complaint((), problem))
    for name in ("forbid", "allow"):
        for item in data.get(name, ()):
            try:
                Expression(item["pattern"])
            except TooLarge:
                problem = Problem(
                    "E-VAL-006",
                    "the expression is too large",
                    "a smaller one",
                    "use * or +, or smaller counts",
                )
                found.append(Complaint((name,), problem, item["pattern"]))
    if "deletions" in data:
        found.extend(_deletions(data))
    return tuple(found)


def _deletions(data: Mapping[str, Any]) -> list[Complaint]:
    found: list[Complaint] = []
    if "kinds" in data:
        problem = Problem(
            "E-VAL-009",
            "a budget counts routes, of whatever kind the removed resource was",
            "no kinds",
            "remove 'kinds', or make a rule of the deletions alone",
        )
        found.append(Complaint(("kinds",), problem))
    return found


KIND = kind(
    "validation-rule",
    "A rule of the project's own. It is held against the JSON form of every resource in its scope, with "
    "kind, name and "
    "all defaults; what it finds is a finding of its severity.",
    (
        scalar(
            "message", Text(500), "What people are told and what they should do.", 'message "Set a timeout"'
        ),
        scalar(
            "severity",
            Choice(("error", "warning", "info")),
            "An error refuses the commit.",
            'severity "error"',
            default="error",
        ),
        values(
            "kinds",
            KIND_NAME,
            "Kinds it holds for; every kind but this one when absent.",
            'kinds "service" "upstream"',
        ),
        values(
            "environments",
            Reference("environment"),
            "Environments it holds in; all of them when absent.",
            'environments "production"',
        ),
        values(
            "except",
            Pattern("name", "[a-z][a-z0-9-]*", "the name of a resource", "write it as the resource does", 63),
            "Names of resources it does not hold for.",
            'except "legacy"',
        ),
        values("require", FIELD_PATH, "Fields that have to be there.", 'require "timeouts.response"'),
        _pattern("forbid", "No string may match.", r'forbid #"^10\.99\."# field="target"'),
        _pattern("allow", "Every string of the field has to match.", r'allow #"\.example$"# field="hosts"'),
        scalar(
            "max-bytes",
            Integer(1, 1_000_000),
            "Bytes that a resource's JSON form may have.",
            "max-bytes 20000",
        ),
        scalar(
            "max-resources",
            Integer(0, 100_000),
            "How many resources there may be in the scope.",
            "max-resources 500",
        ),
        scalar(
            "json-schema",
            _Schema(),
            "A schema for the JSON form. Of draft 2020-12, without references, `format`, `uniqueItems` "
            "and `unevaluated…`; "
            "`pattern` takes the same expressions as everywhere.",
            'json-schema #"{"properties": {"attempts": {"maximum": 3}}}"#',
        ),
        block(
            "deletions",
            "How many routes one commit may remove, compared with its parent, in any environment of the "
            "scope. More needs a "
            "line `Allow-Deletions: N` at the end of the commit's message.",
            (
                scalar("routes", Integer(0, 100_000), "At most so many routes.", "routes 20"),
                scalar(
                    "percent", Integer(0, 100), "At most this share of the routes there were.", "percent 10"
                ),
            ),
            example="deletions {\n    routes 20\n    percent 10\n}",
        ),
    ),
    example='validation-rule "services-answer-in-time" {\n    message "Every service says how long it '
    'may take"\n'
    '    severity "warning"\n    kinds "service"\n    require "timeouts.response"\n}',
    overridable=False,
    check=_check,
)
