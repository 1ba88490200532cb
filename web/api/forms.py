"""The JSON forms of rows. Each form is a list of named columns: a new column is not published by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from reconciler.clock import iso_milliseconds
from reconciler.db.models import Node
from reconciler.db.table import Table
from web.pages.risks import Shown

COMMIT = (
    "sha", "parent", "position", "author_name", "author_email", "authored_at", "subject", "seen_at", "state", "reason",
    "digest", "findings",
)  # fmt: skip
ENVIRONMENT = (
    "name", "position", "head", "sequence", "rollout", "view", "stalled_code", "stalled_message", "updated_at",
)  # fmt: skip
ROLLOUT = (
    "environment", "name", "digest", "previous", "strategy", "state", "because", "view", "opened_at", "ended_at",
)  # fmt: skip
BUNDLE = (
    "digest", "length", "blob_sha256", "blob_length", "commit", "compiler", "created_at", "environments",
    "certificates",
)  # fmt: skip
RELEASE = (
    "sha", "height", "subject", "body", "trailers", "author_name", "author_email", "committed_at", "ours",
)  # fmt: skip
DRIFT = (
    "id", "environment", "desired", "running", "severity", "summary", "nodes", "examples", "since", "seen_at",
    "resolved_at",
)  # fmt: skip
EVENT = ("id", "kind", "subject", "message", "details", "at")
NODE = (
    "id", "environment", "name", "labels", "registered_at", "retired_at", "reported_at", "delivered", "running",
    "running_since", "config_id", "sequence", "health", "health_reason", "health_since", "refusal", "versions",
    "weight",
)  # fmt: skip


def form(row: Table, columns: Iterable[str]) -> dict[str, Any]:
    """One row; moments become RFC 3339 with milliseconds."""
    return {name: _plain(getattr(row, name)) for name in columns}


def node(row: Node, *, status: str, freshness: str, cohort: str, desired: str) -> dict[str, Any]:
    """A node with what the time and its environment make of it."""
    return {**form(row, NODE), "status": status, "freshness": freshness, "cohort": cohort, "desired": desired}


def risk(shown: Shown) -> dict[str, Any]:
    """The risk of a bundle to one environment; `current` says whether `against` is what runs there now."""
    return {
        "environment": shown.environment,
        "digest": shown.digest,
        "against": shown.against,
        "current": shown.current,
        "level": shown.state.key,
        "reasons": [dict(reason) for reason in shown.reasons],
        "changes": dict(shown.changes),
    }


def _plain(value: Any) -> Any:
    return iso_milliseconds(value) if isinstance(value, datetime) else value
