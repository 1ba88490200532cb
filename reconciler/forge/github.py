"""GitHub: commit statuses, and comments on the issue that every pull request is. docs.github.com/rest"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from reconciler.forge.hooks import Attempt, Hook, Hooks
from reconciler.forge.port import APP_PREFIX, Forge, Note, PullInfo, Review
from reconciler.forge.reports import Deployment, Report
from reconciler.forge.request import Ask, Request, T, bearer, moment, paged, text
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
        text(document["merge_commit_sha"]) if document.get("merged") else "",
        text((document.get("user") or {}).get("login")),
    )


def read_notes(document: Any) -> list[Note]:
    return [Note(str(one["id"]), author_of(one), text(one["body"])) for one in document]


def author_of(document: Any) -> str:
    """An App's comments are its own, whatever its account is called."""
    app = document.get("performed_via_github_app")
    return f"{APP_PREFIX}{app['id']}" if app else text((document.get("user") or {}).get("login"))


LEVELS = {"error": "failure", "warning": "warning", "info": "notice"}
MOST_ANNOTATIONS = 50
"""In one request; a run that is changed keeps those that it had."""


def annotate(ask: Ask, repository: str, told: Report) -> None:
    """A check run, which is never changed: a newer one of the same name is shown in its place."""
    which = urlencode({"check_name": told.name, "per_page": "100"})
    there = ask(
        Request("GET", f"/repos/{repository}/commits/{told.sha}/check-runs?{which}"),
        lambda document: [text(one.get("external_id")) for one in document["check_runs"]],
    )
    if there[:1] == [told.id]:
        return
    annotations = [
        {
            "path": one.path,
            "start_line": one.line,
            "end_line": one.line,
            "annotation_level": LEVELS[one.level],
            "title": one.code,
            "message": one.message,
        }
        for one in told.annotations[:MOST_ANNOTATIONS]
    ]
    body = {
        "name": told.name,
        "head_sha": told.sha,
        "external_id": told.id,
        "details_url": told.url,
        "status": "completed",
        "conclusion": "success" if told.good else "failure",
        "output": {"title": told.summary, "summary": told.summary, "annotations": annotations},
    }
    ask(Request("POST", f"/repos/{repository}/check-runs", body), lambda document: None)


PAGE = 100


def approvals(
    ask: Ask,
    repository: str,
    number: int,
    *,
    size: str = f"per_page={PAGE}",
    full: int = PAGE,
    events: str = "events",
    retargeted: tuple[str, str] = ("event", "base_ref_changed"),
) -> list[Review]:
    """The reviews come in their order; a comment changes nothing, and whatever else is not an approval ends one. What
    was approved before the pull request was pointed at another branch was less than it brings now.

    A page with fewer than `full` things is the last. `retargeted` is the field and the word by which one of the
    `events` says so.
    """
    path = f"/repos/{repository}"

    def everything(what: str, read: Callable[[Any], T]) -> list[T] | None:
        return paged(
            ask,
            lambda page: Request("GET", f"{path}/{what}?{size}&page={page}"),
            lambda document: [read(one) for one in document],
            full,
        )

    found = everything(f"pulls/{number}/reviews", lambda one: (state_of(one), review_of(one), when(one)))
    standing: dict[str, tuple[Review, datetime | None]] = {}
    for state, review, at in found or ():
        if state == "APPROVED":
            standing[review.account] = review, at
        elif state not in ("COMMENTED", "COMMENT", "PENDING", "REQUEST_REVIEW"):
            standing.pop(review.account, None)
    if not standing:
        return []
    field, word = retargeted
    happened = everything(
        f"issues/{number}/{events}",
        lambda one: moment(one["created_at"]) if one.get(field) == word else None,
    )
    if happened is None:
        return []
    last = max((at for at in happened if at is not None), default=None)
    return [review for review, at in standing.values() if last is None or (at is not None and at > last)]


def when(document: Any) -> datetime | None:
    return moment(document["submitted_at"]) if document.get("submitted_at") else None


def state_of(document: Any) -> str:
    return "DISMISSED" if document.get("dismissed") else text(document["state"])


def review_of(document: Any) -> Review:
    account = text((document.get("user") or {}).get("login"))
    return Review(account, text(document.get("commit_id")), text(document.get("html_url")))


DEPLOYED = {"pending": "in_progress", "success": "success", "failure": "failure", "over": "inactive"}


def deploy(ask: Ask, repository: str, told: Deployment) -> None:
    """A deployment is of a commit, an environment and a task; how it stands is said by the newest of its statuses."""
    path = f"/repos/{repository}/deployments"
    which = {"sha": told.sha, "environment": told.environment, "task": told.task}
    found = ask(
        Request("GET", f"{path}?{urlencode(which)}"), lambda document: [int(one["id"]) for one in document]
    )
    if not found:
        body = {
            "ref": told.sha,
            "environment": told.environment,
            "task": told.task,
            "description": told.description,
            "auto_merge": False,
            "required_contexts": [],
        }
        found = [ask(Request("POST", path, body), lambda document: int(document["id"]))]
    status = {"state": DEPLOYED[told.state], "description": told.description, "log_url": told.url}
    ask(Request("POST", f"{path}/{found[0]}/statuses", status), lambda document: None)


EVENTS = ("push", "pull_request", "pull_request_review", "repository")


def hook_of(document: Any) -> Hook:
    """Of the last delivery `code` is None before there was one."""
    last = document.get("last_response") or {}
    trouble = ""
    if document.get("active") is False:
        trouble = "it is switched off at the forge"
    elif isinstance(last.get("code"), int) and not 200 <= last["code"] < 300:
        trouble = f"its last delivery was answered {last['code']}: {text(last.get('message'))}"
    return Hook(str(document["id"]), text(document["config"]["url"]), trouble)


def read_attempts(document: Any) -> list[Attempt]:
    """The newest first."""
    return [
        Attempt(
            str(one["id"]),
            text(one["guid"]),
            200 <= int(one["status_code"]) < 300,
            moment(one["delivered_at"]),
        )
        for one in document
    ]


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
    attempts=lambda repository, hook: Request(
        "GET", f"/repos/{repository}/hooks/{hook}/deliveries?per_page=100"
    ),
    read_attempts=read_attempts,
    again=lambda repository, hook, attempt: Request(
        "POST", f"/repos/{repository}/hooks/{hook}/deliveries/{attempt}/attempts"
    ),
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
    pulls_of=lambda repository, sha: Request("GET", f"/repos/{repository}/commits/{sha}/pulls"),
    read_numbers=lambda document: [int(one["number"]) for one in document],
    approvals=approvals,
    close=lambda repository, number, version: Request(
        "PATCH", f"/repos/{repository}/pulls/{number}", {"state": "closed"}
    ),
    deploy=deploy,
    annotate=annotate,
    annotates_as_app=True,
)
