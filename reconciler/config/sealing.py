"""The public half of sealing: the type of an environment's public key, and the id by which a sealed value names it."""

from __future__ import annotations

import hashlib

from nacl.bindings import crypto_scalarmult

from reconciler.config.report import Problem
from reconciler.config.values import Pattern

_ANY_SCALAR = b"\x01" * 32

EXAMPLE_KEY = "3d7c2d020a2a3d8fcc96c5c319977d92e09366b2b63f0f4eebff45bd90009515"
"""A public key for examples."""


def _check_point(text: str) -> Problem | None:
    try:
        crypto_scalarmult(_ANY_SCALAR, bytes.fromhex(text))
    except RuntimeError:
        # Points of small order: every exchange with one gives zero, so nothing can be sealed for it (RFC 7748, 6.1).
        return Problem(
            "E-VAL-004",
            "the value is no public key: nothing can be sealed for it",
            SEALING_KEY.expected,
            SEALING_KEY.hint,
        )
    return None


SEALING_KEY = Pattern(
    name="public key",
    pattern="[0-9a-f]{64}",
    expected="an X25519 public key: 64 hex digits in lower case",
    hint="make one with `sentinelctl secret keygen`, which prints the line to write here",
    maximum=64,
    check=_check_point,
)


def public_key_id(public: str) -> str:
    """The id of a public key in hex: what KEY is in a value that was sealed for it."""
    return hashlib.sha256(bytes.fromhex(public)).hexdigest()[:16]
