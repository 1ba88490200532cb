"""The kind `notification-rule`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.config.characters import shown
from reconciler.config.declared import DECLARED
from reconciler.config.kdl import KdlValue
from reconciler.config.report import Problem
from reconciler.config.schema import Complaint, kind, scalar, values
from reconciler.config.suggest import did_you_mean
from reconciler.config.values import Choice, Json, Reference, Text, wrong_type

RECORDED = (
    "bundle.distrusted",
    "bundle.not-reproducible",
    "bundle.published",
    "bundle.removed",
    "bundle.vouched",
    "commit.compiled",
    "commit.found",
    "commit.refused",
    "commit.skipped",
    "drift.found",
    "drift.reissued",
    "drift.resolved",
    "environment.changed",
    "environment.created",
    "environment.stalled",
    "environment.unstalled",
    "ledger.restored",
    "ledger.taken-over",
    "log.acknowledged",
    "log.alarm",
    "node.activated",
    "node.cloned",
    "node.key-replaced",
    "node.recovered",
    "node.refused",
    "node.registered",
    "node.relabelled",
    "node.retired",
    "node.rewound",
    "node.tokens-revoked",
    "node.told",
    "node.unhealthy",
    "pins.changed",
    "release.approval-taken-back",
    "release.approved",
    "release.promoted",
    "release.proposed",
    "release.rejected",
    "rollout.advanced",
    "rollout.cancelled",
    "rollout.completed",
    "rollout.opened",
    "rollout.partial",
    "rollout.paused",
    "rollout.resumed",
    "rollout.rolled-back",
    "rollout.superseded",
    "rollout.turned-back",
    "root.published",
    "trunk.rewritten",
    "webhook.unwell",
    "work.failed",
    "work.refused",
    "work.stalled",
)
"""What is recorded as it happens, by the names that the log of events shows."""

CONDITIONS = (
    "alert.fired",
    "alert.resolved",
    "certificate.expiring",
    "freeze.began",
    "freeze.ended",
    "node.silent",
    "slo.budget-spent",
)
"""What comes to hold with time, and is no record of something that was done."""

EVENTS = tuple(sorted((*RECORDED, *CONDITIONS)))
FAMILIES = tuple(dict.fromkeys(event.partition(".")[0] for event in EVENTS))
SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class EventPattern:
    """An event, or all events of a family as `family.*`."""

    name: str = "event"
    expected: str = "an event such as 'rollout.paused', or 'rollout.*' for its whole family"

    def read(self, value: KdlValue) -> Json | Problem:
        if not isinstance(value, str):
            return wrong_type(value, f"{self.expected}, a string")
        known = (*EVENTS, *(f"{family}.*" for family in FAMILIES))
        if value in known:
            return value
        hint = "name the families one by one" if value == "*" else did_you_mean(value, known)
        hint = hint or f"families: {', '.join(FAMILIES)}"
        return Problem("E-VAL-002", f"{shown(value)} is no event", self.expected, hint)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": [*EVENTS, *(f"{family}.*" for family in FAMILIES)]}


def matches(pattern: str, event: str) -> bool:
    """Whether an event is one that the pattern names."""
    return pattern == event or (pattern.endswith(".*") and event.startswith(pattern[:-1]))


def _check(data: Mapping[str, Any]) -> tuple[Complaint, ...]:
    found: list[Complaint] = []
    patterns = data.get("events", ())
    for pattern in patterns:
        wider = f"{pattern.partition('.')[0]}.*"
        if pattern != wider and wider in patterns:
            problem = Problem(
                "E-VAL-008",
                f"'{pattern}' is named by '{wider}' already",
                "each event once",
                "remove one of the two",
            )
            found.append(Complaint(("events",), problem, pattern))
    if "severity" in data and not any(p.startswith("alert.") for p in patterns):
        problem = Problem(
            "E-VAL-009",
            "only alerts have a severity, and none of the events is one",
            'events "alert.*"',
            "remove the severity, or name an event of an alert",
        )
        found.append(Complaint(("severity",), problem))
    return tuple(found)


KIND = kind(
    "notification-rule",
    "Which events are told to which channels." + DECLARED,
    (
        values("events", EventPattern(), "What is told.", 'events "rollout.paused" "alert.*"', required=True),
        values(
            "channels",
            Reference("notification-channel"),
            "Who is told.",
            'channels "on-call"',
            required=True,
        ),
        values(
            "environments",
            Reference("environment"),
            "Only events of these environments; of all when absent. Events of no environment always pass.",
            'environments "production"',
        ),
        values(
            "groups",
            Reference("node-group"),
            "Only events of nodes in these groups; of all nodes when absent.",
            'groups "edge-eu"',
        ),
        values("alerts", Reference("alert"), "Only these alerts; all when absent.", 'alerts "orders-errors"'),
        scalar(
            "severity",
            Choice(SEVERITIES),
            "Only alerts of this severity or a higher one.",
            'severity "warning"',
        ),
        scalar("description", Text(), "Why they are told.", 'description "Wakes the team on call"'),
    ),
    example='notification-rule "failures" {\n    events "rollout.paused" "rollout.rolled-back" '
    '"alert.fired"\n'
    '    environments "production"\n    channels "on-call"\n    severity "critical"\n}',
    overridable=False,
    check=_check,
)
