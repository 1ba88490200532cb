"""GitLab with a signing token: Standard Webhooks; no push hook at all for more than three branches in one push."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any

from tests.forges.dialects.speaking import Change, Delivery, Dialect, Pull, Repo, encoded, part_id

ACTIONS = {
    "opened": "open",
    "updated": "update",
    "merged": "merge",
    "closed": "close",
    "reviewed": "approved",
}
LIMIT = 3


def delivery(event: str, id: str, document: Any) -> Delivery:
    return Delivery(
        event,
        id,
        encoded(document),
        {
            "Content-Type": "application/json",
            "User-Agent": "GitLab/18.4.0",
            "X-Gitlab-Event": event,
            "X-Gitlab-Event-UUID": id,
            "X-Gitlab-Instance": "https://forge.example",
            "X-Gitlab-Webhook-UUID": "a-hook",
            "Idempotency-Key": id,
        },
    )


def project(repo: Repo) -> dict[str, Any]:
    return {
        "id": repo.number,
        "name": repo.short,
        "path_with_namespace": repo.full_name,
        "web_url": f"{repo.base}/{repo.full_name}",
        "git_http_url": repo.clone_url,
        "git_ssh_url": f"git@forge.example:{repo.full_name}.git",
        "default_branch": "main",
    }


def push(repo: Repo, changes: list[Change], id: str) -> list[Delivery]:
    sent = []
    for event, kind, some in (
        ("Push Hook", "push", [change for change in changes if not change.is_tag]),
        ("Tag Push Hook", "tag_push", [change for change in changes if change.is_tag]),
    ):
        if len(some) > LIMIT:
            continue
        for change in some:
            document = {
                "object_kind": kind,
                "event_name": kind,
                "ref": change.ref,
                "before": change.before,
                "after": change.after,
                "checkout_sha": None if change.deleted else change.after,
                "ref_protected": True,
                "user_username": "ada",
                "user_email": "[REDACTED]",
                "project": project(repo),
                "commits": [] if change.deleted else [{"id": change.after, "modified": ["services.kdl"]}],
                "total_commits_count": 0 if change.deleted else 41,
            }
            sent.append(delivery(event, part_id(id, len(sent)), document))
    return sent


def pull(repo: Repo, found: Pull, id: str) -> Delivery:
    attributes = {
        "iid": found.number,
        "title": found.title,
        "action": ACTIONS[found.happened],
        "state": {"merged": "merged", "closed": "closed"}.get(found.happened, "opened"),
        "source_branch": found.source,
        "target_branch": found.target,
        "last_commit": {"id": found.head},
    }
    if found.happened == "updated":
        attributes["oldrev"] = "c" * 40
    document = {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": {"username": found.author},
        "project": project(repo),
        "object_attributes": attributes,
    }
    return delivery("Merge Request Hook", id, document)


def ping(repo: Repo, id: str) -> Delivery:
    """There is no ping: the button "Test" sends the last push again."""
    return push(repo, [Change("refs/heads/main", "a" * 40, "b" * 40)], id)[0]


def sign(made: Delivery, secret: bytes, now: datetime) -> Delivery:
    stamp = str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix(b"whsec_")) if secret.startswith(b"whsec_") else secret
    message = f"{made.id}.{stamp}.".encode() + made.body
    signature = "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
    return made.having(**{"webhook-id": made.id, "webhook-timestamp": stamp, "webhook-signature": signature})


SECRET = b"whsec_" + base64.b64encode(b"a key of thirty-two bytes, truly")
DIALECT = Dialect("gitlab", "gitlab", SECRET, push, pull, ping, sign, "webhook-signature")
