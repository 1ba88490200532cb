"""What a row of the audit log is as bytes, what its link in the chain is, and what the key says of that link.

A row's bytes say everything that people are shown of it. Its link holds the link before it, so a row cannot be changed,
moved or left out without another link; a link without the key has no seal.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.bundle.canonical import encode

MAGIC = b"sentinel-audit/1"
FIRST_LINK = "0" * 64
"""What stands before the first row."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row. `at` is in milliseconds since the Unix epoch; `source` is what it was derived from, or a random name,
    and no two rows of an organization share it."""

    organization: str
    project: str
    at: int
    actor_kind: str
    actor: str
    action: str
    subject: str
    outcome: str
    address: str
    source: str
    details: Mapping[str, Any]


def encode_entry(entry: AuditEntry) -> bytes:
    """The row's bytes: each field in order, with its length in four bytes before it."""
    values = [MAGIC]
    for name in AuditEntry.__dataclass_fields__:
        value = getattr(entry, name)
        if name == "details":
            values.append(encode(dict(value)))
        else:
            values.append(value.to_bytes(8, "big") if isinstance(value, int) else value.encode())
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)


def row_hash(entry: AuditEntry) -> str:
    """SHA-256 of the row's bytes, in hex."""
    return hashlib.sha256(encode_entry(entry)).hexdigest()


def link_after(previous: str, number: int, row_sha256: str) -> str:
    """The link of the row with this number, after the link of the row before it; all in hex."""
    data = bytes.fromhex(previous) + number.to_bytes(8, "big") + bytes.fromhex(row_sha256)
    return hashlib.sha256(b"sentinel-audit-link/1" + data).hexdigest()


def seal(key: bytes, link: str) -> str:
    """What only who has the key can say of a link: HMAC-SHA-256, in hex."""
    return hmac.new(key, b"sentinel-audit-seal/1" + bytes.fromhex(link), hashlib.sha256).hexdigest()


def is_sealed_by(key: bytes, link: str, mac: str) -> bool:
    """Whether the key says this of the link."""
    return hmac.compare_digest(seal(key, link), mac)
