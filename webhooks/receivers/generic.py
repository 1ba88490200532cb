"""Deliveries of anything else that can make an HMAC, such as a hook of a bare git server. `docs/webhooks.md` has an
example with `openssl` and `curl`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from webhooks.receivers.delivery import Headers, Malformed, Push, Read, Receiver, Repository
from webhooks.receivers.payload import document, few, identity, items, move, name, part
from webhooks.receivers.signing import fits, hexadecimal


def verify(headers: Headers, body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Whether the delivery is signed with one of `secrets`."""
    return fits(secrets, body, hexadecimal(headers.get("X-Sentinel-Signature", ""), "sha256="))


def identify(headers: Headers, body: bytes) -> tuple[str, str] | None:
    """The sender chooses the id, and the same id again is the same delivery. There is one event."""
    return identity(headers.get("X-Sentinel-Delivery", ""), "push")


def read(event: str, headers: Headers, body: bytes) -> Read:
    """`{"repository": URL, "changes": [{"ref", "before", "after"}]}`; without changes, look at all."""
    payload = document(headers, body)
    if isinstance(payload, Malformed):
        return payload
    address = name(payload.get("repository"))
    moves = [
        moved
        for change in items(payload.get("changes"))
        for moved in move(part(change, "ref"), part(change, "before"), part(change, "after"))
    ]
    return Push(few(moves), Repository((address,) if address else ()))


RECEIVER = Receiver(verify=verify, identify=identify, read=read)
