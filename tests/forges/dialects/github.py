"""GitHub: one delivery for each reference; none for more than three tags."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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

ACTIONS = {"opened": "opened", "updated": "synchronize", "merged": "closed", "closed": "closed"}


def delivery(event: str, id: str, document: Any) -> Delivery:
    return Delivery(
        event,
        id,
        encoded(document),
        {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/044aadd",
            "X-GitHub-Delivery": id,
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": "292430182",
            "X-GitHub-Hook-Installation-Target-Type": "repository",
        },
    )


def repository(repo: Repo) -> dict[str, Any]:
    return {
        "id": repo.number,
        "name": repo.short,
        "full_name": repo.full_name,
        "private": True,
        "html_url": f"{repo.base}/{repo.full_name}",
        "clone_url": repo.clone_url,
        "ssh_url": f"git@forge.example:{repo.full_name}.git",
        "default_branch": "main",
    }


def push_document(repo: Repo, change: Change) -> dict[str, Any]:
    commits = (
        [] if change.deleted else [{"id": change.after, "message": "Change", "modified": ["services.kdl"]}]
    )
    return {
        "ref": change.ref,
        "before": change.before,
        "after": change.after,
        "created": change.created,
        "deleted": change.deleted,
        "forced": change.forced,
        "commits": commits,
        "head_commit": commits[-1] if commits else None,
        "repository": repository(repo),
        "pusher": {"name": "ada"},
        "sender": {"login": "ada"},
    }


def push(repo: Repo, changes: list[Change], id: str) -> list[Delivery]:
    if sum(change.is_tag for change in changes) > 3:
        changes = [change for change in changes if not change.is_tag]
    if len(changes) > 5000:
        return []
    return [delivery("push", part_id(id, n), push_document(repo, change)) for n, change in enumerate(changes)]


def pull_document(repo: Repo, pull: Pull) -> dict[str, Any]:
    return {
        "action": ACTIONS.get(pull.happened, "submitted"),
        "number": pull.number,
        "pull_request": {
            "number": pull.number,
            "title": pull.title,
            "merged": pull.happened == "merged",
            "state": "closed" if pull.happened in ("merged", "closed") else "open",
            "user": {"login": pull.author},
            "head": {"ref": pull.source, "sha": pull.head, "repo": repository(repo)},
            "base": {"ref": pull.target, "sha": "b" * 40, "repo": repository(repo)},
        },
        "repository": repository(repo),
        "sender": {"login": pull.author},
    }


def pull(repo: Repo, found: Pull, id: str) -> Delivery:
    document = pull_document(repo, found)
    if found.happened == "reviewed":
        document["review"] = {"state": "approved", "commit_id": found.head, "user": {"login": "grace"}}
        return delivery("pull_request_review", id, document)
    return delivery("pull_request", id, document)


def ping(repo: Repo, id: str) -> Delivery:
    document = {"zen": "Keep it logically awesome.", "hook_id": 292430182, "repository": repository(repo)}
    return delivery("ping", id, document)


def sign(made: Delivery, secret: bytes, now: datetime) -> Delivery:
    return made.having(**{"X-Hub-Signature-256": "sha256=" + hexadecimal(made.body, secret)})


DIALECT = Dialect("github", "github", b"It's a Secret", push, pull, ping, sign, "X-Hub-Signature-256")
