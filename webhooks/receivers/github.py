"""GitHub's deliveries: `X-Hub-Signature-256` over the raw body, `push` as JSON or as a form with a `payload` field.

Source: docs.github.com, "Validating webhook deliveries" and "Webhook events and payloads".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from webhooks.receivers.delivery import Headers, Ignored, Malformed, Push, Receiver

SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
DELIVERY = re.compile(r"[A-Za-z0-9-]{1,100}")
EVENT = re.compile(r"[a-z_]{1,63}")
ADDRESSES = ("clone_url", "ssh_url", "html_url", "git_url", "url")
LONGEST_NAME = 1000
"""Longer references and URLs than this are no names of anything."""

NOBODY = b"\0" * 32
"""Signed with when there is no secret, so that an unknown connection takes as long as a wrong signature."""


def verify(headers: Headers, body: bytes, secrets: Sequence[bytes]) -> bool:
    """Whether the delivery is signed with one of `secrets`: HMAC-SHA256 of the raw body, compared in constant time.

    An empty secret is no secret, and without a secret nothing is authentic.
    """
    claimed = SIGNATURE.fullmatch(headers.get("X-Hub-Signature-256", ""))
    # A signature of the wrong form is compared too, with what no HMAC is likely to be.
    given = bytes.fromhex(claimed[1]) if claimed else bytes(32)
    usable = [secret for secret in secrets if secret]
    # Every secret is tried: which one fits is nobody's business, and neither is how many there are.
    fits = [
        hmac.compare_digest(hmac.digest(secret, body, hashlib.sha256), given) for secret in usable or [NOBODY]
    ]
    return claimed is not None and bool(usable) and any(fits)


def identify(headers: Headers) -> tuple[str, str] | None:
    """The delivery's id, which is the same when it is delivered again, and its event."""
    delivery, event = headers.get("X-GitHub-Delivery", ""), headers.get("X-GitHub-Event", "")
    if not DELIVERY.fullmatch(delivery) or not EVENT.fullmatch(event):
        return None
    return delivery, event


def read(event: str, headers: Headers, body: bytes) -> Push | Ignored | Malformed:
    """Which branch of which repository to look at. A push that hides it is a push of anything."""
    if event != "push":
        return Ignored(
            "it is a ping" if event == "ping" else f"the event '{event}' is none that this system acts on"
        )
    payload = _payload(headers, body)
    if isinstance(payload, Malformed):
        return payload
    ref = _name(payload.get("ref"))
    if ref.startswith("refs/") and not ref.startswith("refs/heads/"):
        return Ignored("it moved no branch")
    repository = payload.get("repository")
    if not isinstance(repository, dict):
        repository = {}
    addresses = (_name(repository.get(key)) for key in ADDRESSES)
    return Push(
        refs=(ref,) if ref.startswith("refs/heads/") else (),
        addresses=tuple(address for address in addresses if address),
        full_name=_name(repository.get("full_name")),
    )


def _payload(headers: Headers, body: bytes) -> dict[str, Any] | Malformed:
    content = body
    if (
        headers.get("Content-Type", "").partition(";")[0].strip().lower()
        == "application/x-www-form-urlencoded"
    ):
        try:
            fields = parse_qs(body.decode("ascii"), max_num_fields=10)
        except ValueError:
            return Malformed("the form cannot be read")
        content = fields.get("payload", [""])[0].encode("utf-8", "surrogatepass")
    try:
        # The parser is recursive and gives up by itself long before the stack ends.
        payload = json.loads(content)
    except RecursionError:
        return Malformed("the JSON is nested too deeply")
    except ValueError:
        return Malformed("the body is not JSON")
    return payload if isinstance(payload, dict) else Malformed("the JSON is not an object")


def _name(value: object) -> str:
    """`value` when it can be the name of something, else empty."""
    return value if isinstance(value, str) and len(value) <= LONGEST_NAME and value.isprintable() else ""


RECEIVER = Receiver(verify=verify, identify=identify, read=read)
