"""Canonical JSON, as RFC 8785 without floats: what is signed or hashed has exactly one form.

Sign bytes, not objects: writers encode here, readers verify the raw bytes first and decode here after.
"""

from __future__ import annotations

import json
from typing import Any

from reconciler.errors import Refused

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32


def encode(document: Any) -> bytes:
    """The one form: UTF-8, no white space, keys sorted by UTF-16 code units, integers within ±(2^53 − 1).

    Raises ValueError for what has no such form: floats, other types, lone surrogates, integers too large.
    """
    _check(document, 0)
    return _write(document)


def decode(data: bytes, what: str) -> Any:
    """Read JSON that must be in canonical form. `what` names it in messages.

    Raises `Refused` (E-VER-013) for bytes that are not UTF-8, not JSON, not canonical, nested deeper than 32, or that
    hold a duplicate key, a float or a large integer. No other exception leaves it.
    """
    try:
        document, _ = _READER.raw_decode(data.decode())
        # What was read has no other types, no float and no large integer; it can only be too deep.
        if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
            _check(document, 0)
        written = _write(document)
    except RecursionError:
        raise Refused("E-VER-013", f"{what} is nested too deeply") from None
    except ValueError as error:
        raise Refused("E-VER-013", f"{what} is not the JSON it should be: {error}") from None
    # Of a key that stands twice one value was read, so that is not written again; nor is what follows the document.
    if written != data:
        raise Refused("E-VER-013", f"{what} is not in canonical form, so its bytes are not the ones we write")
    return document


def _write(document: Any) -> bytes:
    written = _WRITER.encode(document).encode()
    # Keys were sorted by code points, which is another order only from U+E000 on, where code units are surrogates.
    if not written.isascii() and written.translate(None, _BELOW):
        written = _AS_IT_IS.encode(_ordered(document)).encode()
    return written


def _check(value: Any, depth: int) -> None:
    """Raises ValueError for what has no canonical form."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise ValueError("an integer is larger than 2^53 - 1")
        return
    if depth >= MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise ValueError("a key is not a string")
            _check(item, depth + 1)
    elif kind is list or kind is tuple:
        for item in value:
            _check(item, depth + 1)
    else:
        raise ValueError(f"a {kind.__name__} has no canonical form")


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=_code_units)}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    return value


def _code_units(key: str) -> bytes:
    return key.encode("utf-16-be")


def _integer(digits: str) -> int:
    if len(digits) > 17 or not -MAX_INTEGER <= (value := int(digits)) <= MAX_INTEGER:
        raise ValueError("an integer is larger than 2^53 - 1")
    return value


def _no_float(text: str) -> float:
    raise ValueError("a number is not an integer")


_BELOW = bytes(range(0xEE))
"""The bytes of UTF-8 up to U+DFFF."""
# What is written was read or checked before, so it cannot contain itself.
_READER = json.JSONDecoder(parse_int=_integer, parse_float=_no_float, parse_constant=_no_float)
_WRITER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), sort_keys=True)
_AS_IT_IS = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
