"""Stamps: one short token for each topic of a project that moves when something a page shows has moved.

A stamp is the same in every process and after every restart, so a page can ask "what changed since this?" of any of
them. A mere heartbeat moves nothing: how fresh a node is follows from the time, and the page counts that by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from peewee import fn

from reconciler.db.evidence import Reproduction
from reconciler.db.intake import Gap, Receipt
from reconciler.db.logged import LogAlarm
from reconciler.db.models import Bundle, Commit, Environment, Event, Node, Rollout
from reconciler.db.risk import Risk
from reconciler.db.table import Table
from web.pages.scope import Scope

TOPICS = ("commits", "environments", "rollouts", "nodes", "events")
TOKEN = 8
"""Hex characters of one token."""

NOTHING = "0" * TOKEN


def stamps(scope: Scope) -> dict[str, str]:
    """Topic → token, by a handful of aggregates. SELECT only."""
    return {
        "commits": _token(
            scope,
            (Commit, (fn.COUNT(Commit.id), fn.MAX(Commit.id), fn.MAX(Commit.position))),
            (Commit, (fn.SUM(fn.LENGTH(Commit.state)), fn.SUM(fn.LENGTH(Commit.digest)))),
            (Bundle, (fn.MAX(Bundle.id),)),
            (Risk, (fn.MAX(Risk.id),)),
            (Reproduction, (fn.MAX(Reproduction.checked_at),)),
        ),
        "environments": _token(
            scope,
            (
                Environment,
                (fn.COUNT(Environment.id), fn.MAX(Environment.updated_at), fn.SUM(Environment.sequence)),
            ),
            (LogAlarm, (fn.MAX(LogAlarm.id), fn.COUNT(LogAlarm.acknowledged_at))),
        ),
        "rollouts": _token(
            scope,
            (Rollout, (fn.COUNT(Rollout.id), fn.MAX(Rollout.id), fn.COUNT(Rollout.ended_at))),
            (Environment, (fn.MAX(Environment.updated_at),)),
        ),
        "nodes": _token(
            scope,
            (Node, (fn.COUNT(Node.id), fn.MAX(Node.registered_at), fn.MAX(Node.running_since))),
            (Node, (fn.MAX(Node.health_since), fn.COUNT(Node.refusal), fn.COUNT(Node.retired_at))),
            (Node, (fn.MAX(Node.changed_at), fn.MAX(Node.sequence))),
        ),
        "events": _token(scope, (Event, (fn.MAX(Event.id),)), receipts=True),
    }


def encode(found: Mapping[str, str]) -> str:
    """All tokens in one word, as the id of an event."""
    return "".join(found.get(topic, NOTHING) for topic in TOPICS)


def decode(text: str | None) -> dict[str, str] | None:
    """The tokens of such a word, or None when it is something else."""
    if text is None or len(text) != TOKEN * len(TOPICS) or not set(text) <= set("0123456789abcdef"):
        return None
    return {topic: text[TOKEN * place : TOKEN * (place + 1)] for place, topic in enumerate(TOPICS)}


def differing(old: Mapping[str, str] | None, new: Mapping[str, str]) -> list[str]:
    """The topics whose tokens differ; all of them when nothing older is known."""
    return [topic for topic in TOPICS if old is None or old.get(topic) != new.get(topic)]


def _token(scope: Scope, *questions: tuple[type[Table], tuple[Any, ...]], receipts: bool = False) -> str:
    said: list[Any] = [
        tuple(scope.rows(table, *columns).tuples().first() or ()) for table, columns in questions
    ]
    if receipts:
        newest = Receipt.select(fn.MAX(Receipt.id)).where(Receipt.organization == scope.organization)
        said.append(newest.scalar())
        gaps = Gap.select(fn.COUNT(Gap.id), fn.MAX(Gap.id), fn.MAX(Gap.explained_at))
        said.append(gaps.where(Gap.organization == scope.organization).tuples().first())
    return hashlib.sha256(repr(said).encode()).hexdigest()[:TOKEN]
