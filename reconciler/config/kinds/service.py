"""The kind `service`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.durations import Duration
from reconciler.config.headers import HEADER_NAME, HEADER_VALUE
from reconciler.config.network import HOST, METHOD, PATH, REGEX
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block, kind, reference, scalar, values
from reconciler.config.values import Integer

PATHS = ("path", "path-prefix", "path-regex")


def _headers(name: str, doc: str) -> Field:
    def change(verb: str, text: str, example: str) -> Field:
        return Field(
            verb,
            text,
            example,
            arguments=(Slot("name", HEADER_NAME, "the header"), Slot("value", HEADER_VALUE, "its value")),
            repeatable=True,
        )

    return block(
        name,
        doc,
        (
            change("set", "Sets a header, in place of what it was.", 'set "X-Served-By" "edge"'),
            change("add", "Adds a value to a header.", 'add "Vary" "Accept-Encoding"'),
            values("remove", HEADER_NAME, "Removes headers.", 'remove "Server" "X-Powered-By"'),
        ),
        example=f'{name} {{\n    set "X-Served-By" "edge"\n    remove "X-Internal"\n}}',
    )


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    for name in ("request-headers", "response-headers"):
        headers = data.get(name, {})
        for verb in ("set", "add"):
            seen: dict[str, str] = {}
            for item in headers.get(verb, ()):
                other = seen.setdefault(item["name"].lower(), item["name"])
                if other != item["name"]:
                    problem = Problem(
                        "E-VAL-008",
                        f"'{item['name']}' and '{other}' are the same header",
                        "each header once",
                        "remove one of the two; capitals mean nothing in header names",
                    )
                    found.append(Complaint((name, verb), problem, item["name"]))
        removed = {header.lower(): header for header in headers.get("remove", ())}
        for verb in ("set", "add"):
            for item in headers.get(verb, ()):
                if item["name"].lower() in removed:
                    problem = Problem(
                        "E-VAL-009",
                        f"the header '{item['name']}' is changed and removed",
                        "one of the two",
                        "remove one of the two lines; the proxy removes last",
                    )
                    found.append(Complaint((name, "remove"), problem, removed[item["name"].lower()]))
    return tuple(found)


KIND = kind(
    "service",
    "Which requests go to which upstream. A request has to match a host, a path and a method; where several are "
    "given, any one of them does.",
    (
        values(
            "hosts",
            HOST,
            "Host names; every host when absent.",
            'hosts "shop.example.com" "*.shop.example.com"',
        ),
        values("path", PATH, "Exact paths.", 'path "/login"'),
        values(
            "path-prefix",
            PATH,
            "Beginnings of paths, at the boundary of a segment: '/v2' matches '/v2/x' and not '/v2x'. With neither "
            "this nor path nor path-regex, every path matches.",
            'path-prefix "/orders"',
        ),
        values(
            "path-regex",
            REGEX,
            "Regular expressions in Rust's syntax, found anywhere in the path unless anchored with ^ and $.",
            'path-regex #"^/v[0-9]+/orders$"#',
        ),
        values("methods", METHOD, "Methods; every method when absent.", 'methods "GET" "HEAD"'),
        reference("upstream", "upstream", "Where the requests go.", 'upstream "orders"', required=True),
        scalar(
            "priority",
            Integer(1, 1000),
            "Which of several matching services is taken: the highest, then the most specific.",
            "priority 100",
            default=50,
        ),
        block(
            "timeouts",
            "How long the proxy waits, in place of the upstream's own timeouts.",
            (
                scalar("connect", Duration("1s", "10m"), "For a connection to a target.", 'connect "2s"'),
                scalar("response", Duration("1s", "1h"), "For a target's response.", 'response "15s"'),
            ),
            example='timeouts {\n    response "15s"\n}',
        ),
        scalar(
            "attempts",
            Integer(1, 10),
            "How many times the proxy looks for a target that takes the request; once when absent.",
            "attempts 2",
        ),
        _headers("request-headers", "Changes headers on the way to the target."),
        _headers("response-headers", "Changes headers on the way to the client."),
    ),
    example='service "orders" {\n    hosts "api.shop.example.com"\n    path-prefix "/orders"\n    upstream "orders"\n}',
    check=_check,
)
