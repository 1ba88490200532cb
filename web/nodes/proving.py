"""A machine that registers with keys proves that they are its own, before it becomes a node.

What it has to open is kept as a hash, in a row that is deleted with its use: a registration that somebody saw cannot
be sent again.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nacl.exceptions import CryptoError
from nacl.public import PublicKey, SealedBox

from reconciler.bundle.possession import ANSWER, PublicKeys, Registration, is_signed
from reconciler.db.joining import token_hash
from reconciler.db.node_keys import Challenge
from reconciler.db.session import writing
from web.nodes.body import matching, only
from web.nodes.problems import malformed, proof_refused

LIFE = timedelta(minutes=2)
"""From the challenge to the answer: two requests of one program."""

_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that the keys are the machine's own: what the challenge held, and a signature."""

    answer: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def read_keys(document: Mapping[str, Any]) -> PublicKeys:
    """The field `keys` of a registration. Raises `Problem` 400."""
    fields = _fields(document, "keys", frozenset({"signing", "sealing"}))
    return PublicKeys(
        signing=matching(fields, "signing", _KEY, "64 hex digits"),
        sealing=matching(fields, "sealing", _KEY, "64 hex digits"),
    )


def read_proof(document: Mapping[str, Any]) -> Proof:
    """The field `proof` of a registration. Raises `Problem` 400."""
    fields = _fields(document, "proof", frozenset({"answer", "signature"}))
    return Proof(
        answer=bytes.fromhex(matching(fields, "answer", _KEY, "64 hex digits")),
        signature=bytes.fromhex(matching(fields, "signature", _SIGNATURE, "128 hex digits")),
    )


def challenge(token: str, keys: PublicKeys, *, now: datetime) -> bytes:
    """Something new to open, in the place of what this token and key were given before.

    Raises `Problem` 400 when nothing can be sealed to the key, as with a point of low order.
    """
    answer = secrets.token_bytes(ANSWER)
    try:
        sealed: bytes = SealedBox(PublicKey(bytes.fromhex(keys.sealing))).encrypt(answer)
    except (CryptoError, ValueError, TypeError):
        raise malformed("'keys.sealing' is no X25519 public key") from None
    row = {
        Challenge.answer_sha256: hashlib.sha256(answer).hexdigest(),
        Challenge.expires_at: now + LIFE,
    }
    owner = {Challenge.token_sha256: token_hash(token), Challenge.sealing_key: keys.sealing}
    with writing():
        Challenge.delete().where(Challenge.expires_at <= now).execute()
        Challenge.insert({**owner, **row}).on_conflict(conflict_target=list(owner), update=row).execute()
    return sealed


def redeem(registration: Registration, proof: Proof | None, *, now: datetime) -> None:
    """Use the challenge up. Call inside the transaction that writes the node. Raises `Problem` 403."""
    if proof is None:
        raise proof_refused()
    used = (
        Challenge.delete()
        .where(
            Challenge.token_sha256 == token_hash(registration.token),
            Challenge.sealing_key == registration.keys.sealing,
            Challenge.answer_sha256 == hashlib.sha256(proof.answer).hexdigest(),
            Challenge.expires_at > now,
        )
        .execute()
    )
    if used != 1 or not is_signed(registration, proof.answer, proof.signature):
        raise proof_refused()


def _fields(document: Mapping[str, Any], name: str, allowed: frozenset[str]) -> Mapping[str, Any]:
    value = document[name]
    if not isinstance(value, dict):
        raise malformed(f"'{name}' must be an object with {' and '.join(sorted(allowed))}")
    only(value, allowed, f"{name}.")
    return value
