"""What was decided, and everything a page needs to say why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.release.actions import Action
from reconciler.release.state import NO_COUNTS, Judgement, Reason


@dataclass(frozen=True, slots=True)
class Decision:
    """`actions` holds at most one action: the next decision looks at what its commit left behind.

    `look_again_at` None: nothing changes by time alone. `verdicts` and `counts` are those of the active step, empty
    when there is none.
    """

    actions: tuple[Action, ...]
    because: str
    look_again_at: datetime | None = None
    waiting: tuple[Reason, ...] = ()
    verdicts: tuple[Judgement, ...] = ()
    counts: Mapping[str, int] = field(default_factory=lambda: NO_COUNTS)


def act(action: Action, because: str) -> Decision:
    """Do one thing."""
    return Decision((action,), because)


def wait(*reasons: Reason, until: datetime | None = None) -> Decision:
    """Do nothing, for these reasons (at least one)."""
    return Decision((), "; ".join(reason.message for reason in reasons), until, reasons)
