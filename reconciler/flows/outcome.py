"""How a flow ended. No change is a normal outcome, and every outcome says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Outcome:
    """`kind` is counted by name; `because` is shown to people.

    `look_again_at` is when the same work is owed again by itself; None: when a nudge or the sweep brings it back.
    """

    kind: Literal["changed", "unchanged", "waiting"]
    because: str
    look_again_at: datetime | None = None
