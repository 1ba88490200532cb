"""Follows the log of a WAF agent: from where it was left, through rotations, a bounded part at a time."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reconciler.node.waf_lines import read_line

MOST_ATTACKS = 500
"""Of one batch, as the node API takes them."""

PART = 256 * 1024
HEAD = 512
LONGEST_LINE = 64 * 1024
MOST_BEHIND = 16 * 1024 * 1024
"""A node that is further behind than this tells of the newest `PART` alone: old attacks are no news."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where in which file reading goes on: its device and number, and an offset.

    `head` tells whether the beginning is still the same: a file that was cut and filled again is another one.
    """

    device: int
    number: int
    offset: int
    head: str


@dataclass(frozen=True, slots=True)
class Part:
    """What was read: attacks, how many lines told of none, how many bytes were passed over, and where to go on."""

    attacks: list[dict[str, str]]
    strange: int
    skipped: int
    cursor: Cursor


def read_part(path: Path, cursor: Cursor | None, now: Callable[[], datetime]) -> Part | None:
    """The next part of the log, None when there is nothing new. Raises OSError when it cannot be read."""
    for file, start in _files(path, cursor):
        with open(file, "rb", opener=_at_once) as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "it is no file")
            if cursor is not None and start and _head(opened.fileno(), start) != cursor.head:
                start = 0
            skipped = 0
            if status.st_size - start > MOST_BEHIND:
                opened.seek(status.st_size - PART)
                opened.readline(LONGEST_LINE)
                skipped, start = opened.tell() - start, opened.tell()
            attacks, strange, end = _read(opened.fileno(), start, now)
            head = _head(opened.fileno(), end)
        if end > start or skipped:
            return Part(attacks, strange, skipped, Cursor(status.st_dev, status.st_ino, end, head))
    return None


def _at_once(path: str, flags: int) -> int:
    """Opens whatever it is: a pipe to which nobody writes would keep the node waiting for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _head(handle: int, offset: int) -> str:
    """What the beginning of a file, up to an offset, is told by; one that is shorter has another."""
    length = min(offset, HEAD) if os.fstat(handle).st_size >= offset else 0
    return hashlib.sha256(os.pread(handle, length, 0)).hexdigest()[:16]


def _files(path: Path, cursor: Cursor | None) -> Iterator[tuple[Path, int]]:
    """What to read from where: the rest of the file that was read last, if it was moved aside, then the log."""
    status = path.stat()
    if cursor is None:
        yield path, 0
        return
    if (status.st_dev, status.st_ino) == (cursor.device, cursor.number):
        yield path, cursor.offset
        return
    for rotated in sorted(path.parent.glob(path.name + ".*")):
        with suppress(OSError):
            moved = rotated.stat()
            if (moved.st_dev, moved.st_ino) == (cursor.device, cursor.number):
                yield rotated, cursor.offset
    yield path, 0


def _read(handle: int, start: int, now: Callable[[], datetime]) -> tuple[list[dict[str, str]], int, int]:
    """Whole lines from an offset on: attacks, how many others, and where the last of these lines ended."""
    data = os.pread(handle, PART, start)
    attacks: list[dict[str, str]] = []
    strange, position = 0, 0
    while (end := data.find(b"\n", position)) >= 0:
        line = data[position:end]
        found = read_line(line, now=now()) if len(line) <= LONGEST_LINE else []
        if attacks and len(attacks) + len(found) > MOST_ATTACKS:
            break
        attacks += found[:MOST_ATTACKS]
        strange += bool(line.strip()) and not found
        position = end + 1
    if not position and len(data) == PART:
        # A line that fills a whole part is none of an agent's; its rest is passed over as the next ones.
        return [], 1, start + len(data)
    return attacks, strange, start + position
