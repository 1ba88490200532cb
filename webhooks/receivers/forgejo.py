"""Forgejo's deliveries: Gitea's under its own header names, which alone count.

Forgejo sends Gitea's, Gogs' and GitHub's headers as well; a good signature in one of those rescues no bad one here.
Source: forgejo.org, "Webhooks".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from webhooks.receivers import gitea
from webhooks.receivers.delivery import Headers, Receiver
from webhooks.receivers.payload import identity
from webhooks.receivers.signing import fits, hexadecimal


def verify(headers: Headers, body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Whether the delivery is signed with one of `secrets`."""
    return fits(secrets, body, hexadecimal(headers.get("X-Forgejo-Signature", "")))


def identify(headers: Headers, body: bytes) -> tuple[str, str] | None:
    """The delivery's id and its event."""
    return identity(headers.get("X-Forgejo-Delivery", ""), headers.get("X-Forgejo-Event", ""))


RECEIVER = Receiver(verify=verify, identify=identify, read=gitea.read)
