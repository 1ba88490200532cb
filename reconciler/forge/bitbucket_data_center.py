"""Bitbucket Data Center: builds of a commit, and comments that are changed only over the version one has read.

developer.atlassian.com/server/bitbucket/rest
"""

from __future__ import annotations

import hashlib
from typing import Any

from reconciler.forge.hooks import Hook, Hooks
from reconciler.forge.port import Forge, Note, PullInfo, Review
from reconciler.forge.reports import Report
from reconciler.forge.request import Ask, Request, bearer, text
from reconciler.plan.statuses import Status

STATES = {"pending": "INPROGRESS", "success": "SUCCESSFUL", "failure": "FAILED"}
PAGE = 100


def repo(repository: str) -> str:
    """`scm/KEY/slug`, as it stands in the URL of a clone, or `KEY/slug`."""
    key, _, slug = repository.removeprefix("scm/").rpartition("/")
    return f"/projects/{key.upper()}/repos/{slug}"


def status(repository: str, sha: str, told: Status, url: str) -> Request:
    body = {
        "key": told.context,
        "name": told.context,
        "state": STATES[told.state],
        "description": told.description,
        "url": url,
    }
    return Request("POST", f"{repo(repository)}/commits/{sha}/builds", body)


def read_pull(document: Any) -> PullInfo:
    source, target = document["fromRef"], document["toRef"]
    inside = source["repository"]["id"] == target["repository"]["id"]
    return PullInfo(
        int(document["id"]),
        document["state"] == "OPEN",
        text(source["latestCommit"]),
        text(source["id"]).removeprefix("refs/heads/") if inside else "",
        text(target["id"]).removeprefix("refs/heads/"),
        text(((document.get("properties") or {}).get("mergeCommit") or {}).get("id")),
        text(((document.get("author") or {}).get("user") or {}).get("name")),
    )


def approvals(ask: Ask, repository: str, number: int) -> list[Review]:
    """Each reviewer and participant with the commit that they looked at last."""

    def read(document: Any) -> list[Review]:
        return [
            Review(text(one["user"]["name"]), text(one.get("lastReviewedCommit")))
            for one in (*document["reviewers"], *(document.get("participants") or ()))
            if one.get("status") == "APPROVED"
        ]

    return ask(Request("GET", _pull(repository, number)), read)


def read_notes(document: Any) -> list[Note]:
    """Of the activities of a pull request, those that are comments."""
    found = [one["comment"] for one in document["values"] if one.get("action") == "COMMENTED"]
    return [Note(str(one["id"]), text(one["author"]["name"]), text(one["text"])) for one in found]


def _pull(repository: str, number: int) -> str:
    return f"{repo(repository)}/pull-requests/{number}"


LEVELS = {"error": "HIGH", "warning": "MEDIUM", "info": "LOW"}
MOST_ANNOTATIONS = 1000
INSIGHTS = "insights/latest"
"""Another API, beside the one whose address ends in /api/latest."""


def annotate(ask: Ask, repository: str, told: Report) -> None:
    """A report of a commit, put anew with its annotations."""
    key = f"sentinel-{hashlib.sha256(told.name.encode()).hexdigest()[:40]}"
    path = f"{repo(repository)}/commits/{told.sha}/reports/{key}"
    body = {
        "title": told.name,
        "details": told.summary,
        "reporter": "sentinel",
        "result": "PASS" if told.good else "FAIL",
        "link": told.url,
    }
    ask(Request("PUT", path, body, beside=INSIGHTS), lambda document: None)
    ask(Request("DELETE", f"{path}/annotations", beside=INSIGHTS), lambda document: None)
    annotations = [
        {
            "path": one.path,
            "line": one.line,
            "severity": LEVELS[one.level],
            "message": f"{one.code} {one.message}"[:2000],
        }
        for one in told.annotations[:MOST_ANNOTATIONS]
    ]
    if annotations:
        found = {"annotations": annotations}
        ask(Request("POST", f"{path}/annotations", found, beside=INSIGHTS), lambda document: None)


EVENTS = (
    "repo:refs_changed", "repo:modified", "pr:opened", "pr:from_ref_updated", "pr:modified", "pr:merged",
    "pr:declined", "pr:deleted", "pr:reviewer:approved", "pr:reviewer:unapproved", "pr:reviewer:needs_work",
)  # fmt: skip


def hook_of(document: Any) -> Hook:
    return Hook(str(document["id"]), text(document["url"]))


def hook_body(url: str, secret: str) -> dict[str, Any]:
    return {
        "name": "sentinel",
        "url": url,
        "active": True,
        "events": list(EVENTS),
        "configuration": {"secret": secret},
    }


HOOKS = Hooks(
    listed=lambda repository: Request("GET", f"{repo(repository)}/webhooks?limit=100"),
    read=lambda document: [hook_of(one) for one in document["values"]],
    add=lambda repository, url, secret: Request(
        "POST", f"{repo(repository)}/webhooks", hook_body(url, secret)
    ),
    edit=lambda repository, hook, url, secret: Request(
        "PUT", f"{repo(repository)}/webhooks/{hook}", hook_body(url, secret)
    ),
    read_one=hook_of,
    test=None,
)

FORGE = Forge(
    api="",
    public_host="",
    headers=bearer,
    me=None,
    read_me=lambda document: "",
    status=status,
    pull=lambda repository, number: Request("GET", _pull(repository, number)),
    read_pull=read_pull,
    notes=lambda repository, number, page: Request(
        "GET", f"{_pull(repository, number)}/activities?limit={PAGE}&start={(page - 1) * PAGE}"
    ),
    read_notes=read_notes,
    add_note=lambda repository, number, body: Request(
        "POST", f"{_pull(repository, number)}/comments", {"text": body}
    ),
    read_note=lambda document: str(document["id"]),
    edit_note=lambda repository, number, note, body, version: Request(
        "PUT", f"{_pull(repository, number)}/comments/{note}", {"text": body, "version": version}
    ),
    pull_ref=lambda number: f"refs/pull-requests/{number}/from",
    longest_note=32_768,
    hooks=HOOKS,
    pulls_of=lambda repository, sha: Request(
        "GET", f"{repo(repository)}/commits/{sha}/pull-requests?limit=25"
    ),
    read_numbers=lambda document: [int(one["id"]) for one in document["values"]],
    approvals=approvals,
    close=lambda repository, number, version: Request(
        "POST", f"{_pull(repository, number)}/decline?version={version}", {}
    ),
    annotate=annotate,
    get_note=lambda repository, number, note: Request("GET", f"{_pull(repository, number)}/comments/{note}"),
    version_of=lambda document: int(document["version"]),
    version_of_pull=lambda document: int(document["version"]),
)
