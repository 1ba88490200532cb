"""Private keys of TLS certificates, read to be sealed: PKCS#8, PKCS#1 and SEC 1, each as PEM. RFC 5208, 8017, 5915."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from reconciler.errors import Stalled

LONGEST = 64 * 1024
"""Bytes of a file that holds a key and perhaps other blocks."""

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----.*?-----END \1-----\r?\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """`pem` is the key as PKCS#8, in one form whatever it was read from. `public` is its SubjectPublicKeyInfo."""

    pem: bytes = field(repr=False)
    public: bytes = field(repr=False)


def read_private_key(content: bytes, called: str) -> PrivateKey:
    """The one private key of a PEM file; other blocks and text are passed over. `called` names the file in messages.

    Raises `Stalled`: E-CRT-010 when there is none, several, or one that cannot be read, E-CRT-011 when it is sealed by
    a passphrase. No message holds anything of the content.
    """
    found = list(_BLOCK.finditer(content)) if len(content) <= LONGEST else []
    if len(found) != 1:
        number = "more than one private key" if found else "no private key in PEM"
        raise Stalled(
            "E-CRT-010",
            f"{called} holds {number}",
            cure="Give the file that was made with the certificate's request; it has a line BEGIN PRIVATE KEY",
        )
    kind, block = found[0][1].decode(), found[0][0]
    if kind.startswith("ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in block:
        raise Stalled(
            "E-CRT-011",
            f"the private key in {called} is sealed by a passphrase",
            cure=f"Open it into a file that only you can read: umask 077; openssl pkey -in {called} -out opened.key, "
            "and remove that file afterwards",
        )
    try:
        key = load_pem_private_key(block, password=None)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Stalled(
            "E-CRT-010",
            f"the private key in {called} ({kind}) cannot be read",
            cure="It has to be PKCS#8, PKCS#1 or SEC 1; openssl pkey -in FILE -noout says what is wrong with it",
        ) from None
    return PrivateKey(pem, public)
