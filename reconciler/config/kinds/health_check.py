"""The kind `health-check`: an address that the control plane asks, not the proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.credentials import HttpsUrl, secret_named
from reconciler.config.declared import DECLARED
from reconciler.config.durations import Duration, milliseconds
from reconciler.config.headers import HEADER_NAME, HEADER_VALUE
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, kind, scalar, values
from reconciler.config.values import Choice, Integer, Text

CREDENTIAL_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"}
)


def header_complaints(data: Mapping[str, Any], path: tuple[str, ...]) -> list[Complaint]:
    """Headers that carry credentials and are written out instead of naming a secret."""
    found = []
    for item in data.get("header", ()):
        name, value = item.get("name", ""), item.get("value", "")
        if name.lower() in CREDENTIAL_HEADERS and secret_named(value) is None:
            problem = Problem(
                "E-VAL-020",
                f"the header '{name}' carries a credential that is written out",
                '"${secret:NAME}", the name of a secret',
                "add a secret resource and write its name here; if this was a real one, revoke it",
            )
            found.append(Complaint((*path, "header"), problem, value))
    return found


def header_field(example: str) -> Field:
    """A header of a request that the control plane sends."""
    return Field(
        "header",
        'Headers to send. Those that carry credentials take "${secret:NAME}" alone.',
        example,
        arguments=(Slot("name", HEADER_NAME, "the header"), Slot("value", HEADER_VALUE, "its value")),
        repeatable=True,
    )


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found = header_complaints(data, ())
    if milliseconds(data["timeout"]) > milliseconds(data["interval"]):
        problem = Problem(
            "E-VAL-009",
            f"the timeout {data['timeout']} is longer than the interval {data['interval']}",
            "a timeout within the interval",
            "shorten the timeout, or lengthen the interval",
        )
        found.append(Complaint(("timeout",), problem, data["timeout"]))
    if data["method"] == "HEAD" and "body-contains" in data:
        problem = Problem(
            "E-VAL-009", "an answer to HEAD has no body", 'method "GET"', "change the method, or remove this"
        )
        found.append(Complaint(("body-contains",), problem))
    return tuple(found)


KIND = kind(
    "health-check",
    "An address that is asked from outside while a release is on its way. Checks of the proxy's own "
    "targets are a field of "
    "`upstream`." + DECLARED,
    (
        scalar(
            "url",
            HttpsUrl(),
            "What is asked.",
            'url "https://shop.example.com/healthz"',
            required=True,
        ),
        scalar("method", Choice(("GET", "HEAD", "POST")), "The method.", 'method "GET"', default="GET"),
        values(
            "expected-status",
            Integer(100, 599),
            "Status codes of a good answer; 200 when absent.",
            "expected-status 200 204",
        ),
        scalar("body-contains", Text(300), "What a good answer's body holds.", 'body-contains "ok"'),
        header_field('header "X-Probe" "release"'),
        scalar("interval", Duration("5s", "1h"), "How often it is asked.", 'interval "30s"', default="30s"),
        scalar(
            "timeout", Duration("1s", "60s"), "How long an answer may take.", 'timeout "5s"', default="5s"
        ),
        scalar(
            "failures",
            Integer(1, 20),
            "Bad answers in a row until it counts as failing.",
            "failures 3",
            default=3,
        ),
    ),
    example='health-check "storefront" {\n    url "https://shop.example.com/healthz"\n    '
    "expected-status 200\n"
    '    interval "30s"\n    timeout "5s"\n}',
    check=_check,
)
