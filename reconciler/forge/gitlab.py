"""GitLab: commit statuses, and notes on merge requests. A status that is as it was is an error there, and means that it
is fine. docs.gitlab.com/api"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from reconciler.forge.hooks import Attempt, Hook, Hooks
from reconciler.forge.port import Forge, Note, PullInfo, Review
from reconciler.forge.reports import Deployment
from reconciler.forge.request import Ask, Request, moment, text
from reconciler.plan.statuses import Status

STATES = {"pending": "pending", "success": "success", "failure": "failed"}


def project(repository: str) -> str:
    return f"/projects/{quote(repository, safe='')}"


def status(repository: str, sha: str, told: Status, url: str) -> Request:
    body = {
        "state": STATES[told.state],
        "name": told.context,
        "description": told.description,
        "target_url": url,
    }
    return Request(
        "POST", f"{project(repository)}/statuses/{sha}", body, fine_when="Cannot transition status"
    )


def read_pull(document: Any) -> PullInfo:
    inside = document["source_project_id"] == document["target_project_id"]
    return PullInfo(
        int(document["iid"]),
        document["state"] == "opened",
        text(document["sha"]),
        text(document["source_branch"]) if inside else "",
        text(document["target_branch"]),
        merged_as(document) if document["state"] == "merged" else "",
        text((document.get("author") or {}).get("username")),
    )


def merged_as(document: Any) -> str:
    """The merge, or else the one commit that everything was squashed into; without either the head was put there."""
    return (
        text(document.get("merge_commit_sha"))
        or text(document.get("squash_commit_sha"))
        or text(document["sha"])
    )


def approvals(ask: Ask, repository: str, number: int) -> list[Review]:
    """An approval names no commit, but when it was given, and each version of the merge request when it came."""
    path = f"{project(repository)}/merge_requests/{number}"
    versions = ask(
        Request("GET", f"{path}/versions?per_page=1"),
        lambda document: [(moment(one["created_at"]), text(one["head_commit_sha"])) for one in document],
    )
    since, head = max(versions, default=(None, ""))

    def read(document: Any) -> list[Review]:
        found = []
        for one in document["approved_by"]:
            at = moment(one["approved_at"]) if one.get("approved_at") else None
            later = since is not None and at is not None and at > since
            found.append(Review(text(one["user"]["username"]), head if later else ""))
        return found

    return ask(Request("GET", f"{path}/approvals"), read)


def notes(repository: str, number: int, page: int) -> Request:
    return Request(
        "GET", f"{project(repository)}/merge_requests/{number}/notes?sort=asc&per_page=100&page={page}"
    )


def read_notes(document: Any) -> list[Note]:
    return [Note(str(one["id"]), text(one["author"]["username"]), text(one["body"])) for one in document]


DEPLOYED = {"pending": "running", "success": "success", "failure": "failed", "over": "canceled"}


def deploy(ask: Ask, repository: str, told: Deployment) -> None:
    """A deployment has one status, which is not set to what it is already."""
    path = f"{project(repository)}/deployments"
    status = DEPLOYED[told.state]
    which = {"environment": told.environment, "order_by": "id", "sort": "desc", "per_page": "100"}
    found = ask(
        Request("GET", f"{path}?{urlencode(which)}"),
        lambda document: [
            (int(one["id"]), text(one["status"])) for one in document if one["sha"] == told.sha
        ],
    )
    if not found:
        body = {
            "environment": told.environment,
            "sha": told.sha,
            "ref": told.trunk,
            "tag": False,
            "status": status,
        }
        ask(Request("POST", path, body), lambda document: None)
    elif found[0][1] != status:
        ask(Request("PUT", f"{path}/{found[0][0]}", {"status": status}), lambda document: None)


def hook_of(document: Any) -> Hook:
    """GitLab switches a webhook off that fails too often, for a time or for good."""
    status = text(document.get("alert_status"))
    trouble = ""
    if status not in ("", "executable"):
        until = text(document.get("disabled_until"))
        trouble = f"GitLab has it {status.replace('_', ' ')}" + (f" until {until}" if until else "")
    return Hook(str(document["id"]), text(document["url"]), trouble)


def read_attempts(document: Any) -> list[Attempt]:
    """The newest first. What is sent again has the id that the first attempt had in its headers."""
    found = []
    for one in document:
        sent = {str(name).lower(): value for name, value in (one.get("request_headers") or {}).items()}
        delivery = text(sent.get("webhook-id")) or text(sent.get("idempotency-key"))
        status = str(one["response_status"])
        arrived = status.isascii() and status.isdigit() and status.startswith("2")
        found.append(Attempt(str(one["id"]), delivery, arrived))
    return found


def hook_body(url: str, secret: str) -> dict[str, Any]:
    """A signing token has a field of its own, and there is no plain token beside it."""
    proof = {"signing_token": secret} if secret.startswith("whsec_") else {"token": secret}
    events = dict.fromkeys(("push_events", "tag_push_events", "merge_requests_events"), True)
    return {"url": url, "enable_ssl_verification": True, **events, **proof}


HOOKS = Hooks(
    listed=lambda repository: Request("GET", f"{project(repository)}/hooks?per_page=100"),
    read=lambda document: [hook_of(one) for one in document],
    add=lambda repository, url, secret: Request(
        "POST", f"{project(repository)}/hooks", hook_body(url, secret)
    ),
    edit=lambda repository, hook, url, secret: Request(
        "PUT", f"{project(repository)}/hooks/{hook}", hook_body(url, secret)
    ),
    read_one=hook_of,
    test=lambda repository, hook: Request("POST", f"{project(repository)}/hooks/{hook}/test/push_events"),
    attempts=lambda repository, hook: Request(
        "GET", f"{project(repository)}/hooks/{hook}/events?per_page=100"
    ),
    read_attempts=read_attempts,
    again=lambda repository, hook, attempt: Request(
        "POST", f"{project(repository)}/hooks/{hook}/events/{attempt}/resend"
    ),
)

FORGE = Forge(
    api="https://gitlab.com/api/v4",
    public_host="gitlab.com",
    headers=lambda user, token: {"PRIVATE-TOKEN": token},
    me=Request("GET", "/user"),
    read_me=lambda document: text(document["username"]),
    status=status,
    pull=lambda repository, number: Request("GET", f"{project(repository)}/merge_requests/{number}"),
    read_pull=read_pull,
    notes=notes,
    read_notes=read_notes,
    add_note=lambda repository, number, body: Request(
        "POST", f"{project(repository)}/merge_requests/{number}/notes", {"body": body}
    ),
    read_note=lambda document: str(document["id"]),
    edit_note=lambda repository, number, note, body, version: Request(
        "PUT", f"{project(repository)}/merge_requests/{number}/notes/{note}", {"body": body}
    ),
    pull_ref=lambda number: f"refs/merge-requests/{number}/head",
    longest_note=1_000_000,
    hooks=HOOKS,
    pulls_of=lambda repository, sha: Request(
        "GET", f"{project(repository)}/repository/commits/{sha}/merge_requests"
    ),
    read_numbers=lambda document: [int(one["iid"]) for one in document],
    approvals=approvals,
    close=lambda repository, number, version: Request(
        "PUT", f"{project(repository)}/merge_requests/{number}", {"state_event": "close"}
    ),
    deploy=deploy,
)
