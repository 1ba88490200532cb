"""Tokens of nodes: signed here, taken by every worker, worth nothing anywhere else.

A worker signs with a key that it makes itself and that never leaves its memory; the public half is a row that all
workers read every second. So nothing has to be kept, shared or rotated by anybody: a key lasts for half a day, a token
for an hour, and deleting rows ends tokens. A token names the key of the node it was given for, and ends with it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from reconciler.db.node_keys import TokenKey
from reconciler.db.session import writing
from web.nodes.directory import NodeEntry

LIFE = timedelta(hours=1)
KEY_LIFE = timedelta(hours=12)
ISSUER = "sentinel-control-plane"
AUDIENCE = "sentinel-nodes"
ALGORITHM = "EdDSA"
LONGEST = 2_000
SKEW = timedelta(seconds=30)
"""How far ahead the clock of the worker that issued a token may be."""

REMEMBERED = 65_536
"""Tokens whose signature need not be checked again; each costs 64 microseconds otherwise."""

_REQUIRED = ("iss", "aud", "sub", "iat", "exp", "key")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. `key` is the beginning of the SHA-256 of the node's key."""

    node: str
    issued_at: datetime
    expires_at: datetime
    key: str
    kid: str


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The key that this worker signs with. `made` is `time.monotonic` of its making."""

    kid: str
    private: Ed25519PrivateKey = field(repr=False)
    made_at: datetime
    made: float


@dataclass(slots=True)
class Tokens:
    """Used on the event loop alone, but for `make_key`."""

    _known: dict[str, Ed25519PublicKey] = field(default_factory=dict)
    _own: OwnKey | None = None
    _checked: OrderedDict[bytes, Claims] = field(default_factory=OrderedDict)

    def learn(self, public: Mapping[str, str], *, looked: float) -> None:
        """Take these public keys by id, as they were at `time.monotonic() == looked`, and no others."""
        known = {
            kid: self._known.get(kid) or Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
            for kid, key in public.items()
        }
        own = self._own
        if own is not None and own.kid not in known:
            if own.made > looked:
                known[own.kid] = own.private.public_key()
            else:
                # Somebody deleted its row.
                self._own = None
        self._known = known

    def signing(self, now: datetime) -> bool:
        """Whether there is a key to sign with for as long as a token lasts."""
        return self._own is not None and now < self._own.made_at + KEY_LIFE

    def adopt(self, key: OwnKey) -> None:
        """Sign with this key from now on."""
        self._own = key
        self._known[key.kid] = key.private.public_key()

    def issue(self, node: NodeEntry, now: datetime) -> str:
        """A token for a node. RuntimeError without a key to sign with."""
        if self._own is None:
            raise RuntimeError("a key is adopted before a token is issued")
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": node.id,
            "iat": round(now.timestamp(), 3),
            "exp": int((now + LIFE).timestamp()),
            "jti": secrets.token_hex(8),
            "key": node.key[:16],
        }
        return jwt.encode(claims, self._own.private, ALGORITHM, headers={"kid": self._own.kid})

    def read(self, token: bytes, now: datetime) -> Claims | None:
        """What a token says, when it is one of ours and not expired; else None."""
        name = hashlib.sha256(token).digest()
        claims = self._checked.get(name)
        if claims is None:
            claims = self._check(token)
            if claims is None:
                return None
            self._checked[name] = claims
            if len(self._checked) > REMEMBERED:
                self._checked.popitem(last=False)
        good = claims.kid in self._known and claims.issued_at - SKEW <= now < claims.expires_at
        return claims if good else None

    def knows_key_of(self, token: bytes) -> bool:
        """Whether the token's key is known here: another worker may have made it a moment ago."""
        return _kid(token) in self._known

    def _check(self, token: bytes) -> Claims | None:
        kid = _kid(token)
        public = self._known.get(kid)
        if public is None:
            return None
        try:
            # The times are checked by `read`, each time and by one clock.
            found = jwt.decode(
                token, public, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER,
                options={"require": list(_REQUIRED), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )  # fmt: skip
            return Claims(
                str(found["sub"]),
                datetime.fromtimestamp(found["iat"], UTC),
                datetime.fromtimestamp(found["exp"], UTC),
                str(found["key"]),
                kid,
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError):
            return None


def _kid(token: bytes) -> str:
    if len(token) > LONGEST:
        return ""
    try:
        return str(jwt.get_unverified_header(token).get("kid", ""))
    except (jwt.PyJWTError, ValueError, RecursionError):
        return ""


def make_key(now: datetime, made: float) -> OwnKey:
    """A new key, whose public half is in the database when this returns. Call in a thread; opens a transaction."""
    private = Ed25519PrivateKey.generate()
    key = OwnKey(secrets.token_hex(8), private, now, made)
    with writing():
        TokenKey.delete().where(TokenKey.expires_at <= now).execute()
        TokenKey.create(
            kid=key.kid,
            public=private.public_key().public_bytes_raw().hex(),
            made_at=now,
            expires_at=now + KEY_LIFE + LIFE,
        )
    return key
