"""The record of a registered node: who it is, signed by us, so that it stays registered when the database is lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nacl.signing import SigningKey

from reconciler.bundle import canonical, dsse
from reconciler.bundle.chain import Chain
from reconciler.bundle.fields import HEX64, SLUG, Fields
from reconciler.errors import Refused

PAYLOAD_TYPE = "application/vnd.sentinel.node+json"
ROLE = "commit"
"""Whose key signs it: that of whoever writes down what was decided, in branches as well as here."""

LIMIT = 64 * 1024
IDENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
NAMES = (
    "type", "id", "organization", "project", "environment", "name", "labels", "fixed_labels", "key_sha256",
    "signing_key", "sealing_key", "registered", "changed", "retired", "tokens_after",
)  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node as its row has it. `changed` is when any of it changed, or later; keys are hex, None for a node that
    registered without. Moments are aware, in whole milliseconds."""

    id: str
    organization: str
    project: str
    environment: str
    name: str
    labels: Mapping[str, str]
    fixed_labels: Mapping[str, str]
    key_sha256: str
    signing_key: str | None
    sealing_key: str | None
    registered: datetime
    changed: datetime
    retired: datetime | None = None
    tokens_after: datetime | None = None


def sign_record(record: NodeRecord, keys: Iterable[SigningKey]) -> bytes:
    """The record as it lies in the object store."""
    document = {
        "type": PAYLOAD_TYPE,
        "id": record.id,
        "organization": record.organization,
        "project": record.project,
        "environment": record.environment,
        "name": record.name,
        "labels": dict(record.labels),
        "fixed_labels": dict(record.fixed_labels),
        "key_sha256": record.key_sha256,
        "signing_key": record.signing_key or "",
        "sealing_key": record.sealing_key or "",
        "registered": _milliseconds(record.registered),
        "changed": _milliseconds(record.changed),
        "retired": _milliseconds(record.retired),
        "tokens_after": _milliseconds(record.tokens_after),
    }
    return dsse.sign(PAYLOAD_TYPE, canonical.encode(document), keys)


def open_record(envelope: bytes, roots: Chain) -> NodeRecord:
    """The record, when keys signed it that may, or might once and were never revoked.

    Raises `Refused` (E-VER-001, E-VER-013, E-VER-014; E-BAK-111 when nobody who may has signed it).
    """
    read = dsse.read_envelope(envelope, "the record of a node", limit=LIMIT)
    if not roots.was_signed(read, ROLE, PAYLOAD_TYPE):
        raise Refused("E-BAK-111", "the record of a node is not signed by a commit key of ours")
    fields = Fields(canonical.decode(read.payload, "the record of a node"), NAMES, "the record of a node")
    fields.constant("type", PAYLOAD_TYPE)
    return NodeRecord(
        id=fields.text("id", IDENTITY),
        organization=fields.text("organization", SLUG),
        project=fields.text("project", SLUG),
        environment=fields.text("environment", longest=63),
        name=fields.text("name", longest=127),
        labels=_labels(fields, "labels"),
        fixed_labels=_labels(fields, "fixed_labels"),
        key_sha256=fields.text("key_sha256", HEX64),
        signing_key=_key(fields, "signing_key"),
        sealing_key=_key(fields, "sealing_key"),
        registered=EPOCH + timedelta(milliseconds=fields.number("registered", lowest=1)),
        changed=EPOCH + timedelta(milliseconds=fields.number("changed", lowest=1)),
        retired=_moment(fields, "retired"),
        tokens_after=_moment(fields, "tokens_after"),
    )


def _labels(fields: Fields, name: str) -> dict[str, str]:
    found: dict[str, Any] = fields.mapping(name)
    if not all(isinstance(value, str) for value in found.values()):
        raise Refused("E-VER-014", f"{fields.what}: '{name}' has a value that is no text")
    return found


def _key(fields: Fields, name: str) -> str | None:
    found = fields.text(name, re.compile(r"|[0-9a-f]{64}"))
    return found or None


def _moment(fields: Fields, name: str) -> datetime | None:
    found = fields.number(name)
    return EPOCH + timedelta(milliseconds=found) if found else None


def _milliseconds(moment: datetime | None) -> int:
    return 0 if moment is None else (moment - EPOCH) // timedelta(milliseconds=1)
