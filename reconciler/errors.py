"""Errors whose type says what happens next. Only the job loop and the edges (CLI, HTTP) read the type.

A mistake of a config author is not an error but a finding (`reconciler.config.findings`). Misuse of our own
functions is a `RuntimeError` or `ValueError` and nobody catches it.
"""

from __future__ import annotations

from datetime import timedelta


class ReconcilerError(Exception):
    """Something went wrong outside us, and the caller can act on its type.

    `code` is stable and documented in `docs/errors.md`; `message` names what was being done, to what, what came
    and what was expected; `cure` says what a person can do, or is None where nobody has to.
    """

    def __init__(self, code: str, message: str, *, cure: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.cure = cure

    @property
    def words(self) -> str:
        """The message and its cure."""
        return f"{self.message}. {self.cure}" if self.cure else self.message

    def __str__(self) -> str:
        return f"{self.code} {self.words}"


class Stalled(ReconcilerError):
    """A person must act; trying again by ourselves will not help."""


class NotYet(ReconcilerError):
    """Normal waiting: look again after `after`. Not a fault and not an alert."""

    def __init__(self, code: str, message: str, *, after: timedelta, cure: str | None = None) -> None:
        super().__init__(code, message, cure=cure)
        self.after = after


class Transient(ReconcilerError):
    """The outside world is unwell: back off and try again."""


class LostRace(ReconcilerError):
    """Somebody else moved the thing first: read again and decide again."""


class Refused(ReconcilerError):
    """Hostile or broken input: never retried, always reported."""
