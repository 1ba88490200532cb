"""HMAC-SHA256 over raw bytes, compared in constant time: what all forges' signatures have in common."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

DIGITS = re.compile(r"[0-9a-f]{64}")

NOBODY = b"\0" * 32
"""Signed with when there is no secret, so that an unknown connection takes as long as a wrong signature."""


def fits(secrets: Sequence[bytes], message: bytes, given: Sequence[bytes]) -> bool:
    """Whether one of the `given` signatures is that of `message` with one of `secrets`.

    An empty secret is no secret, and without a secret nothing is authentic. Every secret is tried: which one fits is
    nobody's business, and neither is how many there are.
    """
    usable = [secret for secret in secrets if secret]
    made = [hmac.digest(secret, message, hashlib.sha256) for secret in usable or [NOBODY]]
    # Without a signature too, something is compared: with what no HMAC is likely to be.
    found = [hmac.compare_digest(mac, one) for mac in made for one in given or [bytes(32)]]
    return bool(given) and bool(usable) and any(found)


def hexadecimal(header: str, prefix: str = "") -> list[bytes]:
    """The signature of a header that has it as `prefix` and 64 hex digits; none when it has another form."""
    digits = header.removeprefix(prefix) if header.startswith(prefix) else ""
    return [bytes.fromhex(digits)] if DIGITS.fullmatch(digits) else []
