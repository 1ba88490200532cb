"""How long a control plane that cannot answer now wants to be left alone."""

from __future__ import annotations

import re

from reconciler.errors import Transient

LONGEST_RETRY_AFTER = 900.0
"""An answer that asks for more patience than this does not get it: it may be a mistake, or an attacker's."""


class Overloaded(Transient):
    """The control plane asks to be asked again later: not before `retry_after` seconds, 0 where it did not say."""

    def __init__(self, code: str, message: str, *, retry_after: float) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


def read_retry_after(value: str) -> float:
    """Seconds of a `Retry-After`, bounded; 0 for a date, which needs two clocks that agree, and for anything else."""
    return min(float(value), LONGEST_RETRY_AFTER) if re.fullmatch(r"[0-9]{1,9}", value) else 0.0
