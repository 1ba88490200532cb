"""What the entries of an organization's log are, as bytes: a type and fields, each with its length before it.

An entry says what happened, not when it was dated: a pointer that is dated again is the same entry, so the log grows
with decisions and not with time. Two ways to write one entry would be two leaves: reading accepts the one form alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.errors import Refused

MAGIC = b"sentinel-leaf/1"
LARGEST_LEAF = 65_535
"""What tlog-tiles can keep: an entry's length is written in two bytes."""


@dataclass(frozen=True, slots=True)
class StatementLeaf:
    """A bundle exists. `payload_sha256` (hex) is of its statement's payload, whichever keys signed it."""

    organization: str
    project: str
    digest: str
    payload_sha256: str


@dataclass(frozen=True, slots=True)
class PointerLeaf:
    """A cohort should run a bundle from this sequence on."""

    organization: str
    project: str
    environment: str
    cohort: str
    epoch: int
    sequence: int
    digest: str
    weight: int


@dataclass(frozen=True, slots=True)
class AuditLeaf:
    """A row of the audit log: its number in the organization, and the SHA-256 (hex) of its canonical form."""

    organization: str
    number: int
    row_sha256: str


Leaf = StatementLeaf | PointerLeaf | AuditLeaf

TYPES: dict[str, type[StatementLeaf] | type[PointerLeaf] | type[AuditLeaf]] = {
    "statement": StatementLeaf,
    "pointer": PointerLeaf,
    "audit": AuditLeaf,
}
NAMES = {kind: name for name, kind in TYPES.items()}


def type_of(leaf: Leaf) -> str:
    """The name of a leaf's type."""
    return NAMES[type(leaf)]


def encode_leaf(leaf: Leaf) -> bytes:
    """The entry's bytes. Raises ValueError when they would be too many."""
    values = [MAGIC, type_of(leaf).encode()]
    fields = [getattr(leaf, name) for name in type(leaf).__dataclass_fields__]
    values += [v.to_bytes(8, "big") if isinstance(v, int) else v.encode() for v in fields]
    data = b"".join([len(value).to_bytes(4, "big") + value for value in values])
    if len(data) > LARGEST_LEAF:
        raise ValueError(f"an entry of {len(data)} bytes is too long for the log")
    return data


def decode_leaf(data: bytes) -> Leaf:
    """Read an entry. Raises `Refused` (E-LOG-001) for anything but the one form of a type that is known."""
    values = _split(data)
    if len(values) < 2 or values[0] != MAGIC:
        raise _refuse("it is not one of ours")
    kind = TYPES.get(values[1].decode("utf-8", "replace"))
    if kind is None:
        raise _refuse("it has a type that this version does not know")
    names = kind.__dataclass_fields__
    if len(values) != len(names) + 2:
        raise _refuse("it does not have the fields of its type")
    try:
        fields = [
            int.from_bytes(value, "big") if declared.type == "int" else value.decode()
            for value, declared in zip(values[2:], names.values(), strict=True)
        ]
        build: Callable[..., Leaf] = kind
        leaf = build(*fields)
        same = encode_leaf(leaf) == data
    except (ValueError, OverflowError):
        same = False
    if not same:
        raise _refuse("it is not in the one form of its type")
    return leaf


def describe(leaf: Leaf) -> dict[str, str | int]:
    """The entry for JSON and for people."""
    names = type(leaf).__dataclass_fields__
    return {"type": type_of(leaf), **{name: getattr(leaf, name) for name in names}}


def _split(data: bytes) -> list[bytes]:
    values, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 4 + length > len(data) or at + 4 > len(data):
            raise _refuse("a length in it is wrong")
        values.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return values


def _refuse(words: str) -> Refused:
    return Refused("E-LOG-001", f"an entry of the log cannot be read: {words}")
