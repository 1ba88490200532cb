"""SSH signatures: OpenSSH's PROTOCOL.sshsig, Ed25519 with SHA-512, the namespace `git`. PyNaCl signs.

The frame is small, and writing it here means that no private key is handed to another program.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from reconciler.config.ssh_keys import Reader

MAGIC = b"SSHSIG"
VERSION = 1
KEY_TYPE = b"ssh-ed25519"
HASH = b"sha512"
NAMESPACE = b"git"
BEGIN = "-----BEGIN SSH SIGNATURE-----"
END = "-----END SSH SIGNATURE-----"
LINE = 70
MAX_ARMOR = 4_096
"""An Ed25519 signature is 294 characters in armour; anything much longer is something else."""


def sign(message: bytes, key: SigningKey, *, namespace: bytes = NAMESPACE) -> str:
    """The armoured signature of `message`, ending without a newline. Equal input gives equal output (RFC 8032)."""
    public = _public_blob(bytes(key.verify_key))
    signature = key.sign(_signed_data(message, namespace)).signature
    frame = (
        MAGIC
        + struct.pack(">I", VERSION)
        + string(public)
        + string(namespace)
        + string(b"")
        + string(HASH)
        + string(string(KEY_TYPE) + string(signature))
    )
    encoded = base64.b64encode(frame).decode()
    lines = [encoded[start : start + LINE] for start in range(0, len(encoded), LINE)]
    return "\n".join([BEGIN, *lines, END])


def verify(message: bytes, armored: str, public_key: bytes, *, namespace: bytes = NAMESPACE) -> bool:
    """Whether `armored` is a signature of `message` by the 32 raw bytes `public_key`.

    Only our own form counts: version 1, Ed25519, SHA-512, this namespace, nothing left over. Anything else is False.
    """
    try:
        frame = dearmor(armored)
        reader = Reader(frame)
        if reader.take(len(MAGIC)) != MAGIC or reader.number() != VERSION:
            return False
        fields = (reader.string(), reader.string(), reader.string(), reader.string())
        if fields != (_public_blob(public_key), namespace, b"", HASH):
            return False
        inner = Reader(reader.string())
        if inner.string() != KEY_TYPE:
            return False
        signature = inner.string()
        if not (reader.ended and inner.ended):
            return False
        VerifyKey(public_key).verify(_signed_data(message, namespace), signature)
    except (ValueError, BadSignatureError):
        return False
    return True


def public_line(public_key: bytes, comment: str = "sentinel") -> str:
    """The public key as one line of `authorized_keys` or, after a principal, of an allowed-signers file."""
    return f"{KEY_TYPE.decode()} {base64.b64encode(_public_blob(public_key)).decode()} {comment}"


def _signed_data(message: bytes, namespace: bytes) -> bytes:
    return MAGIC + string(namespace) + string(b"") + string(HASH) + string(hashlib.sha512(message).digest())


def _public_blob(public_key: bytes) -> bytes:
    if len(public_key) != 32:
        raise ValueError("an Ed25519 public key has 32 bytes")
    return string(KEY_TYPE) + string(public_key)


def string(data: bytes) -> bytes:
    """A field of SSH's binary form: its length, then itself."""
    return struct.pack(">I", len(data)) + data


def dearmor(armored: str) -> bytes:
    """The frame inside the armour. Raises ValueError when there is none."""
    if len(armored) > MAX_ARMOR:
        raise ValueError("the signature is too long")
    lines = armored.strip("\n").split("\n")
    if len(lines) < 3 or lines[0] != BEGIN or lines[-1] != END:
        raise ValueError("the signature has no armour")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error:
        raise ValueError("the signature is not base64") from None
