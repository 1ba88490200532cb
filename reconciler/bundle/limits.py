"""How much of hostile input is read before it is refused. Every number is a cap, not a target."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps in bytes unless the name says otherwise.

    `window` bounds what a zstd frame may make a decoder allocate. `sequence_jump` bounds how far one pointer may move
    the sequence, so that a stolen pointer key cannot use the numbers up; `root_steps` bounds one walk of the roots.
    """

    pointer: int = 16 * KIB
    statement: int = 64 * KIB
    root: int = 64 * KIB
    blob: int = 64 * MIB
    tar: int = 256 * MIB
    file: int = 64 * MIB
    files: int = 10_000
    window: int = 8 * MIB
    sequence_jump: int = 1_000_000
    root_steps: int = 32


LIMITS = Limits()
