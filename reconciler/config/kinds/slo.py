"""The kind `slo`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.quantities import Percent, Quantity, unit_of
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, kind, reference, scalar
from reconciler.config.values import Choice, Integer, Text

WINDOWS = {"7d": 7, "28d": 28, "30d": 30, "90d": 90}
"""Window → days. Weeks compare alike with alike; 30d is what burn rates are usually stated for."""


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    latency, limit = data.get("sli") == "latency", data.get("faster-than")
    if latency and limit is None:
        problem = Problem(
            "E-KND-003",
            "a latency objective lacks 'faster-than'",
            "how fast a good answer is",
            'add: faster-than "300ms"',
        )
        found.append(Complaint(("sli",), problem, "latency"))
    if limit is not None and not latency:
        problem = Problem(
            "E-VAL-009",
            f"'faster-than' means nothing for {data.get('sli', 'this indicator')}",
            'sli "latency"',
            "change the sli, or remove this line",
        )
        found.append(Complaint(("faster-than",), problem))
    elif limit is not None and unit_of(limit) != "ms":
        problem = Problem(
            "E-VAL-009", "the limit is no length of time", 'such as "300ms"', "give it the unit ms or s"
        )
        found.append(Complaint(("faster-than",), problem))
    return tuple(found)


KIND = kind(
    "slo",
    "An objective: which share of a service's requests has to be good over a window. The rest is its "
    "error budget. A gate of an environment holds releases to it.",
    (
        scalar("description", Text(), "What it promises, to whom.", 'description "Customers can pay"'),
        reference("service", "service", "Whose requests count.", 'service "orders"', required=True),
        scalar(
            "sli",
            Choice(
                ("availability", "latency"),
                instead={"error-rate": 'write "availability": an objective of 99% allows 1% of errors'},
            ),
            "What makes a request good: availability counts every answer but 5xx, latency every answer "
            "within faster-than.",
            'sli "availability"',
            required=True,
        ),
        scalar("faster-than", Quantity(), "How fast a good answer is, for latency.", 'faster-than "300ms"'),
        scalar(
            "objective",
            Percent("1", "99.999"),
            "The share of good requests. 100% has no error budget and cannot be had.",
            'objective "99.9%"',
            required=True,
        ),
        scalar(
            "window",
            Choice(tuple(WINDOWS)),
            "The time over which it has to hold.",
            'window "30d"',
            default="30d",
        ),
        scalar(
            "minimum-requests",
            Integer(0, 1_000_000_000),
            "Fewer requests than this in a window say nothing: no data is not the same as healthy.",
            "minimum-requests 100",
            default=100,
        ),
        scalar("owner", Text(200), "Whom to ask.", 'owner "checkout@example.com"'),
    ),
    example='slo "orders-availability" {\n    service "orders"\n    sli "availability"\n    objective '
    '"99.9%"\n    window "30d"\n}',
    check=_check,
)
