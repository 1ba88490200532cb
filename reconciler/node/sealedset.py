"""The sealed secrets of one bundle as a node fetches and keeps them: sealed values, data keys wrapped for this node.

What is on the disk is the control plane's answer again, so it opens nothing without the node's own key. Whoever knows
a public key can seal for it, so a set is only read against what the signed manifest says of each value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nacl.public import PrivateKey

from reconciler.bundle.sealed import (
    LONGEST,
    NONCE,
    TAG,
    WRAPPED,
    Label,
    open_value,
    unwrap,
    unwritten,
    written,
)
from reconciler.errors import Refused
from reconciler.pinned import Pinned

LONGEST_SECRET = 4 * (NONCE + LONGEST + TAG) // 3 + 1024
"""Bytes of one secret in an answer."""


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """One secret: `value` as it was sealed for the environment, `wrapped` its data key for this node."""

    name: str
    version: int
    value: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)


def decode_sealed_set(data: bytes, needed: Mapping[str, Pinned]) -> tuple[SealedSecret, ...]:
    """Read a set that must have exactly the sealed values of `needed`.

    Raises `Refused`: E-NOD-050 for other names or versions, E-NOD-059 for another value under the right ones.
    """
    try:
        document = json.loads(data)
        found = tuple(_secret(item) for item in document["secrets"])
    except (ValueError, KeyError, TypeError, RecursionError, Refused):
        raise Refused("E-NOD-050", "the sealed set of secrets is not one, or is damaged") from None
    versions = {secret.name: secret.version for secret in found}
    wanted = {name: pinned.version for name, pinned in needed.items()}
    if versions != wanted or len(found) != len(wanted):
        differing = sorted({name for name, _ in {*versions.items()} ^ {*wanted.items()}})
        raise Refused(
            "E-NOD-050",
            f"the sealed set has other secrets or versions than the bundle needs: {', '.join(differing[:5])}",
        )
    replaced = sorted(secret.name for secret in found if not needed[secret.name].names(secret.value))
    if replaced:
        raise Refused(
            "E-NOD-059",
            f"the sealed set has other values than the signed manifest lists under these versions: "
            f"{', '.join(f'{name} v{wanted[name]}' for name in replaced[:5])}",
        )
    return found


def encode_sealed_set(secrets: tuple[SealedSecret, ...]) -> bytes:
    """The file's bytes."""
    items = [
        {"name": s.name, "version": s.version, "value": written(s.value), "wrapped": written(s.wrapped)}
        for s in secrets
    ]
    return json.dumps({"secrets": items}, separators=(",", ":")).encode()


def open_sealed_set(
    secrets: tuple[SealedSecret, ...], key: PrivateKey, *, project: str, environment: str
) -> dict[str, bytes]:
    """Name → value. Raises `Refused`: E-SEC-002 for another node's, E-SEC-003 for one that was changed or moved."""
    return {
        secret.name: open_value(
            secret.value,
            unwrap(secret.wrapped, key),
            Label(project, environment, secret.name, secret.version),
        )
        for secret in secrets
    }


def _secret(item: Any) -> SealedSecret:
    if not isinstance(item, dict) or set(item) != {"name", "version", "value", "wrapped"}:
        raise ValueError("other fields")
    if not isinstance(item["name"], str) or type(item["version"]) is not int:
        raise ValueError("other types")
    value, wrapped = unwritten(item["value"]), unwritten(item["wrapped"])
    if len(wrapped) != WRAPPED or not NONCE + TAG < len(value) <= NONCE + TAG + LONGEST:
        raise ValueError("other lengths")
    return SealedSecret(item["name"], item["version"], value, wrapped)
