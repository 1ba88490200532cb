"""Signed notes (https://c2sp.org/signed-note) with Ed25519: text, an empty line, and lines of signatures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from reconciler.bundle.armour import armour, disarm
from reconciler.errors import Refused

LONGEST_NOTE = 4096
MAX_SIGNATURES = 16
ED25519 = b"\x01"

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_LINE = re.compile("— ([^ +]+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """A signature that claims to be by the key of that name and hash (4 bytes). Nothing of it is trusted."""

    name: str
    key_hash: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was read and not verified. `text` ends with a newline, and is what was signed."""

    text: str
    signatures: tuple[NoteSignature, ...]


def key_hash(name: str, public: bytes) -> bytes:
    """The four bytes by which a note names a key."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def sign_note(text: str, name: str, keys: Iterable[SigningKey]) -> str:
    """The note, signed by each key under one name, in the order of the public keys."""
    ordered = sorted(keys, key=lambda key: bytes(key.verify_key))
    if not ordered or not text.endswith("\n"):
        raise ValueError("a note has a text of whole lines and a key")
    lines = [
        f"— {name} {armour(key_hash(name, bytes(key.verify_key)) + key.sign(text.encode()).signature)}\n"
        for key in ordered
    ]
    return f"{text}\n{''.join(lines)}"


def read_note(note: str) -> Note:
    """Read a note without believing it. Raises `Refused` (E-VER-015)."""
    text, separator, rest = note.rpartition("\n\n")
    if len(note) > LONGEST_NOTE or not separator or not text or not rest.endswith("\n"):
        raise _malformed("it is not a text, an empty line and signatures")
    if _CONTROL.search(note):
        raise _malformed("it has control characters")
    lines = rest.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _malformed(f"it has more than {MAX_SIGNATURES} signatures")
    return Note(f"{text}\n", tuple(_signature(line) for line in lines))


def signers(note: Note, name: str, publics: Iterable[bytes]) -> set[bytes]:
    """Which of these public keys signed the note under that name.

    Signatures by others are not looked at; a bad one by one of these raises `Refused` (E-VER-015).
    """
    known = {key_hash(name, public): public for public in publics}
    found = set()
    for signature in note.signatures:
        public = known.get(signature.key_hash) if signature.name == name else None
        if public is None:
            continue
        try:
            VerifyKey(public).verify(note.text.encode(), signature.value)
        except (BadSignatureError, ValueError, TypeError):
            raise _malformed(f"the signature of '{name}' is not good") from None
        found.add(public)
    return found


def _signature(line: str) -> NoteSignature:
    match = _LINE.fullmatch(line)
    if match is None:
        raise _malformed("a line of it is no signature")
    try:
        value = disarm(match[2])
    except ValueError:
        value = b""
    if len(value) < 5:
        raise _malformed("a signature is not in base64")
    return NoteSignature(match[1], value[:4], value[4:])


def _malformed(words: str) -> Refused:
    return Refused("E-VER-015", f"the log's checkpoint does not hold: {words}")
