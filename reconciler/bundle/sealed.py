"""Sealed values: how a secret is written in a repository, and how whoever holds the right key opens it.

The written form is `v1.KEY.WRAPPED.VALUE`, the parts behind KEY in base64url without padding (RFC 4648 §5):

    KEY      first 16 hex digits of the SHA-256 of the X25519 public key that WRAPPED is for
    WRAPPED  a 32-byte data key in a sealed box (libsodium crypto_box_seal: X25519, XSalsa20-Poly1305), 80 bytes
    VALUE    12 bytes of nonce, then AES-256-GCM of the value under the data key, tag included

The additional data of VALUE is `Label.bound()`: a value opened under another name, version, environment or project is
refused. Wrapping a data key again for another public key leaves VALUE as it is, so whoever delivers secrets never
opens one. Making sealed values needs randomness and is done in `reconciler.keys.sealing`.

Anybody can seal for a public key, so that a value opens says nothing of who sealed it. A signed manifest does, which
names VALUE by its SHA-256 (`reconciler.pinned`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field

from nacl.bindings import crypto_aead_aes256gcm_decrypt
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from reconciler.errors import Refused

DATA_KEY = 32
NONCE = 12
TAG = 16
WRAPPED = 80
LONGEST = 64 * 1024
"""Bytes of a value before it is sealed."""

_KEY_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Label:
    """What a value is sealed for. `version` counts from 1."""

    project: str
    environment: str
    name: str
    version: int

    def bound(self) -> bytes:
        """The additional authenticated data: `project/environment/name/version`. No part can hold a slash."""
        return f"{self.project}/{self.environment}/{self.name}/{self.version}".encode()


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A sealed value in its parts: `wrapped` has 80 bytes, `value` nonce, ciphertext and tag."""

    key_id: str
    wrapped: bytes = field(repr=False)
    value: bytes = field(repr=False)

    def text(self) -> str:
        """The written form."""
        return f"v1.{self.key_id}.{written(self.wrapped)}.{written(self.value)}"


def key_id(public: bytes) -> str:
    """The name of an X25519 public key: the first 16 hex digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public).hexdigest()[:16]


def parse_sealed(text: str) -> SealedValue:
    """The parts of a written sealed value. Raises `Refused` (E-SEC-001), whose words never repeat it."""
    parts = text.split(".")
    if len(parts) != 4 or parts[0] != "v1" or _KEY_ID.fullmatch(parts[1]) is None:
        raise Refused("E-SEC-001", "a sealed value is not of the form v1.KEY.WRAPPED.VALUE")
    wrapped, value = unwritten(parts[2]), unwritten(parts[3])
    if len(wrapped) != WRAPPED:
        raise Refused("E-SEC-001", f"a sealed value has a wrapped key of {len(wrapped)} bytes, not {WRAPPED}")
    if not NONCE + TAG < len(value) <= NONCE + TAG + LONGEST:
        raise Refused("E-SEC-001", f"a sealed value is empty, cut short or longer than {LONGEST} bytes")
    return SealedValue(parts[1], wrapped, value)


def unwrap(wrapped: bytes, key: PrivateKey) -> bytes:
    """The data key that was wrapped for `key`. Raises `Refused` (E-SEC-002) when it was wrapped for another."""
    try:
        data_key = SealedBox(key).decrypt(wrapped)
    except (CryptoError, ValueError, TypeError):
        raise Refused("E-SEC-002", "a data key was not wrapped for this key, or is damaged") from None
    if len(data_key) != DATA_KEY:
        raise Refused("E-SEC-002", f"a data key has {len(data_key)} bytes, not {DATA_KEY}")
    return data_key


def open_value(value: bytes, data_key: bytes, label: Label) -> bytes:
    """The value itself. Raises `Refused` (E-SEC-003) when it was sealed for another label or is damaged."""
    if len(value) <= NONCE + TAG or len(data_key) != DATA_KEY:
        raise Refused("E-SEC-003", f"the secret '{label.name}' is cut short")
    try:
        plain: bytes = crypto_aead_aes256gcm_decrypt(value[NONCE:], label.bound(), value[:NONCE], data_key)
    except CryptoError:
        raise Refused(
            "E-SEC-003",
            f"the secret '{label.name}' (version {label.version}) was sealed for something else, or is damaged",
        ) from None
    return plain


def written(data: bytes) -> str:
    """Bytes as they stand in text: base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unwritten(text: str) -> bytes:
    """The bytes that `written` gave. Raises `Refused` (E-SEC-001) for any other text."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Refused("E-SEC-001", "a sealed value holds other characters than base64url's") from None
    if written(data) != text:
        raise Refused("E-SEC-001", "a sealed value is not written in the one canonical way")
    return data
