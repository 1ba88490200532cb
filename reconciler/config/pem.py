"""PEM files: the blocks in them, and certificates as far as a finding needs them.

Sources: RFC 7468 (PEM), RFC 5280 (certificates), X.690 (DER). Nothing is verified here but form, order and names: that
a signature is right is shown by the proxy, which has a TLS library.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BLOCKS = 500
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----\s([A-Za-z0-9+/=\s]*)-----END \1-----")
_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_SUBJECT_ALT_NAME = bytes.fromhex("551d11")
_BASIC_CONSTRAINTS = bytes.fromhex("551d13")


class NotPem(ValueError):
    """The bytes are not what they should be; the message completes "the file …"."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is read of a certificate. `issuer` and `subject` are DER; times are aware UTC; `hosts` are its DNS names."""

    issuer: bytes
    subject: bytes
    begins: datetime.datetime
    expires: datetime.datetime
    hosts: tuple[str, ...]
    is_issuer: bool

    def is_for(self, host: str) -> bool:
        """Whether it is good for a name, or for a wildcard as a whole. RFC 6125: a wildcard stands for one label."""
        parent = "*." + host.partition(".")[2]
        return host in self.hosts or (not host.startswith("*.") and parent in self.hosts)


def holds_private_key(content: bytes) -> bool:
    """Whether a PEM block of the file says that it is a private key, sealed by a passphrase or not."""
    return re.search(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----", content) is not None


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
            der = base64.b64decode("".join(match[2].split()), validate=True)
            found.append(_certificate(der))
        except (ValueError, IndexError, binascii.Error):
            raise NotPem(f"holds a certificate, number {number}, that cannot be read") from None
    if len(found) != len(begun):
        raise NotPem("holds a PEM block that is cut short")
    return tuple(found)


def _elements(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(tag, content, whole element) of the DER elements in a row. Raises ValueError or IndexError when cut short."""
    at = 0
    while at < len(data):
        tag, length, start = data[at], data[at + 1], at + 2
        if tag & 0x1F == 0x1F:
            raise ValueError("a tag of several bytes does not occur in certificates")
        if length & 0x80:
            octets = length & 0x7F
            if not 1 <= octets <= 4 or start + octets > len(data):
                raise ValueError("a length that is not DER's")
            length = int.from_bytes(data[start : start + octets], "big")
            start += octets
        if start + length > len(data):
            raise ValueError("an element is cut short")
        yield tag, data[start : start + length], data[at : start + length]
        at = start + length


def _certificate(der: bytes) -> Certificate:
    (whole,) = list(_elements(der))
    if whole[0] != 0x30:
        raise ValueError("a certificate is a sequence")
    body, _, _ = list(_elements(whole[1]))
    fields = list(_elements(body[1]))
    if fields[0][0] == 0xA0:
        fields = fields[1:]
    issuer, validity, subject = fields[2], fields[3], fields[4]
    begins, expires = (_time(tag, content) for tag, content, _ in _elements(validity[1]))
    hosts: tuple[str, ...] = ()
    is_issuer = False
    for tag, content, _ in fields[6:]:
        if tag != 0xA3:
            continue
        ((_, extensions, _),) = list(_elements(content))
        for _, extension, _ in _elements(extensions):
            parts = list(_elements(extension))
            if parts[0][1] == _SUBJECT_ALT_NAME:
                hosts = tuple(sorted(_hosts(parts[-1][1])))
            elif parts[0][1] == _BASIC_CONSTRAINTS:
                ((_, constraints, _),) = list(_elements(parts[-1][1]))
                is_issuer = any(t == 0x01 and value == b"\xff" for t, value, _ in _elements(constraints))
    return Certificate(issuer[2], subject[2], begins, expires, hosts, is_issuer)


def _hosts(names: bytes) -> Iterator[str]:
    ((_, inner, _),) = list(_elements(names))
    for tag, content, _ in _elements(inner):
        if tag == 0x82:
            yield content.decode("ascii").lower()


def _time(tag: int, content: bytes) -> datetime.datetime:
    text = content.decode("ascii")
    if tag == 0x17:
        # RFC 5280, 4.1.2.5.1: two digits of 50 and above are of the last century.
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != 0x18:
        raise ValueError("a time of another type")
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.UTC)
