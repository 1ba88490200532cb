"""PEM files: the blocks in them, and the certificates that they hold. RFC 7468."""

from __future__ import annotations

import base64
import binascii
import re

from reconciler.config.x509 import UNREADABLE, Certificate, read_certificate

MAX_BLOCKS = 500
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----\s([A-Za-z0-9+/=\s]*)-----END \1-----")
_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")

PRIVATE_KEY = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]){1,8}"
    rb"(?:[A-Za-z0-9+/]{8}|Proc-Type:|Version:|Comment:|Charset:|Hash:)"
)
"""PEM, OpenSSH and OpenPGP say in the same words that a private key follows, sealed by a passphrase or not. The
beginning of the key belongs to it, for libraries that read keys hold the words alone."""


class NotPem(ValueError):
    """The bytes are not what they should be; the message completes "the file …"."""


def holds_private_key(content: bytes) -> bool:
    """Whether a private key stands in the file."""
    return PRIVATE_KEY.search(content) is not None


def certificates(content: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM file, in its order. Raises NotPem; text between the blocks is passed over."""
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        raise NotPem("is not PEM: it holds bytes that are not ASCII") from None
    begun = _BEGIN.findall(text)
    if not begun:
        raise NotPem("holds no PEM block")
    if len(begun) > MAX_BLOCKS:
        raise NotPem(f"holds more than {MAX_BLOCKS} PEM blocks")
    found = []
    for number, match in enumerate(_BLOCK.finditer(text), 1):
        if match[1] != "CERTIFICATE":
            raise NotPem(f"holds a block '{match[1]}' beside certificates")
        try:
            found.append(read_certificate(base64.b64decode("".join(match[2].split()), validate=True)))
        except (binascii.Error, *UNREADABLE):
            raise NotPem(f"holds a certificate, number {number}, that cannot be read") from None
    if len(found) != len(begun):
        raise NotPem("holds a PEM block that is cut short")
    return tuple(found)


def written(chain: tuple[Certificate, ...]) -> bytes:
    """The certificates as a PEM file, in one form whatever the file was that they were read from."""
    blocks = []
    for certificate in chain:
        text = base64.b64encode(certificate.der).decode()
        lines = [text[at : at + 64] for at in range(0, len(text), 64)]
        blocks.append("\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", "")))
    return "".join(blocks).encode()
