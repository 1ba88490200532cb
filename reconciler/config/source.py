"""One file of a commit's tree, as bytes, and which files of a tree are read at all."""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGE = ".kdl"
ATTACHED = (".pem", ".crt", ".wasm", ".lua")
"""Endings of files that resources may name: chains, plugins."""

SIGNERS = ".sentinel/allowed-signers"
"""The file that says whose signing key is whose; in the project's folder."""

ALLOWANCES = ".sentinel-allow"
"""The file that says what may look like a credential; in the project's folder, in the syntax of the language."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """`path` is relative to the project's folder, with `/`; `content` is what the blob holds."""

    path: str
    content: bytes


def is_read(path: str) -> bool:
    """Whether a file of a project is part of its configuration, by its name. All others are only searched for keys."""
    if path.endswith((LANGUAGE, *ATTACHED)) or path.rpartition("/")[2] == ALLOWANCES:
        return True
    return path == SIGNERS or path.endswith(f"/{SIGNERS}")
