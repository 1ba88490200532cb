"""The kind `alert`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config.credentials import HttpsUrl
from reconciler.config.declared import DECLARED
from reconciler.config.durations import Duration, milliseconds
from reconciler.config.quantities import Factor, Quantity, unit_of
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, Field, Slot, block, kind, reference, scalar
from reconciler.config.values import Choice, Text

METRICS: Mapping[str, str] = {
    "error-rate": "%",
    "latency-p50": "ms",
    "latency-p95": "ms",
    "latency-p99": "ms",
    "request-count": "",
    "error-count": "",
    "unhealthy-nodes": "",
    "silent-nodes": "",
    "certificate-days-left": "",
}
"""Metric → unit of its thresholds."""

OF_REQUESTS = frozenset(name for name in METRICS if name.split("-")[0] in ("error", "latency", "request"))
"""Metrics that can be those of one service."""

PAIRS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "critical": (("1h", "5m", "14.4"), ("6h", "30m", "6")),
    "warning": (("24h", "2h", "3"), ("72h", "6h", "1")),
    "info": (("72h", "6h", "1"),),
}
"""Severity → (long window, short window, factor) of a burn rate without pairs of its own, for an objective over 30
days.

Source: Google's SRE workbook, chapter 5: 2 % and 5 % of the budget page, 10 % make a ticket."""

CONDITIONS = ("threshold", "anomaly", "burn-rate")
_METRIC = scalar(
    "metric", Choice(tuple(METRICS), name="metric"), "What is measured.", 'metric "error-rate"', required=True
)
_SERVICE = reference(
    "service", "service", "Whose requests are measured; all of them when absent.", 'service "orders"'
)
_OVER = scalar(
    "over", Duration("1m", "24h"), "The time over which it is measured.", 'over "5m"', default="5m"
)


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    given = [name for name in CONDITIONS if name in data]
    if len(given) != 1:
        said = f"the alert has {len(given)} conditions" if given else "the alert has no condition"
        hint = "make an alert of each" if given else 'add: threshold { metric "error-rate"; above "2%" }'
        problem = Problem("E-VAL-009", said, "exactly one of threshold, anomaly and burn-rate", hint)
        found.append(Complaint((given[1],) if given else (), problem))
    for name in ("threshold", "anomaly"):
        found.extend(_measured(name, data.get(name, {})))
    found.extend(_limits(data["threshold"]) if "threshold" in data else ())
    found.extend(_pairs(data.get("burn-rate", {})))
    return tuple(found)


def _measured(name: str, condition: Mapping[str, Any]) -> Iterator[Complaint]:
    metric = condition.get("metric")
    if metric is not None and metric not in OF_REQUESTS and "service" in condition:
        problem = Problem(
            "E-VAL-009",
            f"'{metric}' is not measured by service",
            f"one of {', '.join(sorted(OF_REQUESTS))}",
            "remove the service, or choose another metric",
        )
        yield Complaint((name, "service"), problem)


def _limits(condition: Mapping[str, Any]) -> Iterator[Complaint]:
    metric = condition.get("metric", "")
    given = [name for name in ("above", "below") if name in condition]
    if len(given) != 1:
        problem = Problem(
            "E-VAL-009",
            "a threshold has one limit",
            "exactly one of above and below",
            "make an alert of each" if given else 'add: above "2%"',
        )
        yield Complaint(("threshold", *given[:1]), problem)
    for name in given:
        if metric in METRICS and unit_of(condition[name]) != METRICS[metric]:
            unit = METRICS[metric]
            problem = Problem(
                "E-VAL-009",
                f"'{metric}' is not measured in the unit of {condition[name]!r}",
                f'a number with the unit {unit}, such as "2{unit}"'
                if unit
                else 'a number without unit, such as "2"',
                "correct the unit, or choose another metric",
            )
            yield Complaint(("threshold", name), problem)


