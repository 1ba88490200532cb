"""What people approve: the terms of a rollout, and the hash of a plan that follows from them.

The hash covers what shapes a rollout in the policy, what the wish narrows it to, and the trunk commit whose policy it
is. It never covers nodes: they come and go between an approval and a rollout.
"""

from __future__ import annotations

import hashlib
from typing import Any

from reconciler.bundle import canonical
from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.state import Release

ELSEWHERE = frozenset(
    {
        "after",
        "proxy_version",
        "agent_version",
        "promote",
        "soak_seconds",
        "take",
        "train",
        "pull_request",
        "supersede",
        "drift",
        "admin_port",
        "freezes",
    }
)
"""Fields of a policy that do not shape a rollout: when it may open and what ends it, what it is made for, what happens
afterwards, and freeze windows, which count as trunk has them at the moment. Whatever a policy comes to say beyond them
is part of what people approve."""


def terms_of(policy: EnvironmentPolicy) -> dict[str, Any]:
    """What of a policy shapes a rollout: strategy, shares, gates, and who has to approve it."""
    return {name: value for name, value in policy.to_json().items() if name not in ELSEWHERE}


def terms_hash(policy: EnvironmentPolicy) -> str:
    """SHA-256, in hex, of the terms."""
    return _sha256(terms_of(policy))


def plan_hash(policy: EnvironmentPolicy, release: Release, commit: str) -> str:
    """SHA-256, in hex, of the terms, of the nodes that the release is for, and of the policy's trunk commit."""
    return _sha256({"terms": terms_of(policy), "target": release.only, "policy": commit})


def _sha256(document: dict[str, Any]) -> str:
    return hashlib.sha256(canonical.encode(document)).hexdigest()
