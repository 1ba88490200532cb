"""Gitea and Forgejo: GitHub's shapes below `/api/v1`, with the token under another name. docs.gitea.com/api"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from reconciler.forge import github
from reconciler.forge.request import Request


def headers(user: str, token: str) -> dict[str, str]:
    return {"Authorization": f"token {token}"}


EVENTS = ("push", "pull_request", "pull_request_sync", "pull_request_review")


def hook_body(url: str, secret: str) -> dict[str, Any]:
    config = {"url": url, "content_type": "json", "secret": secret}
    return {"type": "gitea", "events": list(EVENTS), "active": True, "config": config}


HOOKS = replace(
    github.HOOKS,
    listed=lambda repository: Request("GET", f"/repos/{repository}/hooks?limit=50"),
    add=lambda repository, url, secret: Request("POST", f"/repos/{repository}/hooks", hook_body(url, secret)),
    edit=lambda repository, hook, url, secret: Request(
        "PATCH", f"/repos/{repository}/hooks/{hook}", hook_body(url, secret)
    ),
    attempts=None,
    again=None,
)

FORGE = replace(
    github.FORGE,
    api="",
    public_host="",
    headers=headers,
    hooks=HOOKS,
    pulls_of=lambda repository, sha: Request("GET", f"/repos/{repository}/commits/{sha}/pull"),
    read_numbers=lambda document: [int(document["number"])],
    # A server may be set up to give fewer at once than it is asked for.
    approvals=partial(
        github.approvals,
        size="limit=50",
        full=1,
        events="timeline",
        retargeted=("type", "change_target_branch"),
    ),
    deploy=None,
    annotate=None,
    notes=lambda repository, number, page: Request(
        "GET", f"/repos/{repository}/issues/{number}/comments?limit=50&page={page}"
    ),
)
