"""How old the values of secrets are, and which of them are due. `now` is an argument, as everywhere here."""

from __future__ import annotations

from datetime import date, timedelta

from reconciler.config.durations import seconds
from reconciler.config.findings import Finding, Severity
from reconciler.config.report import Problem, Report
from reconciler.config.snapshot import Snapshot

DAY = 24 * 60 * 60


def age_in_days(rotated: date, today: date) -> int:
    """Days since a value was made; a day in the future counts as none."""
    return max(0, (today - rotated).days)


def is_due(rotated: date, every: str | None, today: date) -> bool:
    """Whether a value is older than its secret's `rotate-every` says."""
    return every is not None and rotated + timedelta(seconds=seconds(every)) <= today


def due_secrets(snapshot: Snapshot, today: date) -> tuple[Finding, ...]:
    """A warning for each value that is due."""
    report = Report()
    for (kind, name), resource in snapshot.resources.items():
        if kind != "secret":
            continue
        every = resource.data.get("rotate-every")
        for item in resource.data.get("sealed", ()):
            if "rotated" not in item or not is_due(date.fromisoformat(item["rotated"]), every, today):
                continue
            environment, age = item["environment"], age_in_days(date.fromisoformat(item["rotated"]), today)
            problem = Problem(
                "W-SEA-001",
                f"the secret '{name}' is {age} days old in {environment}",
                f"a value of the last {seconds(str(every)) // DAY} days",
                f"run: sentinelctl secret rotate {name} --environment {environment}",
                Severity.warning,
            )
            report.add(resource.mark(("sealed",), value=environment), problem)
    return report.resolved()
