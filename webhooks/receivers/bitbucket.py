"""Bitbucket Cloud's deliveries: `X-Hub-Signature`, which is HMAC-SHA256 here; several references in one delivery.

`X-Hook-UUID` travels in clear and proves nothing. Source: support.atlassian.com, "Event payloads", "Manage webhooks".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from webhooks.receivers.delivery import (
    Headers,
    Ignored,
    Malformed,
    Move,
    PullRequest,
    Push,
    Read,
    Receiver,
    Renamed,
    Repository,
)
from webhooks.receivers.payload import (
    branch,
    commit,
    document,
    few,
    identity,
    items,
    move,
    name,
    number,
    part,
)
from webhooks.receivers.signing import fits, hexadecimal

SPACES = {"branch": "refs/heads/", "tag": "refs/tags/", "annotated_tag": "refs/tags/"}
ACTIONS: Mapping[str, Literal["opened", "updated", "merged", "closed", "reviewed"]] = {
    "pullrequest:created": "opened",
    "pullrequest:updated": "updated",
    "pullrequest:fulfilled": "merged",
    "pullrequest:rejected": "closed",
    "pullrequest:approved": "reviewed",
    "pullrequest:unapproved": "reviewed",
    "pullrequest:changes_request_created": "reviewed",
    "pullrequest:changes_request_removed": "reviewed",
}


def verify(headers: Headers, body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Whether the delivery is signed with one of `secrets`."""
    return fits(secrets, body, hexadecimal(headers.get("X-Hub-Signature", ""), "sha256="))


def identify(headers: Headers, body: bytes) -> tuple[str, str] | None:
    """The delivery's id, the same at each of its attempts, and its event."""
    return identity(headers.get("X-Request-UUID", "").strip("{}"), headers.get("X-Event-Key", ""))


def read(event: str, headers: Headers, body: bytes) -> Read:
    """Which branches of which repository to look at."""
    if event not in ACTIONS and event not in ("repo:push", "repo:updated"):
        return Ignored(f"the event '{event}' is none that is acted on")
    payload = document(headers, body)
    if isinstance(payload, Malformed):
        return payload
    where = _repository(payload.get("repository"))
    if event == "repo:push":
        changes = items(part(payload, "push", "changes"))
        return Push(few([moved for change in changes for moved in _moves(change)]), where)
    if event == "repo:updated":
        before = name(part(payload, "changes", "full_name", "old"))
        return (
            Renamed(Repository((), before), where) if before else Ignored("it is called what it was called")
        )
    found = payload.get("pullrequest")
    which = number(part(found, "id"))
    if not which:
        return Malformed("it names no pull request")
    target = branch(part(found, "destination", "branch", "name"))
    # The commit's id may be cut short here, and what is cut short names nothing.
    return PullRequest(which, ACTIONS[event], target, commit(part(found, "source", "commit", "hash")), where)


def _moves(change: object) -> tuple[Move, ...]:
    """Names are bare here, and `new` or `old` is null where the reference does not exist."""
    there = part(change, "new") or part(change, "old")
    space, short = SPACES.get(name(part(there, "type"))), name(part(there, "name"))
    if space is None or not short:
        return ()
    before, after = part(change, "old", "target", "hash"), part(change, "new", "target", "hash")
    return move(space + short, before, after)


def _repository(value: object) -> Repository:
    address = name(part(value, "links", "html", "href"))
    return Repository((address,) if address else (), name(part(value, "full_name")))


RECEIVER = Receiver(verify=verify, identify=identify, read=read)
