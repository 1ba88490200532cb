"""Asks a confined child one question, and tells apart why there may be no answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from reconciler.errors import Stalled, Transient
from reconciler.flows.confined import SEVERED, Broken, run_confined
from reconciler.flows.parts import take_apart

T = TypeVar("T")


def ask_confined(
    child: Callable[[], tuple[bytes, ...]],
    read: Callable[[Any, Callable[[Any], bytes]], T],
    what: str,
    *,
    severed: str,
    failed: str,
    cure: str,
) -> T:
    """What `read` makes of the child's answer (`parts.take_apart`); `what` is asked for, in words for people.

    Raises `Transient` with the code `severed` when the child was ended from outside, `Stalled` with `failed` when it
    would fail again.
    """
    try:
        return read(*take_apart(run_confined(child)))
    except Broken as broken:
        if broken.cause in SEVERED:
            raise Transient(severed, f"{what} took too long to read: {broken.words}") from None
        words = broken.words
    except (AttributeError, KeyError, TypeError, ValueError):
        # Only a child that is not ours any more answers like this.
        words = "the answer is damaged"
    raise Stalled(failed, f"{what} cannot be read: {words}", cure=cure)
