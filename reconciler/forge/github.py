"""GitHub: commit statuses, and comments on the issue that every pull request is. docs.github.com/rest"""

from __future__ import annotations

from typing import Any

from reconciler.forge.port import Forge, Note, PullInfo, Request, bearer, text
from reconciler.plan.statuses import Status


def headers(user: str, token: str) -> dict[str, str]:
    return {
        **bearer(user, token),
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }


def status(repository: str, sha: str, told: Status, url: str) -> Request:
    body = {
        "state": told.state,
        "context": told.context,
        "description": told.description,
        "target_url": url,
    }
    return Request("POST", f"/repos/{repository}/statuses/{sha}", body)


def read_pull(document: Any) -> PullInfo:
    head, base = document["head"], document["base"]
    inside = (head.get("repo") or {}).get("id") == base["repo"]["id"]
    return PullInfo(
        int(document["number"]),
        document["state"] == "open",
        text(head["sha"]),
        text(head["ref"]) if inside else "",
        text(base["ref"]),
    )


def read_notes(document: Any) -> list[Note]:
    return [
        Note(str(one["id"]), text((one.get("user") or {}).get("login")), text(one["body"]))
        for one in document
    ]


FORGE = Forge(
    api="https://api.github.com",
    public_host="github.com",
    headers=headers,
    me=Request("GET", "/user"),
    read_me=lambda document: text(document["login"]),
    status=status,
    pull=lambda repository, number: Request("GET", f"/repos/{repository}/pulls/{number}"),
    read_pull=read_pull,
    notes=lambda repository, number, page: Request(
        "GET", f"/repos/{repository}/issues/{number}/comments?per_page=100&page={page}"
    ),
    read_notes=read_notes,
    add_note=lambda repository, number, body: Request(
        "POST", f"/repos/{repository}/issues/{number}/comments", {"body": body}
    ),
    read_note=lambda document: str(document["id"]),
    edit_note=lambda repository, number, note, body, version: Request(
        "PATCH", f"/repos/{repository}/issues/comments/{note}", {"body": body}
    ),
    pull_ref=lambda number: f"refs/pull/{number}/head",
    longest_note=65_536,
)
