"""How a node that registers proves that its two keys are its own. Both sides of the exchange use this.

The signing key (Ed25519) signs the whole registration. The sealing key (X25519) opens a challenge that was sealed to
it; the signature covers what was in it, so neither proof can be used again or for another registration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from nacl.exceptions import BadSignatureError, CryptoError
from nacl.public import PrivateKey, SealedBox
from nacl.signing import SigningKey, VerifyKey

from reconciler.bundle import canonical
from reconciler.errors import Refused

ANSWER = 32
"""Bytes inside a challenge."""

PURPOSE = "sentinel node registration v1"
"""Stands in what is signed, so that a node's signature means nothing anywhere else."""


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """A node's public keys, 64 hex digits each: `signing` is Ed25519, `sealing` X25519."""

    signing: str
    sealing: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What a machine says of itself when it registers. `token` is the join token itself; its hash is signed."""

    project: str
    token: str = field(repr=False)
    name: str
    labels: Mapping[str, str]
    versions: Mapping[str, str]
    keys: PublicKeys


def signed_bytes(registration: Registration, answer: bytes) -> bytes:
    """What the signing key signs: the registration, and what the challenge held."""
    return canonical.encode(
        {
            "purpose": PURPOSE,
            "project": registration.project,
            "token-sha256": hashlib.sha256(registration.token.encode()).hexdigest(),
            "name": registration.name,
            "labels": dict(registration.labels),
            "versions": dict(registration.versions),
            "signing-key": registration.keys.signing,
            "sealing-key": registration.keys.sealing,
            "answer": answer.hex(),
        }
    )


def open_challenge(challenge: bytes, key: PrivateKey) -> bytes:
    """What is inside a challenge. Raises `Refused` (E-NOD-016) when it was not sealed to this key."""
    try:
        answer = SealedBox(key).decrypt(challenge)
    except (CryptoError, ValueError, TypeError):
        answer = b""
    if len(answer) != ANSWER:
        raise Refused("E-NOD-016", "the control plane's challenge was not sealed to this node's key")
    return answer


def sign_registration(registration: Registration, answer: bytes, key: SigningKey) -> bytes:
    """The 64 bytes that prove possession of the signing key."""
    signature: bytes = key.sign(signed_bytes(registration, answer)).signature
    return signature


def is_signed(registration: Registration, answer: bytes, signature: bytes) -> bool:
    """Whether the registration's own signing key made this signature."""
    try:
        VerifyKey(bytes.fromhex(registration.keys.signing)).verify(
            signed_bytes(registration, answer), signature
        )
    except (BadSignatureError, CryptoError, ValueError, TypeError):
        return False
    return True
