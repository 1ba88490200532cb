"""GitHub's deliveries: `X-Hub-Signature-256` over the raw body; JSON, or a form with a `payload` field.

Source: docs.github.com, "Validating webhook deliveries" and "Webhook events and payloads".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from webhooks.receivers.delivery import (
    Headers,
    Ignored,
    Malformed,
    PullRequest,
    Push,
    Read,
    Receiver,
    Renamed,
)
from webhooks.receivers.payload import (
    branch,
    commit,
    document,
    identity,
    move,
    name,
    number,
    part,
    repository,
)
from webhooks.receivers.signing import fits, hexadecimal

ADDRESSES = ("clone_url", "ssh_url", "html_url", "git_url", "url")
ACTIONS: Mapping[str, Literal["opened", "updated"]] = {
    "opened": "opened",
    "reopened": "opened",
    "ready_for_review": "opened",
    "synchronize": "updated",
    "synchronized": "updated",
    "edited": "updated",
}
"""By GitHub's names for what happened, and those of Gitea where they differ."""


def verify(headers: Headers, body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Whether the delivery is signed with one of `secrets`: HMAC-SHA256 of the raw body."""
    return fits(secrets, body, hexadecimal(headers.get("X-Hub-Signature-256", ""), "sha256="))


def identify(headers: Headers, body: bytes) -> tuple[str, str] | None:
    """The delivery's id, which is the same when it is delivered again, and its event."""
    return identity(headers.get("X-GitHub-Delivery", ""), headers.get("X-GitHub-Event", ""))


def read(event: str, headers: Headers, body: bytes) -> Read:
    """Which branch of which repository to look at. A push that hides it is a push of anything."""
    reader = READERS.get(event)
    if reader is None:
        return Ignored("it is a ping" if event == "ping" else f"the event '{event}' is none that is acted on")
    payload = document(headers, body)
    return payload if isinstance(payload, Malformed) else reader(payload)


def read_push(payload: Mapping[str, Any]) -> Read:
    """One reference for each delivery."""
    ref = name(payload.get("ref"))
    if ref.startswith("refs/") and not ref.startswith(("refs/heads/", "refs/tags/")):
        return Ignored("it moved neither a branch nor a tag")
    moves = move(ref, payload.get("before"), payload.get("after"))
    return Push(moves, repository(payload.get("repository"), *ADDRESSES))


def read_pull_request(payload: Mapping[str, Any]) -> Read:
    """Opened, moved, retargeted, merged or closed."""
    action = name(payload.get("action"))
    if action == "closed":
        return about(payload, "merged" if part(payload, "pull_request", "merged") is True else "closed")
    if action in ACTIONS:
        return about(payload, ACTIONS[action])
    return Ignored(f"the action '{action}' changes nothing that is planned")


def read_review(payload: Mapping[str, Any]) -> Read:
    """Given or withdrawn: who approved what is asked of the forge."""
    return about(payload, "reviewed")


def about(
    payload: Mapping[str, Any], action: Literal["opened", "updated", "merged", "closed", "reviewed"]
) -> PullRequest | Malformed:
    """The pull request of a payload."""
    found = payload.get("pull_request")
    which = number(part(found, "number")) or number(payload.get("number"))
    if not which:
        return Malformed("it names no pull request")
    target, head = branch(part(found, "base", "ref")), commit(part(found, "head", "sha"))
    return PullRequest(which, action, target, head, repository(payload.get("repository"), *ADDRESSES))


def read_repository(payload: Mapping[str, Any]) -> Read:
    """Renamed, or given to another owner."""
    now = repository(payload.get("repository"), *ADDRESSES)
    owner, _, short = now.full_name.rpartition("/")
    match payload.get("action"):
        case "renamed":
            short = name(part(payload, "changes", "repository", "name", "from"))
        case "transferred":
            came_from = part(payload, "changes", "owner", "from")
            owner = name(part(came_from, "organization", "login")) or name(part(came_from, "user", "login"))
        case _:
            return Ignored("the repository is called what it was called before")
    return Renamed(repository({"full_name": f"{owner}/{short}"}), now)


READERS = {
    "push": read_push,
    "pull_request": read_pull_request,
    "pull_request_review": read_review,
    "repository": read_repository,
}

RECEIVER = Receiver(verify=verify, identify=identify, read=read)
