"""One file of a commit's tree, as bytes, and which files of a tree are read at all."""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGE = ".kdl"
ATTACHED = (".pem", ".crt", ".key", ".wasm", ".lua")
"""Endings of files that resources may name: chains, plugins. `.key` is read to find private keys that nobody meant to
commit."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """`path` is relative to the project's folder, with `/`; `content` is what the blob holds."""

    path: str
    content: bytes


def is_read(path: str) -> bool:
    """Whether a file of a project is part of its configuration, by its name."""
    return path.endswith((LANGUAGE, *ATTACHED))
