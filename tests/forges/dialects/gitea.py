"""Gitea: one delivery for each reference, with GitHub's and Gogs' headers beside its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.forges.dialects import github
from tests.forges.dialects.speaking import (
    Change,
    Delivery,
    Dialect,
    Pull,
    Repo,
    encoded,
    hexadecimal,
    part_id,
)


def delivery(event: str, id: str, document: Any, kind: str = "") -> Delivery:
    named = {
        f"X-{product}-{header}": value
        for product in ("Gitea", "Gogs", "GitHub")
        for header, value in (("Delivery", id), ("Event", event), ("Event-Type", kind or event))
    }
    return Delivery(event, id, encoded(document), {"Content-Type": "application/json", **named})


def push(repo: Repo, changes: list[Change], id: str) -> list[Delivery]:
    sent = []
    for change in changes:
        document = github.push_document(repo, change) | {"total_commits": 0 if change.deleted else 7}
        # Of GitHub's flags for what happened to the reference it has none.
        for flag in ("created", "deleted", "forced"):
            del document[flag]
        sent.append(delivery("push", part_id(id, len(sent)), document))
    return sent


def pull(repo: Repo, found: Pull, id: str) -> Delivery:
    document = github.pull_document(repo, found)
    if found.happened == "reviewed":
        document |= {"action": "reviewed", "review": {"type": "pull_request_review_approved", "content": ""}}
        return delivery("pull_request_approved", id, document, "pull_request_review_approved")
    if found.happened == "updated":
        document["action"] = "synchronized"
        return delivery("pull_request", id, document, "pull_request_sync")
    return delivery("pull_request", id, document)


def ping(repo: Repo, id: str) -> Delivery:
    """There is no ping: the button "Test delivery" sends the last push again."""
    return push(repo, [Change("refs/heads/main", "a" * 40, "b" * 40)], id)[0]


def sign(made: Delivery, secret: bytes, now: datetime) -> Delivery:
    digits = hexadecimal(made.body, secret) if secret else ""
    return made.having(
        **{
            "X-Gitea-Signature": digits,
            "X-Gogs-Signature": digits,
            "X-Hub-Signature-256": f"sha256={digits}",
        }
    )


DIALECT = Dialect("gitea", "gitea", b"a cup of tea", push, pull, ping, sign, "X-Gitea-Signature")
