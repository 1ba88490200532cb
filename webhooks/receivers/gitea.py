"""Gitea's deliveries: `X-Gitea-Signature`, 64 hex digits without a prefix; payloads that resemble GitHub's.

Gitea sends GitHub's headers too, and sends its signature header empty when no secret is set. Source: docs.gitea.com,
"Webhooks"; its `services/webhook/deliver.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from webhooks.receivers import github
from webhooks.receivers.delivery import Headers, Ignored, Malformed, Read, Receiver
from webhooks.receivers.payload import document, identity
from webhooks.receivers.signing import fits, hexadecimal

REVIEWS = frozenset(
    f"pull_request_{middle}{verdict}"
    for middle in ("", "review_")
    for verdict in ("approved", "rejected", "comment")
)


def verify(headers: Headers, body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Whether the delivery is signed with one of `secrets`, by the header of Gitea and, if it is there, Forgejo's."""
    good = fits(secrets, body, hexadecimal(headers.get("X-Gitea-Signature", "")))
    other = headers.get("X-Forgejo-Signature", "")
    return good and (not other or fits(secrets, body, hexadecimal(other)))


def identify(headers: Headers, body: bytes) -> tuple[str, str] | None:
    """The delivery's id and its event."""
    return identity(headers.get("X-Gitea-Delivery", ""), headers.get("X-Gitea-Event", ""))


def read(event: str, headers: Headers, body: bytes) -> Read:
    """As GitHub's, with more names for the same events."""
    reader = READERS.get(event)
    if reader is None:
        return Ignored(f"the event '{event}' is none that is acted on")
    payload = document(headers, body)
    return payload if isinstance(payload, Malformed) else reader(payload)


def read_sync(payload: Mapping[str, Any]) -> Read:
    """New commits have an event of their own in some versions."""
    return github.about(payload, "updated")


READERS = {
    "push": github.read_push,
    "pull_request": github.read_pull_request,
    "pull_request_sync": read_sync,
    **dict.fromkeys(REVIEWS, github.read_review),
}

RECEIVER = Receiver(verify=verify, identify=identify, read=read)
