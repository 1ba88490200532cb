"""Seals values, and wraps data keys again for other keys. The format is that of `reconciler.bundle.sealed`."""

from __future__ import annotations

import secrets

from nacl.bindings import crypto_aead_aes256gcm_encrypt
from nacl.public import PrivateKey, PublicKey, SealedBox

from reconciler.bundle.sealed import DATA_KEY, LONGEST, NONCE, Label, SealedValue, key_id, unwrap


def seal(value: bytes, public: bytes, label: Label) -> SealedValue:
    """`value` under a new data key, which is wrapped for the X25519 public key.

    Raises ValueError when the value is empty or longer than 64 KiB.
    """
    if not 0 < len(value) <= LONGEST:
        raise ValueError(f"a secret has 1 to {LONGEST} bytes, this one {len(value)}")
    data_key, nonce = secrets.token_bytes(DATA_KEY), secrets.token_bytes(NONCE)
    content = crypto_aead_aes256gcm_encrypt(value, label.bound(), nonce, data_key)
    return SealedValue(key_id(public), wrap(data_key, public), nonce + content)


def wrap(data_key: bytes, public: bytes) -> bytes:
    """A data key in a sealed box for an X25519 public key: 80 bytes, others at every call."""
    wrapped: bytes = SealedBox(PublicKey(public)).encrypt(data_key)
    return wrapped


def rewrap(wrapped: bytes, key: PrivateKey, public: bytes) -> bytes:
    """The same data key for another public key; no value is opened. Raises `Refused` (E-SEC-002)."""
    return wrap(unwrap(wrapped, key), public)
