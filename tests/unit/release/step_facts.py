"""The facts about one step, for truth tables of gates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.config.gates import GateSpec
from reconciler.fleet.batches import Batch
from reconciler.release.gates import GATES, GateFacts
from reconciler.release.state import PlannedStep, Rules
from reconciler.release.verdict import Verdict

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=5)


def step(batch: Batch, *, planned: int = 4, earlier: Batch | None = None, **changes: Any) -> GateFacts:
    """A step that began five minutes ago, of whose nodes one may be unavailable."""
    rules = Rules("rolling", 1, "rollback", 10, 60, 30)
    facts = GateFacts(PlannedStep(1, planned, {"": "f" * 16}), batch, earlier or Batch(), rules, SINCE, NOW)
    return replace(facts, **changes)


def ask(kind: str, facts: GateFacts, subject: str = "", /, **values: int | str) -> Verdict:
    """What the gate of this kind says. `values` are written with underscores."""
    spec = GateSpec(kind, subject, {name.replace("_", "-"): value for name, value in values.items()})
    if values or subject:
        spec.check()
    return GATES[kind].judge(facts, spec)
