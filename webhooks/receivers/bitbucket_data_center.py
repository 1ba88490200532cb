"""Bitbucket Data Center's deliveries: `X-Hub-Signature` as in the cloud, other payloads, and a ping without signature.

Source: confluence.atlassian.com, "Event payload" and "Manage webhooks" of Bitbucket Data Center.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from webhooks.receivers.bitbucket import verify
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
from webhooks.receivers.payload import commit, document, few, identity, items, move, name, number, part

PING = "diagnostics:ping"
ACTIONS: Mapping[str, Literal["opened", "updated", "merged", "closed", "reviewed"]] = {
    "pr:opened": "opened",
    "pr:from_ref_updated": "updated",
    "pr:modified": "updated",
    "pr:merged": "merged",
    "pr:declined": "closed",
    "pr:deleted": "closed",
    "pr:reviewer:approved": "reviewed",
    "pr:reviewer:unapproved": "reviewed",
    "pr:reviewer:needs_work": "reviewed",
    "pr:reviewer:changes_requested": "reviewed",
}


def unsigned(headers: Headers) -> str:
    """The ping is never signed, so it is answered and never looked at, whichever connection it names."""
    ping = headers.get("X-Event-Key", "") == PING and not headers.get("X-Hub-Signature", "")
    return "a ping that nobody signed says nothing" if ping else ""


def identify(headers: Headers, body: bytes) -> tuple[str, str] | None:
    """The delivery's id and its event."""
    return identity(headers.get("X-Request-Id", ""), headers.get("X-Event-Key", ""))


def read(event: str, headers: Headers, body: bytes) -> Read:
    """Which branches of which repository to look at."""
    if event not in ACTIONS and event not in ("repo:refs_changed", "repo:modified"):
        return Ignored("it is a ping" if event == PING else f"the event '{event}' is none that is acted on")
    payload = document(headers, body)
    if isinstance(payload, Malformed):
        return payload
    if event == "repo:refs_changed":
        changes = [moved for change in items(payload.get("changes")) for moved in _moves(change)]
        return Push(few(changes), _repository(payload.get("repository")))
    if event == "repo:modified":
        before, now = _repository(payload.get("old")), _repository(payload.get("new"))
        return Ignored("it is called what it was called") if before == now else Renamed(before, now)
    found = payload.get("pullRequest")
    which = number(part(found, "id"))
    if not which:
        return Malformed("it names no pull request")
    head, where = commit(part(found, "fromRef", "latestCommit")), part(found, "toRef", "repository")
    return PullRequest(which, ACTIONS[event], name(part(found, "toRef", "id")), head, _repository(where))


def _moves(change: object) -> tuple[Move, ...]:
    ref = part(change, "ref", "id") or part(change, "refId")
    return move(ref, part(change, "fromHash"), part(change, "toHash"))


def _repository(value: Any) -> Repository:
    addresses = (name(part(link, "href")) for link in items(part(value, "links", "clone")))
    key, slug = name(part(value, "project", "key")), name(part(value, "slug"))
    full_name = f"{key}/{slug}" if key and slug else ""
    return Repository(tuple(one for one in addresses if one), full_name)


RECEIVER = Receiver(verify=verify, identify=identify, read=read, unsigned=unsigned)
