"""GitHub: commit statuses, and comments on the issue that every pull request is. docs.github.com/rest"""

from __future__ import annotations

from typing import Any

from reconciler.forge.port import Forge, Hook, Hooks, Note, PullInfo, Request, bearer, text
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


EVENTS = ("push", "pull_request", "pull_request_review", "repository")


def hook_of(document: Any) -> Hook:
    return Hook(str(document["id"]), text(document["config"]["url"]))


def hook_body(url: str, secret: str) -> dict[str, Any]:
    config = {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
    return {"events": list(EVENTS), "active": True, "config": config}


HOOKS = Hooks(
    listed=lambda repository: Request("GET", f"/repos/{repository}/hooks?per_page=100"),
    read=lambda document: [hook_of(one) for one in document],
    add=lambda repository, url, secret: Request(
        "POST", f"/repos/{repository}/hooks", {"name": "web", **hook_body(url, secret)}
    ),
    edit=lambda repository, hook, url, secret: Request(
        "PATCH", f"/repos/{repository}/hooks/{hook}", hook_body(url, secret)
    ),
    read_one=hook_of,
    test=lambda repository, hook: Request("POST", f"/repos/{repository}/hooks/{hook}/tests"),
)

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
    hooks=HOOKS,
)
