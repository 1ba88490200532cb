"""Keeps credentials out of what is written down: a body with one in clear is refused before anything of it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.config.findings import Finding
from web.problems import Problem

LEAKED = Problem(
    422, "E-API-020", "There is a credential in it",
    "Nothing of it was kept. Seal it first: sentinelctl secret set; and revoke this one, for it has travelled.",
)  # fmt: skip


def refusal_of(findings: Iterable[Finding]) -> Problem | None:
    """What to answer to a body in which these were found; None for none."""
    listed = [finding.to_json() for finding in findings]
    return replace(LEAKED, more={"findings": listed}) if listed else None
