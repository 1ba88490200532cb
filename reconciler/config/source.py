"""One file of a commit's tree, as bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceFile:
    """`path` is relative to the project's folder, with `/`; `content` is what the blob holds."""

    path: str
    content: bytes
