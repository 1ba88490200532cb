"""What a wish is: edits of an environment's branch, and the commit that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """A change to commit. `edits` maps a path to its new bytes or None; `trailers` are `Name: value` lines.

    `previewed` is told beside it when it is not made: what is known of it already. `aside` is the branch, without the
    project's prefix, that it goes to instead of the environment's own; "" for that one.
    """

    edits: Mapping[str, bytes | None]
    subject: str
    body: str
    trailers: tuple[tuple[str, str], ...]
    next: str
    previewed: tuple[str, ...] = ()
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Already:
    """Nothing to change, and why."""

    because: str


def message_of(wish: Wish) -> str:
    """The message of the commit: subject, body, trailers."""
    trailers = "\n".join(f"{name}: {' '.join(value.split())}" for name, value in wish.trailers)
    return "\n\n".join(part for part in (wish.subject, wish.body, trailers) if part) + "\n"
