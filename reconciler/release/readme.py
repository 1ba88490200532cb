"""The page that every environment branch begins with."""

from __future__ import annotations

README = """# Environment {name}

Every commit of this branch is a change of this environment; `git log` is its deployment history.

Yours to change, by commit or pull request: `release.kdl` (which bundle), `approvals/` (yes or no), `holds/` (wait),
`gates/` (go on), `pins/` (keep), `quarantine/` (never).
Ours: `proposal.kdl`, `plan.kdl`, `rollout.kdl`, `promoted.kdl` and `rendered/`. A change made there by hand does not
count and is restored.
"""
