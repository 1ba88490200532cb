"""Gitea and Forgejo: GitHub's shapes below `/api/v1`, with the token under another name. docs.gitea.com/api"""

from __future__ import annotations

from dataclasses import replace

from reconciler.forge import github
from reconciler.forge.port import Request


def headers(user: str, token: str) -> dict[str, str]:
    return {"Authorization": f"token {token}"}


FORGE = replace(
    github.FORGE,
    api="",
    public_host="",
    headers=headers,
    notes=lambda repository, number, page: Request(
        "GET", f"/repos/{repository}/issues/{number}/comments?limit=50&page={page}"
    ),
)
