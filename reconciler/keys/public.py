"""Public halves of signing keys as people hand them on: `ed25519:` and 64 hex digits.

A private key is 64 hex digits without that word, so that one is never taken for the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import Stalled
from reconciler.keys.uri import SOURCES, load_key

LINE = re.compile(r"ed25519:([0-9a-f]{64})(?:\s.*)?")
MAX_BYTES = 4096


def public_line(public: bytes) -> str:
    """The text of a public key."""
    return f"ed25519:{public.hex()}"


def read_public(text: str, *, folder: Path, environ: Mapping[str, str]) -> bytes:
    """The 32 public bytes that `text` names: the text of a public key, a file that begins with one, or the URI of a
    private key that is here. Raises `Stalled`: E-KEY-016 for anything else, and what the loading of the key raises.
    """
    match = LINE.fullmatch(text)
    if match is not None:
        return bytes.fromhex(match[1])
    if text.partition(":")[0] in SOURCES:
        return bytes(load_key(text, folder=folder, environ=environ).verify_key)
    path = Path(text)
    if not path.is_file():
        # What was given may be a key that somebody pasted, and no message repeats it.
        raise _not_public("a key is neither the text of a public key, nor a file, nor a URI")
    try:
        with path.open() as file:
            first = file.read(MAX_BYTES).partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        raise _not_public(f"{path} cannot be read as a public key") from None
    match = LINE.fullmatch(first)
    if match is None:
        raise _not_public(f"{path} does not begin with a public key")
    return bytes.fromhex(match[1])


def _not_public(message: str) -> Stalled:
    return Stalled(
        "E-KEY-016",
        message,
        cure="Write ed25519:<64 hex digits>, as `sentinelctl keys public URI` prints it where the private key is",
    )
