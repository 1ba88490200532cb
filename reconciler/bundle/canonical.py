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
    return json.dumps(_ordered(document, 0), ensure_ascii=False, separators=(",", ":")).encode()


def decode(data: bytes, what: str) -> Any:
    """Read JSON that must be in canonical form. `what` names it in messages.

    Raises `Refused` (E-VER-013) for bytes that are not UTF-8, not JSON, not canonical, nested deeper than 32, or that
    hold a duplicate key, a float or a large integer. No other exception leaves it.
    """
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
        canonical = encode(document)
    except RecursionError:
        raise Refused("E-VER-013", f"{what} is nested too deeply") from None
    except ValueError as error:
        raise Refused("E-VER-013", f"{what} is not the JSON it should be: {error}") from None
    if canonical != data:
        raise Refused("E-VER-013", f"{what} is not in canonical form, so its bytes are not the ones we write")
    return document


def _ordered(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key is not a string")
        return {key: _ordered(value[key], depth + 1) for key in sorted(value, key=_code_units)}
    if isinstance(value, list | tuple):
        return [_ordered(item, depth + 1) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise ValueError("an integer is larger than 2^53 - 1")
        return value
    raise ValueError(f"a {type(value).__name__} has no canonical form")


def _code_units(key: str) -> bytes:
    return key.encode("utf-16-be")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("an object names a key twice")
    return document


def _integer(digits: str) -> int:
    if len(digits) > 17:
        raise ValueError("an integer is larger than 2^53 - 1")
    return int(digits)


def _no_float(text: str) -> float:
    raise ValueError("a number is not an integer")
