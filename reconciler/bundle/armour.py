"""Bytes as text: base64 (RFC 4648, 4) in the one form that there is of them."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64


def armour(data: bytes) -> str:
    """The text: one line, padded."""
    return b2a_base64(data, newline=False).decode()


def disarm(text: str) -> bytes:
    """The bytes that `armour` gave. Raises ValueError for any other text.

    Base64 has spare bits at its end, and decoders overlook what they do not know: two texts for the same bytes would
    be two envelopes for one signature. So what was read is written again and compared.
    """
    data = a2b_base64(text)
    if b2a_base64(data, newline=False).decode() != text:
        raise ValueError("it is not base64 as we write it")
    return data
