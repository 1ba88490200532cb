"""The bytes of a row of the audit log: one form, and nothing in it can be shifted from one field to the next."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from reconciler.bundle.auditrow import (
    FIRST_LINK,
    AuditEntry,
    encode_entry,
    is_sealed_by,
    link_after,
    row_hash,
    seal,
)

ENTRY = AuditEntry(
    "acme", "shop", 1_795_557_600_123, "person", "ada@example.com", "api_key.created", "key_1", "done",
    "192.0.2.7", "row:00", {"scopes": ["nodes:read"], "name": "CI"},
)  # fmt: skip


def test_the_bytes_are_these() -> None:
    fields = [
        b"sentinel-audit/1", b"acme", b"shop", (1_795_557_600_123).to_bytes(8, "big"), b"person",
        b"ada@example.com", b"api_key.created", b"key_1", b"done", b"192.0.2.7", b"row:00",
        b'{"name":"CI","scopes":["nodes:read"]}',
    ]  # fmt: skip
    assert encode_entry(ENTRY) == b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    assert row_hash(ENTRY) == hashlib.sha256(encode_entry(ENTRY)).hexdigest()


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(AuditEntry)])
def test_every_field_counts(name: str) -> None:
    value = getattr(ENTRY, name)
    other = {"x": 1} if isinstance(value, dict) else value + 1 if isinstance(value, int) else value + "x"
    assert row_hash(dataclasses.replace(ENTRY, **{name: other})) != row_hash(ENTRY)


def test_what_moves_from_one_field_to_the_next_is_another_row() -> None:
    moved = dataclasses.replace(ENTRY, actor_kind="personada", actor="@example.com")
    assert row_hash(moved) != row_hash(ENTRY)


def test_links_and_seals() -> None:
    first = link_after(FIRST_LINK, 1, row_hash(ENTRY))
    assert first == hashlib.sha256(
        b"sentinel-audit-link/1" + bytes(32) + (1).to_bytes(8, "big") + bytes.fromhex(row_hash(ENTRY))
    ).hexdigest()  # fmt: skip
    assert link_after(first, 1, row_hash(ENTRY)) != first
    assert link_after(FIRST_LINK, 2, row_hash(ENTRY)) != first
    assert is_sealed_by(b"key", first, seal(b"key", first))
    assert not is_sealed_by(b"other", first, seal(b"key", first))
    assert not is_sealed_by(b"key", first, "")
