"""What the branch of an environment begins with: the subject of its first commit, and its README."""

from __future__ import annotations

CREATED = "environment.created"
README = """# Environment {name}

Every commit of this branch is a change of this environment; `git log` is its deployment history.

Yours to change, by commit or pull request: `release.kdl` (which bundle), `approvals/` (yes or no), `holds/` (wait),
`gates/` (go on), `pins/` (keep), `quarantine/` (never).
Ours: `proposal.kdl`, `plan.kdl`, `rollout.kdl`, `promoted.kdl` and `rendered/`. A change made there by hand does not
count and is restored.
"""


def created_subject(environment: str) -> str:
    """The subject of our first commit on the branch of an environment."""
    return f"Create environment {environment}"
