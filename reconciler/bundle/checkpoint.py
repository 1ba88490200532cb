"""Checkpoints of a log (https://c2sp.org/tlog-checkpoint): its name, its size and its root, as a signed note."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nacl.signing import SigningKey

from reconciler.bundle.armour import armour, disarm
from reconciler.bundle.fields import SLUG
from reconciler.bundle.merkle import EMPTY, HASH_SIZE
from reconciler.bundle.note import Note, read_note, sign_note, signers
from reconciler.bundle.root import Root
from reconciler.errors import Refused

PREFIX = "sentinel/"
LARGEST_SIZE = 2**53 - 1

_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log `origin` when it had `size` entries: `root` is the 32 bytes over all of them."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        """The short form: what a commit carries as its trailer `Log:`, and a node's heartbeat as `log`."""
        return f"{self.origin} {self.size} {armour(self.root)}"

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{armour(self.root)}\n"


def origin_of(organization: str) -> str:
    """The name of an organization's log."""
    return f"{PREFIX}{organization}"


def sign_checkpoint(checkpoint: Checkpoint, keys: Iterable[SigningKey]) -> str:
    """The checkpoint as a note, signed by each key under the log's name."""
    return sign_note(checkpoint.text, checkpoint.origin, keys)


def read_checkpoint(note: str) -> Checkpoint:
    """What a signed checkpoint says, **unverified**. Raises `Refused` (E-VER-015)."""
    return _of_text(read_note(note))


def open_checkpoint(note: str, root: Root) -> Checkpoint:
    """The checkpoint of the organization's log, when enough of the root's pointer keys signed it.

    Raises `Refused` (E-VER-015).
    """
    read = read_note(note)
    checkpoint = _of_text(read)
    expected = origin_of(root.organization)
    if checkpoint.origin != expected:
        raise _refuse(f"it is of the log '{checkpoint.origin[:80]}', expected '{expected}'")
    role = root.roles["pointer"]
    count = len(signers(read, expected, root.keys_of("pointer").values()))
    if role.threshold < 1 or count < role.threshold:
        raise _refuse(f"it is signed by {count} pointer keys of the root, expected at least {role.threshold}")
    return checkpoint


def read_short(text: str) -> Checkpoint:
    """Read the short form. Raises `Refused` (E-VER-015)."""
    parts = text.split(" ")
    if len(parts) != 3 or not parts[0].startswith(PREFIX):
        raise _refuse("expected '<log> <size> <root in base64>'")
    return _checkpoint(*parts)


def read_hash(text: str) -> bytes:
    """A hash from base64 in the one form there is. Raises ValueError."""
    try:
        value = disarm(text)
    except ValueError:
        value = b""
    if len(value) != HASH_SIZE:
        raise ValueError("a hash is not 32 bytes in base64")
    return value


def _of_text(note: Note) -> Checkpoint:
    lines = note.text.split("\n")
    # We write no extension lines, so a text that has some was not written by us.
    if len(lines) != 4 or lines[3]:
        raise _refuse("it does not have the three lines of a checkpoint")
    return _checkpoint(*lines[:3])


def _checkpoint(origin: str, size: str, root: str) -> Checkpoint:
    if not origin.startswith(PREFIX) or SLUG.fullmatch(origin.removeprefix(PREFIX)) is None:
        raise _refuse(f"'{origin[:80]}' is not the name of a log")
    if _SIZE.fullmatch(size) is None or int(size) > LARGEST_SIZE:
        raise _refuse(f"'{size[:40]}' is not a size")
    try:
        value = read_hash(root)
    except ValueError as error:
        raise _refuse(str(error)) from None
    if size == "0" and value != EMPTY:
        raise _refuse("it has no entries and yet another root than the empty log's")
    return Checkpoint(origin, int(size), value)


def _refuse(words: str) -> Refused:
    return Refused("E-VER-015", f"the log's checkpoint does not hold: {words}")
