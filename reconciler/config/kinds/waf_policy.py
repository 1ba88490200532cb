"""The kind `waf-policy`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.durations import Duration
from reconciler.config.network import HOST, METHOD, PATH
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block, flag, kind, scalar, values
from reconciler.config.sizes import Size
from reconciler.config.values import Choice, Integer, Pattern, Text, resource_name

CATEGORIES = (
    "protocol",
    "scanner",
    "lfi",
    "rfi",
    "rce",
    "php",
    "generic",
    "xss",
    "sqli",
    "session",
    "java",
)
"""What rules are about. The catalogue says which rules belong to each."""

SENSITIVITY: Mapping[str, tuple[int, int]] = {
    "low": (1, 10),
    "medium": (1, 5),
    "high": (2, 5),
    "paranoid": (4, 5),
}
"""Sensitivity → paranoia level and anomaly threshold."""

EXCLUSIONS = 1000
"""Exclusions that one policy may have."""

RULE_ID = Integer(911_000, 944_999, name="rule id")

CATEGORY = Choice(
    CATEGORIES,
    instead={
        "data-leak": "requests alone are inspected; answers are not",
        "data_leak": "answers are not inspected",
    },
    name="category",
)

PARAMETER = Pattern(
    name="parameter",
    pattern=r"[A-Za-z0-9_\[][A-Za-z0-9_.\[\]-]*",
    expected="the name of a parameter: letters, digits, '_', '.', '-', '[' and ']'",
    hint="write the name alone; a field of a JSON body is 'json.field'",
    maximum=128,
)

MEDIA_TYPE = Pattern(
    name="media type",
    pattern=r"[a-z0-9][a-z0-9_.+-]*/[a-z0-9][a-z0-9_.+-]*",
    expected="a media type in lower case, such as 'application/json'",
    hint="write it without parameters such as charset",
    maximum=127,
)


def _check_folder(folder: str) -> Problem | None:
    if ".." in folder.split("/") or "//" in folder:
        return Problem(
            "E-VAL-004", f"'{folder}' has an empty part or a step up", "a plain path", "write it out"
        )
    return None


FOLDER = Pattern(
    name="absolute path",
    pattern=r"/[A-Za-z0-9._-][A-Za-z0-9._/-]*[A-Za-z0-9._-]",
    expected="an absolute path of letters, digits, '.', '_' and '-'",
    hint="write it like '/etc/modsecurity/crs'",
    check=_check_folder,
)

NOTE = Text(300, name="note")


def _conflict(
    path: tuple[str, ...], message: str, expected: str, hint: str, value: object = None
) -> Complaint:
    return Complaint(path, Problem("E-VAL-009", message, expected, hint), value)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    if "categories" in data and "without" in data:
        hint = "name the categories that are on, or those that are off"
        found.append(
            _conflict(("without",), "'categories' and 'without' stand together", "one of the two", hint)
        )
    if set(data.get("without", ())) == set(CATEGORIES):
        hint = 'write mode "off"'
        found.append(
            _conflict(("without",), "every category is off", "at least one category that is on", hint)
        )
    if len(data.get("exclusion", ())) > EXCLUSIONS:
        message = f"the policy has {len(data['exclusion'])} exclusions"
        problem = Problem(
            "E-VAL-003", message, f"at most {EXCLUSIONS}", "disable rules, or lower the sensitivity"
        )
        found.append(Complaint(("exclusion",), problem))
    for exclusion in data.get("exclusion", ()):
        name = exclusion.get("name")
        if not any(part in exclusion for part in ("path", "path-prefix", "host", "parameter")):
            message = f"the exclusion '{name}' has no scope, so it would hold for every request"
            hint = 'add a path, a host or a parameter; for every request: rule … action="disable"'
            found.append(_conflict(("exclusion",), message, "a scope", hint, name))
        if "path" in exclusion and "path-prefix" in exclusion:
            message = f"the exclusion '{name}' has a path and a path-prefix"
            hint = "write two exclusions, or keep one of the two"
            found.append(_conflict(("exclusion",), message, "one of the two", hint, name))
    return tuple(found)


_EXCLUSION = Field(
    "exclusion",
    "Leaves rules out for some requests. All parts of its scope have to hold.",
    'exclusion "search-box" {\n    rules 942100 942151\n    path "/search"\n    parameter "q"\n'
    '    note "People search for SQL books"\n}',
    arguments=(Slot("name", resource_name(), "its name"),),
    repeatable=True,
    children=(
        values("rules", RULE_ID, "The CRS ids of the rules.", "rules 942100 942151", required=True),
        scalar("path", PATH, "Only requests for exactly this path.", 'path "/search"'),
        scalar(
            "path-prefix",
            PATH,
            "Only requests for paths that begin so, at the boundary of a segment.",
            'path-prefix "/editor"',
        ),
        scalar("host", HOST, "Only requests for this host.", 'host "shop.example.com"'),
        scalar(
            "parameter",
            PARAMETER,
            "Leaves out this parameter of query or body alone; the rules go on looking at everything else.",
            'parameter "q"',
        ),
        scalar("note", NOTE, "Why.", 'note "People search for SQL books"', required=True),
    ),
)

KIND = kind(
    "waf-policy",
    "Which attacks requests are searched for, and what happens to those that look like one. A WAF agent beside the "
    "proxy does it with the rules of the OWASP CRS 4 that is installed on the node; "
    "docs/language/waf-rules.md lists the rules known here by name, docs/language/agents.md says how the agent is run.",
    (
        scalar("description", Text(), "What it is for.", 'description "Everything public"'),
        scalar(
            "mode",
            Choice(
                ("block", "detect", "off"),
                instead={
                    "challenge": "the agent cannot ask a client to prove anything",
                    "prevention": 'write "block"',
                    "detection": 'write "detect"',
                    "detect_only": 'write "detect"',
                },
            ),
            "Whether requests that look like an attack are refused with 403, are only logged by the agent, or are not "
            "looked at.",
            'mode "detect"',
            default="block",
        ),
        scalar(
            "sensitivity",
            Choice(tuple(SENSITIVITY)),
            "How suspicious it is: low is paranoia 1 and threshold 10, medium 1 and 5, high 2 and 5, paranoid 4 and 5.",
            'sensitivity "high"',
            default="medium",
        ),
        scalar(
            "paranoia",
            Integer(1, 4),
            "The CRS paranoia level, in place of the sensitivity's: rules of higher levels find more and are wrong "
            "more often.",
            "paranoia 2",
        ),
        scalar(
            "anomaly-threshold",
            Integer(1, 1000),
            "The score from which on a request is refused, in place of the sensitivity's. A critical rule that "
            "matches adds 5, error 4, warning 3, notice 2.",
            "anomaly-threshold 10",
        ),
        values(
            "categories", CATEGORY, "The categories that are on; all when absent.", 'categories "sqli" "xss"'
        ),
        values("without", CATEGORY, "The categories that are off.", 'without "php" "java"'),
        Field(
            "rule",
            "Turns one rule off, or on although its category is off.",
            'rule 942100 action="disable" note="Stops every second order"',
            arguments=(Slot("id", RULE_ID, "its id in CRS"),),
            properties=(
                Slot(
                    "action",
                    Choice(
                        ("disable", "enable"),
                        instead={
                            "log": "a rule that matches always counts; disable it, or put the policy into detect",
                            "detect": "a rule that matches always counts; disable it, or put the policy into detect",
                            "block": "a rule adds to the score; the threshold decides",
                        },
                    ),
                    "what becomes of it",
                ),
                Slot("note", NOTE, "why"),
            ),
            repeatable=True,
        ),
        _EXCLUSION,
        values(
            "methods",
            METHOD,
            "The methods that rule 911100 lets through; GET, HEAD, POST and OPTIONS when absent.",
            'methods "GET" "POST"',
        ),
        values(
            "content-types",
            MEDIA_TYPE,
            "The types of bodies that rule 920420 lets through; those of CRS when absent.",
            'content-types "application/json"',
        ),
        block(
            "limits",
            "Requests beyond these are refused, whatever their score.",
            (
                scalar(
                    "body",
                    Size("1B", "1GiB"),
                    "The largest Content-Length; answered with 413. A body sent in chunks has none and is not counted.",
                    'body "10MiB"',
                ),
                scalar(
                    "header",
                    Size("64B", "1MiB"),
                    "The longest value of a header; answered with 431.",
                    'header "8KiB"',
                ),
                scalar("headers", Integer(1, 1000), "The most headers; answered with 431.", "headers 100"),
                scalar(
                    "uri",
                    Size("16B", "64KiB"),
                    "The longest path with its query; answered with 414.",
                    'uri "4KiB"',
                ),
            ),
            example='limits {\n    body "10MiB"\n    header "8KiB"\n}',
        ),
        flag(
            "inspect-body",
            "Whether the bodies of requests are searched too.",
            "inspect-body #true",
            default=True,
        ),
        scalar(
            "inspect-body-size",
            Size("1KiB", "64MiB"),
            "How much of a body the agent is given.",
            'inspect-body-size "1MiB"',
            default="1MiB",
        ),
        scalar(
            "failure-mode",
            Choice(
                ("closed", "open"), instead={"fail-closed": 'write "closed"', "fail-open": 'write "open"'}
            ),
            "Whether requests are refused (closed) or pass unseen (open) when the agent does not answer.",
            'failure-mode "open"',
            default="closed",
        ),
        scalar(
            "timeout", Duration("1s", "1m"), "How long the proxy waits for it.", 'timeout "1s"', default="1s"
        ),
        scalar(
            "crs-folder",
            FOLDER,
            "Where CRS 4 is installed on the nodes; its rules are in the folder rules below.",
            'crs-folder "/opt/crs"',
            default="/etc/modsecurity/crs",
        ),
    ),
    example='waf-policy "public" {\n    mode "block"\n    sensitivity "medium"\n    without "php"\n'
    '    rule 942100 action="disable" note="Wrong about every second order"\n'
    '    exclusion "search-box" {\n        rules 942151\n        path "/search"\n        parameter "q"\n'
    '        note "People search for SQL books"\n    }\n}',
    check=_check,
)
