"""GitLab's deliveries: signed as Standard Webhooks has it, or with the plain secret in `X-Gitlab-Token`.

A signing token is `whsec_` and the key in base64. What carries a signature has to pass by it: the plain secret beside
it never counts. Source: docs.gitlab.com, "Webhooks" and "Webhook events".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
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
    Repository,
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
from webhooks.receivers.signing import fits

SKEW = timedelta(minutes=5)
"""A signed delivery that is older, or that much from the future, is somebody's copy."""

MOST_SIGNATURES = 10
ALIKE = b"X-Gitlab-Token"
"""Two tokens are the same when this, signed with either, is the same."""

TOKEN_PREFIX = b"whsec_"
ADDRESSES = ("git_http_url", "git_ssh_url", "web_url", "http_url", "ssh_url")
ACTIONS: Mapping[str, Literal["opened", "updated", "merged", "closed", "reviewed"]] = {
    "open": "opened",
    "reopen": "opened",
    "update": "updated",
    "merge": "merged",
    "close": "closed",
    "approved": "reviewed",
    "unapproved": "reviewed",
    "approval": "reviewed",
    "unapproval": "reviewed",
}


def verify(headers: Headers, body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Whether the delivery is signed with one of the signing tokens, or carries one of the plain secrets."""
    signature = headers.get("webhook-signature", "")
    stamp = headers.get("webhook-timestamp", "")
    if signature:
        message = f"{headers.get('webhook-id', '')}.{stamp}.".encode("latin-1", "backslashreplace") + body
        tokens = [secret for secret in secrets if secret.startswith(TOKEN_PREFIX)]
        return fits([key_of(token) for token in tokens], message, _signatures(signature)) and _fresh(
            stamp, now
        )
    plain = [secret for secret in secrets if not secret.startswith(TOKEN_PREFIX)]
    token = headers.get("X-Gitlab-Token", "").encode("latin-1", "backslashreplace")
    # What is compared are digests, which have one length, so that the time tells nothing about the secret's.
    return fits(plain, ALIKE, [hmac.digest(token, ALIKE, hashlib.sha256)] if token else [])


def key_of(token: bytes) -> bytes:
    """The key of a signing token, empty when it is none."""
    try:
        return base64.b64decode(token.removeprefix(TOKEN_PREFIX), validate=True)
    except binascii.Error:
        return b""


def _signatures(header: str) -> list[bytes]:
    """Of each `v1,<base64>` in the header; there are several while a token is replaced."""
    found = []
    for entry in header.split(" ")[:MOST_SIGNATURES]:
        version, _, text = entry.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue
    return found


def _fresh(stamp: str, now: datetime) -> bool:
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        return False
    return abs(now.timestamp() - int(stamp)) <= SKEW.total_seconds()


def identify(headers: Headers, body: bytes) -> tuple[str, str] | None:
    """The delivery's id, which its repetitions share, and its event."""
    delivery = headers.get("webhook-id", "") or headers.get("Idempotency-Key", "")
    if not delivery:
        # Deliveries that set each other off share this id, so the body tells them apart.
        event_id = headers.get("X-Gitlab-Event-UUID", "")
        delivery = f"{event_id}.{hashlib.sha256(body).hexdigest()[:16]}" if event_id else ""
    return identity(delivery, headers.get("X-Gitlab-Event", ""))


def read(event: str, headers: Headers, body: bytes) -> Read:
    """A system hook says in its payload what a project's hook says in its header."""
    if event not in EVENTS:
        return Ignored(f"the event '{event}' is none that is acted on")
    payload = document(headers, body)
    if isinstance(payload, Malformed):
        return payload
    happened = name(payload.get("object_kind")) or name(payload.get("event_name"))
    reader = READERS.get(happened)
    return reader(payload) if reader else Ignored(f"'{happened}' is nothing that is acted on")


def read_push(payload: Mapping[str, Any]) -> Read:
    """One reference for each delivery; `before` and `after` are noughts where there is no commit."""
    ref = payload.get("ref")
    return Push(move(ref, payload.get("before"), payload.get("after")), _project(payload))


def read_merge_request(payload: Mapping[str, Any]) -> Read:
    """What other forges call a pull request."""
    found = payload.get("object_attributes")
    action = name(part(found, "action"))
    if action not in ACTIONS:
        return Ignored(f"the action '{action}' changes nothing that is planned")
    which = number(part(found, "iid"))
    if not which:
        return Malformed("it names no merge request")
    target, head = branch(part(found, "target_branch")), commit(part(found, "last_commit", "id"))
    return PullRequest(which, ACTIONS[action], target, head, _project(payload))


def read_rename(payload: Mapping[str, Any]) -> Read:
    """Of a system hook, whose payload has no `project`."""
    now = repository(payload, full_name="path_with_namespace")
    return Renamed(repository(payload, full_name="old_path_with_namespace"), now)


def _project(payload: Mapping[str, Any]) -> Repository:
    return repository(payload.get("project"), *ADDRESSES, full_name="path_with_namespace")


EVENTS = frozenset({"Push Hook", "Tag Push Hook", "Merge Request Hook", "System Hook"})
READERS = {
    "push": read_push,
    "tag_push": read_push,
    "merge_request": read_merge_request,
    "project_rename": read_rename,
    "project_transfer": read_rename,
}

RECEIVER = Receiver(verify=verify, identify=identify, read=read)
