"""How long a control plane that cannot answer now wants to be left alone."""

from __future__ import annotations

import re

from reconciler.errors import Transient

LONGEST_RETRY_AFTER = 900.0
"""An answer that asks for more patience than this does not get it: it may be a mistake, or an attacker's."""

LONG_RETRY_AFTER = 60.0


class Overloaded(Transient):
    """The control plane asks to be asked again later: not before `retry_after` seconds, 0 where it did not say."""

    def __init__(self, code: str, message: str, *, retry_after: float) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


def asks_for_long(error: Transient) -> bool:
    """Whether somebody wants to be left alone for so long that the node would be taken for silent, did it wait for a
    bundle with everything else."""
    return isinstance(error, Overloaded) and error.retry_after > LONG_RETRY_AFTER


def read_retry_after(value: str) -> float:
    """Seconds of a `Retry-After`, bounded; 0 for a date, which needs two clocks that agree, and for anything else."""
    return min(float(value), LONGEST_RETRY_AFTER) if re.fullmatch(r"[0-9]{1,9}", value) else 0.0