def _pairs(condition: Mapping[str, Any]) -> Iterator[Complaint]:
    for pair in condition.get("pair", ()):
        if {"long", "short"} <= pair.keys() and milliseconds(pair["short"]) >= milliseconds(pair["long"]):
            problem = Problem(
                "E-VAL-009",
                f"the short window {pair['short']} is not shorter than the long one",
                f"a duration below {pair['long']}",
                "a twelfth of the long window is usual",
            )
            yield Complaint(("burn-rate", "pair"), problem, pair["short"])


def pairs_of(data: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """(long window, short window, factor) of a burn-rate alert's pairs, its own or those of its severity."""
    own = data["burn-rate"].get("pair", ())
    return tuple((p["long"], p["short"], p["factor"]) for p in own) or PAIRS[data["severity"]]


KIND = kind(
    "alert",
    "A condition that people want to hear of. Who hears of it is said by `notification-rule`." + DECLARED,
    (
        scalar(
            "description", Text(), "What it means for whoever is woken.", 'description "Customers see errors"'
        ),
        scalar(
            "severity",
            Choice(
                ("critical", "warning", "info"),
                instead={"page": 'write "critical"', "ticket": 'write "warning"'},
            ),
            "How much it matters. critical wakes people.",
            'severity "critical"',
            default="warning",
        ),
        scalar(
            "pending",
            Duration("0s", "24h"),
            "How long the condition has to hold before the alert fires.",
            'pending "5m"',
            default="0s",
        ),
        scalar("runbook", HttpsUrl(), "What to do then.", 'runbook "https://wiki.example.com/orders"'),
        block(
            "threshold",
            "Fires when a metric is above or below a limit.",
            (
                _METRIC,
                scalar("above", Quantity(), "The limit it must not exceed.", 'above "2%"'),
                scalar("below", Quantity(), "The limit it must not fall short of.", 'below "10"'),
                _SERVICE,
                _OVER,
            ),
            example='threshold {\n    metric "error-rate"\n    above "2%"\n    over "5m"\n}',
        ),
        block(
            "anomaly",
            "Fires when a metric is far from what it was at the same time of other weeks.",
            (
                _METRIC,
                scalar(
                    "deviations",
                    Factor("1", "20"),
                    "How many standard deviations are far.",
                    'deviations "4"',
                    default="4",
                ),
                scalar(
                    "direction",
                    Choice(("above", "below", "both")),
                    "Which side counts.",
                    'direction "both"',
                    default="both",
                ),
                _SERVICE,
                _OVER,
            ),
            example='anomaly {\n    metric "request-count"\n    deviations "4"\n    direction "below"\n}',
        ),
        block(
            "burn-rate",
            "Fires when an objective's error budget is used up too fast, over a long and a short window "
            "at once. Without "
            "pairs of its own: 1h/5m at 14.4 and 6h/30m at 6 for critical, 24h/2h at 3 and 72h/6h at 1 "
            "for warning, scaled "
            "with the objective's window.",
            (
                reference("slo", "slo", "The objective.", 'slo "orders-availability"', required=True),
                Field(
                    "pair",
                    "A long window, a short one, and how many times too fast the budget burns in both.",
                    'pair "1h" "5m" factor="14.4"',
                    arguments=(
                        Slot("long", Duration("10m", "7d"), "the long window"),
                        Slot("short", Duration("1m", "24h"), "the short window"),
                    ),
                    properties=(Slot("factor", Factor("0.1", "1000"), "the burn rate"),),
                    repeatable=True,
                ),
            ),
            example='burn-rate {\n    slo "orders-availability"\n    pair "1h" "5m" factor="14.4"\n}',
        ),
    ),
    example='alert "orders-errors" {\n    severity "critical"\n    pending "2m"\n    threshold {\n       '
    ' metric "error-rate"\n'
    '        above "2%"\n        service "orders"\n    }\n}',
    check=_check,
)
