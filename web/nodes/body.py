"""Reads request bodies and checks JSON. Nothing is parsed before its size is known to be small."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import orjson

from reconciler.strict_json import finite, no_constant, unique
from web.nodes.problems import malformed, too_large

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_LIMIT = 64 * 1024
"""A heartbeat has about 1 KB; a registration with many labels about 4 KB."""

JSON_DEPTH = 8
"""Deeper than any document of this API."""

OBJECTS = 2_000
"""Objects and lists in a body."""

WHOLE_NUMBER_LIMIT = 2**53
"""Above this, JSON numbers do not survive every reader."""

_TEXT = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]*\Z")
_WORDS = frozenset({str})
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]*\Z")


class Disconnected(Exception):
    """The client went away before its body was complete; nobody is there to answer."""


async def read_body(scope: Scope, receive: Receive, limit: int = BODY_LIMIT) -> bytes:
    """The whole body. Raises `Problem` 413 as soon as it is known to be longer than `limit` bytes."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and (len(value) > 12 or int(value) > limit):
            raise too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def parse_object(data: bytes, *, objects: int = OBJECTS, depth: int | None = JSON_DEPTH) -> dict[str, Any]:
    """A JSON object without duplicate names, NaN, infinite numbers, or great depth. Raises `Problem` 400.

    `depth` is None where the reader knows each value by its place, and so refuses what is nested any deeper.
    """
    # The scan for depth comes first: the parser itself recurses.
    if data.count(b"[") + data.count(b"{") > objects:
        raise malformed("The body holds too many objects")
    document = _read(data)
    if not isinstance(document, dict):
        raise malformed("The body is not a JSON object")
    if depth is not None and _depth(document) > depth:
        raise malformed("The body is nested too deeply")
    return document


def only(document: Mapping[str, Any], allowed: frozenset[str], where: str = "") -> None:
    """Refuse fields that are not in the table, by name."""
    if document.keys() <= allowed:
        return
    for name in document:
        if name not in allowed:
            raise malformed(f"'{_cut(where + name)}' is not a field of this request")


def text(document: Mapping[str, Any], name: str, limit: int, *, lines: bool = False, least: int = 0) -> str:
    """A string of `least` to `limit` characters without control characters; `lines` allows tab and newline."""
    value = document.get(name)
    if not isinstance(value, str) or not least <= len(value) <= limit:
        raise malformed(f"'{name}' must be a string of {least} to {limit} characters")
    if not (_TEXT if lines else _LINE).match(value):
        raise malformed(f"'{name}' holds control characters")
    return value


def matching(document: Mapping[str, Any], name: str, pattern: re.Pattern[str], expected: str) -> str:
    """A string of one exact form."""
    value = document.get(name)
    if not isinstance(value, str) or len(value) > 200 or not pattern.fullmatch(value):
        raise malformed(f"'{name}' must be {expected}")
    return value


def number(document: Mapping[str, Any], name: str) -> int:
    """A whole number from zero to 2^53."""
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < WHOLE_NUMBER_LIMIT:
        raise malformed(f"'{name}' must be a whole number from 0 to 2^53")
    return value


def string_map(document: Mapping[str, Any], name: str, *, most: int) -> dict[str, str]:
    """A small object of strings, such as labels or versions."""
    value = document.get(name)
    if not isinstance(value, dict) or len(value) > most:
        raise malformed(f"'{name}' must be an object of at most {most} strings")
    lengths = [*map(len, value)]
    # The strings are looked at together: a character that may not be in one of them may not be in all of them.
    if value and (min(lengths) < 1 or max(lengths) > 63 or not _is_line("".join(value))):
        raise malformed(f"a name in '{name}' must have 1 to 63 characters without control characters")
    strings = value.values()
    if not (
        _WORDS.issuperset(map(type, strings))
        and max(map(len, strings), default=0) <= 255
        and _is_line("".join(strings))
    ):
        raise malformed(f"each value in '{name}' must be a string of at most 255 characters")
    return value


def _is_line(words: str) -> bool:
    # What is printable holds none of the characters that are refused; the opposite is not so, and rare.
    return words.isprintable() or _LINE.match(words) is not None


def _read(data: bytes) -> Any:
    try:
        document = orjson.loads(data)
        # What is written back byte for byte has no name twice, no NaN, no number that changes by being read. Agents
        # write like that. Whatever else comes is read by the slower reader, which decides.
        if orjson.dumps(document) == data:
            return document
    except (ValueError, TypeError):
        pass
    try:
        return _DECODER.decode(data.decode())
    except (ValueError, RecursionError):
        raise malformed("The body is not a JSON object in UTF-8 with unique names") from None


# `json.loads` would make the decoder again for every body.
_DECODER = json.JSONDecoder(object_pairs_hook=unique, parse_constant=no_constant, parse_float=finite)


def _depth(document: dict[str, Any]) -> int:
    """How deep the document is nested; what stands in the innermost object counts as one more."""
    deepest, level = 1, list[Any]([document])
    while level:
        deepest += any(level)
        level = [
            child
            for one in level
            for child in (one.values() if type(one) is dict else one)
            if type(child) is dict or type(child) is list
        ]
    return deepest


def _cut(words: str) -> str:
    return words.encode("ascii", "backslashreplace").decode()[:80]
