"""A JSON document with bytes behind it: what a confined child answers, without the cost of bytes inside JSON.

Eight bytes of length, the document, and then all contents one behind the other. In the document a content is the pair
of its beginning and its end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

LENGTH = 8


class Parts:
    """Collects contents while a document is made. The very same one is kept once; to compare others would cost more."""

    def __init__(self) -> None:
        self._places: dict[int, list[int]] = {}
        self._contents: list[bytes] = []
        self._end = 0

    def keep(self, content: bytes) -> list[int]:
        """What stands for the content in the document."""
        if id(content) not in self._places:
            self._places[id(content)] = [self._end, self._end + len(content)]
            self._contents.append(content)
            self._end += len(content)
        return self._places[id(content)]

    def behind(self, document: Any) -> tuple[bytes, ...]:
        """The document with everything behind it that was kept. Not joined: contents are large, and are sent."""
        text = json.dumps(document).encode()
        return (len(text).to_bytes(LENGTH, "big") + text, *self._contents)


def take_apart(data: bytes | bytearray) -> tuple[Any, Callable[[Any], bytes]]:
    """The document, and a function that gives the content for what stands for it.

    Both raise TypeError or ValueError for bytes that `Parts` has not made.
    """
    start = LENGTH + int.from_bytes(data[:LENGTH], "big")
    if start > len(data):
        raise ValueError("the document is longer than what there is")
    contents = memoryview(data)[start:]
    given: dict[tuple[int, int], bytes] = {}

    def kept(pair: Any) -> bytes:
        first, last = pair
        if (first, last) in given:
            return given[first, last]
        if type(first) is not int or type(last) is not int or not 0 <= first <= last <= len(contents):
            raise ValueError("there is no such content")
        return given.setdefault((first, last), bytes(contents[first:last]))

    return json.loads(data[LENGTH:start]), kept
