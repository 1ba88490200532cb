"""Bitbucket Cloud: all references of a push in one delivery, by bare names; nothing above 256 KB."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.forges.dialects.speaking import Change, Delivery, Dialect, Pull, Repo, encoded, hexadecimal

EVENTS = {
    "opened": "pullrequest:created",
    "updated": "pullrequest:updated",
    "merged": "pullrequest:fulfilled",
    "closed": "pullrequest:rejected",
    "reviewed": "pullrequest:approved",
}
LARGEST = 256 * 1024


def delivery(event: str, id: str, document: Any) -> Delivery:
    return Delivery(
        event,
        id,
        encoded(document),
        {
            "Content-Type": "application/json",
            "User-Agent": "Bitbucket-Webhooks/2.0",
            "X-Event-Key": event,
            "X-Request-UUID": id,
            "X-Hook-UUID": "a-hook",
            "X-Attempt-Number": "1",
        },
    )


def repository(repo: Repo) -> dict[str, Any]:
    return {
        "uuid": "{a-repository}",
        "full_name": repo.full_name,
        "name": repo.short,
        "links": {"html": {"href": repo.clone_url.removesuffix(".git")}},
    }


def side(change: Change, commit: str) -> dict[str, Any] | None:
    if not commit.strip("0"):
        return None
    kind = "tag" if change.is_tag else "branch"
    return {"type": kind, "name": change.bare, "target": {"hash": commit, "type": "commit"}}


def push(repo: Repo, changes: list[Change], id: str) -> list[Delivery]:
    document = {
        "actor": {"nickname": "ada", "account_id": "557058:x"},
        "repository": repository(repo),
        "push": {
            "changes": [
                {
                    "old": side(change, change.before),
                    "new": side(change, change.after),
                    "created": change.created,
                    "closed": change.deleted,
                    "forced": change.forced,
                    "truncated": False,
                    "commits": [] if change.deleted else [{"hash": change.after, "message": "Change"}],
                }
                for change in changes
            ]
        },
    }
    made = delivery("repo:push", id, document)
    return [made] if len(made.body) <= LARGEST else []


def pull(repo: Repo, found: Pull, id: str) -> Delivery:
    document = {
        "actor": {"nickname": found.author},
        "repository": repository(repo),
        "pullrequest": {
            "id": found.number,
            "title": found.title,
            "state": {"merged": "MERGED", "closed": "DECLINED"}.get(found.happened, "OPEN"),
            "source": {"branch": {"name": found.source}, "commit": {"hash": found.head[:12]}},
            "destination": {"branch": {"name": found.target}, "commit": {"hash": "b" * 12}},
        },
    }
    return delivery(EVENTS[found.happened], id, document)


def ping(repo: Repo, id: str) -> Delivery:
    """There is none; this is what a webhook with another trigger ticked sends."""
    return delivery("repo:fork", id, {"repository": repository(repo)})


def sign(made: Delivery, secret: bytes, now: datetime) -> Delivery:
    return made.having(**{"X-Hub-Signature": "sha256=" + hexadecimal(made.body, secret)})


DIALECT = Dialect("bitbucket", "bitbucket", b"a cloudy secret", push, pull, ping, sign, "X-Hub-Signature")
