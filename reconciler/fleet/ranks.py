"""Where a node stands in a rollout: a number that anybody can compute from two names."""

from __future__ import annotations

import hashlib

LAST_REACH = "f" * 16
"""The reach of a plan's last step: every rank is within it."""

NO_REACH = ""
"""The reach of a rollout that moves nobody yet: it sorts before every rank."""


def rank(rollout: str, node_id: str) -> str:
    """Rank of a node in a rollout: the first 16 hex digits of SHA-256 over both names, joined by a newline.

    Another rollout ranks the same nodes in another order, so the same machine is not always the first to be risked.
    """
    return hashlib.sha256(f"{rollout}\n{node_id}".encode()).hexdigest()[:16]
