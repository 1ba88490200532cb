"""Bitbucket Cloud: build statuses under a key of forty characters, and comments whose text is `content.raw`.

developer.atlassian.com/cloud/bitbucket/rest
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from reconciler.forge.calling import NotThere
from reconciler.forge.hooks import Hook, Hooks
from reconciler.forge.port import Forge, Note, PullInfo, Review
from reconciler.forge.reports import Report
from reconciler.forge.request import Ask, Request, basic, paged, text
from reconciler.plan.statuses import Status

STATES = {"pending": "INPROGRESS", "success": "SUCCESSFUL", "failure": "FAILED"}


def key_of(context: str) -> str:
    """A context as a key, which may not be longer than this."""
    return hashlib.sha256(context.encode()).hexdigest()[:40]


def status(repository: str, sha: str, told: Status, url: str) -> Request:
    body = {
        "key": key_of(told.context),
        "name": told.context,
        "state": STATES[told.state],
        "description": told.description,
        "url": url,
    }
    return Request("POST", f"/repositories/{repository}/commit/{sha}/statuses/build", body)


def read_pull(document: Any) -> PullInfo:
    source, target = document["source"], document["destination"]
    inside = (source.get("repository") or {}).get("full_name") == target["repository"]["full_name"]
    return PullInfo(
        int(document["id"]),
        document["state"] == "OPEN",
        text(source["commit"]["hash"]),
        text(source["branch"]["name"]) if inside else "",
        text(target["branch"]["name"]),
        text((document.get("merge_commit") or {}).get("hash")),
        text((document.get("author") or {}).get("account_id")),
    )


PAGE = 50


def approvals(ask: Ask, repository: str, number: int) -> list[Review]:
    """What happened to it, the newest first. An approval names no commit: it is of what the update before it brought.

    Whose approvals stand is said by the participants, for withdrawing one is no activity. What was approved before it
    was pointed at another branch was less than it brings now.
    """
    document = ask(Request("GET", _pull(repository, number)), lambda answer: answer)
    standing = {
        text(one["user"]["account_id"])
        for one in document.get("participants") or ()
        if one.get("approved") is True
    }
    activity = paged(
        ask,
        lambda page: Request("GET", f"{_pull(repository, number)}/activity?pagelen={PAGE}&page={page}"),
        lambda answer: list(answer["values"]),
        PAGE,
    )
    found: dict[str, Review] = {}
    head, target = "", ""
    for one in reversed(activity or ()):
        if "update" in one:
            now = text(((one["update"].get("destination") or {}).get("branch") or {}).get("name")) or target
            if target not in ("", now):
                found.clear()
            target = now
            head = text(((one["update"].get("source") or {}).get("commit") or {}).get("hash")) or head
        elif "approval" in one:
            account = text(one["approval"]["user"]["account_id"])
            found[account] = Review(account, head)
    return [review for account, review in found.items() if account in standing]


def read_notes(document: Any) -> list[Note]:
    return [
        Note(str(one["id"]), text((one.get("user") or {}).get("account_id")), text(one["content"]["raw"]))
        for one in document["values"]
        if not one.get("deleted")
    ]


def _pull(repository: str, number: int) -> str:
    return f"/repositories/{repository}/pullrequests/{number}"


LEVELS = {"error": "HIGH", "warning": "MEDIUM", "info": "LOW"}
MOST_ANNOTATIONS = 100


def annotate(ask: Ask, repository: str, told: Report) -> None:
    """A report of a commit, put anew with its annotations."""
    path = f"/repositories/{repository}/commit/{told.sha}/reports/{key_of(told.name)}"
    with suppress(NotThere):
        # What stands beside lines that were found fault with before would stay.
        ask(Request("DELETE", path), lambda document: None)
    body = {
        "title": told.name,
        "details": told.summary,
        "external_id": key_of(told.name),
        "reporter": "sentinel",
        "report_type": "TEST",
        "result": "PASSED" if told.good else "FAILED",
        "link": told.url,
    }
    ask(Request("PUT", path, body), lambda document: None)
    annotations = [
        {
            "external_id": f"{told.id[:32]}-{number}",
            "annotation_type": "BUG",
            "path": one.path,
            "line": one.line,
            "severity": LEVELS[one.level],
            "summary": f"{one.code} {one.message}"[:450],
        }
        for number, one in enumerate(told.annotations[:MOST_ANNOTATIONS])
    ]
    if annotations:
        ask(Request("POST", f"{path}/annotations", annotations), lambda document: None)


EVENTS = (
    "repo:push", "repo:updated", "pullrequest:created", "pullrequest:updated", "pullrequest:fulfilled",
    "pullrequest:rejected", "pullrequest:approved", "pullrequest:unapproved",
)  # fmt: skip


def hook_of(document: Any) -> Hook:
    return Hook(text(document["uuid"]), text(document["url"]))


def hook_body(url: str, secret: str) -> dict[str, Any]:
    return {"description": "sentinel", "url": url, "active": True, "secret": secret, "events": list(EVENTS)}


HOOKS = Hooks(
    listed=lambda repository: Request("GET", f"/repositories/{repository}/hooks?pagelen=100"),
    read=lambda document: [hook_of(one) for one in document["values"]],
    add=lambda repository, url, secret: Request(
        "POST", f"/repositories/{repository}/hooks", hook_body(url, secret)
    ),
    edit=lambda repository, hook, url, secret: Request(
        "PUT", f"/repositories/{repository}/hooks/{quote(hook)}", hook_body(url, secret)
    ),
    read_one=hook_of,
    test=None,
)

FORGE = Forge(
    api="https://api.bitbucket.org/2.0",
    public_host="bitbucket.org",
    headers=basic,
    me=Request("GET", "/user"),
    read_me=lambda document: text(document["account_id"]),
    status=status,
    pull=lambda repository, number: Request("GET", _pull(repository, number)),
    read_pull=read_pull,
    notes=lambda repository, number, page: Request(
        "GET", f"{_pull(repository, number)}/comments?pagelen=100&page={page}"
    ),
    read_notes=read_notes,
    add_note=lambda repository, number, body: Request(
        "POST", f"{_pull(repository, number)}/comments", {"content": {"raw": body}}
    ),
    read_note=lambda document: str(document["id"]),
    edit_note=lambda repository, number, note, body, version: Request(
        "PUT", f"{_pull(repository, number)}/comments/{note}", {"content": {"raw": body}}
    ),
    pull_ref=lambda number: "",
    longest_note=32_768,
    hooks=HOOKS,
    pulls_of=lambda repository, sha: Request("GET", f"/repositories/{repository}/commit/{sha}/pullrequests"),
    read_numbers=lambda document: [int(one["id"]) for one in document["values"]],
    approvals=approvals,
    close=lambda repository, number, version: Request("POST", f"{_pull(repository, number)}/decline", {}),
    annotate=annotate,
)
