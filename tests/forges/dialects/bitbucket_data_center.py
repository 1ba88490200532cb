"""Bitbucket Data Center: all references of a push in one delivery; a ping that is not signed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.forges.dialects import bitbucket
from tests.forges.dialects.speaking import Change, Delivery, Dialect, Pull, Repo, encoded

EVENTS = {
    "opened": "pr:opened",
    "updated": "pr:from_ref_updated",
    "merged": "pr:merged",
    "closed": "pr:declined",
    "reviewed": "pr:reviewer:approved",
}
PING = "diagnostics:ping"


def delivery(event: str, id: str, document: Any) -> Delivery:
    return Delivery(
        event,
        id,
        encoded(document),
        {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Atlassian HttpClient 4.2.0 / Bitbucket-8.19.0",
            "X-Event-Key": event,
            "X-Request-Id": id,
        },
    )


def repository(repo: Repo) -> dict[str, Any]:
    return {
        "id": repo.number,
        "slug": repo.short,
        "project": {"key": repo.owner.upper()},
        "links": {"clone": [{"href": repo.clone_url, "name": "http"}]},
    }


def push(repo: Repo, changes: list[Change], id: str) -> list[Delivery]:
    document = {
        "eventKey": "repo:refs_changed",
        "date": "2026-11-23T20:00:00+0000",
        "actor": {"name": "ada", "emailAddress": "ada@example.com"},
        "repository": repository(repo),
        "changes": [
            {
                "ref": {"id": c.ref, "displayId": c.bare, "type": "TAG" if c.is_tag else "BRANCH"},
                "refId": c.ref,
                "fromHash": c.before,
                "toHash": c.after,
                "type": "ADD" if c.created else "DELETE" if c.deleted else "UPDATE",
            }
            for c in changes
        ],
    }
    return [delivery("repo:refs_changed", id, document)]


def pull(repo: Repo, found: Pull, id: str) -> Delivery:
    document = {
        "eventKey": EVENTS[found.happened],
        "actor": {"name": found.author},
        "pullRequest": {
            "id": found.number,
            "title": found.title,
            "fromRef": {
                "id": f"refs/heads/{found.source}",
                "latestCommit": found.head,
                "repository": repository(repo),
            },
            "toRef": {
                "id": f"refs/heads/{found.target}",
                "latestCommit": "b" * 40,
                "repository": repository(repo),
            },
        },
    }
    return delivery(EVENTS[found.happened], id, document)


def ping(repo: Repo, id: str) -> Delivery:
    return delivery(PING, id, {"test": True})


def sign(made: Delivery, secret: bytes, now: datetime) -> Delivery:
    return made if made.event == PING else bitbucket.sign(made, secret, now)


DIALECT = Dialect(
    "bitbucket-data-center",
    "bitbucket-data-center",
    b"a secret of the data center",
    push,
    pull,
    ping,
    sign,
    "X-Hub-Signature",
)
