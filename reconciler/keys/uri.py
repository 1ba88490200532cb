"""Loads signing keys, sealing keys and secrets named by URI: `file:path` and `env:NAME`. Makes new keys.

A signing key is 64 hex digits: the 32-byte seed of an Ed25519 key (RFC 8032). A sealing key is 64 hex digits too: the
32 bytes of an X25519 private key (RFC 7748). A file must be readable by its owner alone (mode 0600 or stricter). No
message here ever holds what was read.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from reconciler.errors import Stalled

MAX_BYTES = 64 * 1024
SEED = re.compile(rb"[0-9a-fA-F]{64}")


class MaskedKey(SigningKey):
    """A signing key that does not show itself. PyNaCl's own `str()` prints the seed."""

    def __repr__(self) -> str:
        return "<signing key>"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is not copied to other processes")


class MaskedPrivateKey(PrivateKey):
    """A sealing key that does not show itself, as a signing key does not."""

    def __repr__(self) -> str:
        return "<sealing key>"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sealing key is not copied to other processes")


def load_key(uri: str, *, folder: Path, environ: Mapping[str, str]) -> SigningKey:
    """The signing key that `uri` names; a relative `file:` path starts at `folder`.

    Raises `Stalled`: E-KEY-001 unknown URI, E-KEY-002 nothing there, E-KEY-003 readable by others, E-KEY-004 not a key.
    """
    return MaskedKey(_load_digits(uri, folder, environ))


def load_sealing_key(uri: str, *, folder: Path, environ: Mapping[str, str]) -> PrivateKey:
    """The X25519 private key that `uri` names. Raises `Stalled` as `load_key` does."""
    return MaskedPrivateKey(_load_digits(uri, folder, environ))


def _load_digits(uri: str, folder: Path, environ: Mapping[str, str]) -> bytes:
    text = load_secret(uri, folder=folder, environ=environ)
    if SEED.fullmatch(text) is None:
        raise Stalled(
            "E-KEY-004",
            f"the key {_shown(uri)} is not 64 hex digits",
            cure="Restore it from your backup, or make one with `sentinelctl init` or `sentinelctl secret keygen`",
        )
    return bytes.fromhex(text.decode())


def load_secret(uri: str, *, folder: Path, environ: Mapping[str, str]) -> bytes:
    """The secret that `uri` names, without white space around it.

    Raises `Stalled`: E-KEY-001, E-KEY-002, E-KEY-003 as `load_key`, E-KEY-005 when it is empty or longer than 64 KiB.
    """
    scheme, _, rest = uri.partition(":")
    source = SOURCES.get(scheme)
    # What looks like a key in place of a path or name is one that somebody pasted, and no message repeats it.
    if source is None or not rest or SEED.fullmatch(rest.encode()):
        raise Stalled(
            "E-KEY-001",
            "a key is named by a URI that is neither file:PATH nor env:NAME",
            cure="Correct it in control-plane.kdl; the URI says where a key is and is never the key itself",
        )
    value = source(rest, folder, environ).strip()
    if not 0 < len(value) <= MAX_BYTES:
        raise Stalled(
            "E-KEY-005",
            f"the secret {_shown(uri)} is empty or longer than {MAX_BYTES} bytes",
            cure="Put the secret there, and nothing else",
        )
    return value


def create_key(path: Path) -> None:
    """Write a new signing key into a new file of mode 0600, durably. Raises `Stalled` (E-KEY-006) when it exists."""
    _write_digits(path, bytes(SigningKey.generate()))


def create_sealing_key(path: Path) -> bytes:
    """Write a new sealing key as `create_key` does, and return its public key."""
    key = PrivateKey.generate()
    _write_digits(path, bytes(key))
    return bytes(key.public_key)


def create_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read, durably, whole or not at all. Raises FileExistsError."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A link is made only where nothing is, so nothing is ever overwritten, and never half-written either.
        os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_digits(path: Path, key: bytes) -> None:
    try:
        create_private(path, key.hex().encode() + b"\n")
    except FileExistsError:
        raise Stalled(
            "E-KEY-006",
            f"there is a file at {path} already",
            cure="Keys are never overwritten: move it first",
        ) from None


def _from_file(rest: str, folder: Path, environ: Mapping[str, str]) -> bytes:
    path = folder / rest
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_mode & 0o077:
                raise Stalled(
                    "E-KEY-003",
                    f"the key file {path} has mode {stat.S_IMODE(about.st_mode):04o}, so others may read or change it",
                    cure=f"Run `chmod 600 {path}`; if others were on this machine, make a new key",
                )
            return file.read(MAX_BYTES + 1024)
    except OSError as error:
        raise Stalled(
            "E-KEY-002",
            f"the key file {path} cannot be read: {error.strerror}",
            cure="Make it with `sentinelctl init`, or restore it from your backup",
        ) from None


def _from_environment(rest: str, folder: Path, environ: Mapping[str, str]) -> bytes:
    value = environ.get(rest)
    if value is None:
        # A name that cannot be a variable's may be a secret that somebody pasted, so it is not repeated.
        name = rest if re.fullmatch(r"[A-Z][A-Z0-9_]{0,60}", rest) else "that is named"
        raise Stalled(
            "E-KEY-002",
            f"the environment variable {name} is not set",
            cure="Set it for the processes that sign, and for those alone",
        )
    return value.encode()


def _shown(uri: str) -> str:
    return uri if len(uri) <= 200 else f"{uri[:200]}…"


SOURCES: Mapping[str, Callable[[str, Path, Mapping[str, str]], bytes]] = {
    "file": _from_file,
    "env": _from_environment,
}
"""One line a scheme."""
