"""What somebody asked for over the JSON interface is made once, and whoever asked is told what became of it."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.db import asking
from reconciler.db.changes import Change
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome


def make_asked(context: Context, subject: str, make: Callable[[Change], Outcome]) -> Outcome:
    """Make the change of that id, unless it was made. One that cannot be made says why, and is not tried again."""
    row = asking.one(context.organization.slug, context.project.slug, subject)
    if row is None or row.state != "asked":
        return Outcome("unchanged", f"the change {subject} has ended")
    try:
        return make(row)
    except (Stalled, Refused) as refusal:
        asking.finish(row, "refused", now=context.now(), code=refusal.code, message=refusal.words)
        return Outcome("unchanged", f"the change {subject} is refused: {refusal.message}")
