"""What was written down of promotions that are pull requests."""

from __future__ import annotations

from reconciler.db.promotions import Promotion
from reconciler.db.session import reading
from reconciler.flows.context import Context
from reconciler.release.facts import Pending
from reconciler.release.pull_requests import Fate
from reconciler.release.state import Reason

WAITING = (Fate.waits, Fate.rebuild, Fate.rejected)


def rows_of(context: Context, environment: str) -> list[Promotion]:
    """What was seen of an environment's promotions last."""
    with reading():
        return list(
            Promotion.select()
            .where(
                Promotion.organization == context.organization.slug,
                Promotion.project == context.project.slug,
                Promotion.environment == environment,
            )
            .order_by(Promotion.id)
        )


def pending_of(context: Context, environment: str) -> tuple[Pending, ...]:
    """Those that have not ended, as the release engine is told of them."""
    return tuple(
        Pending(row.digest, row.fate == Fate.rejected, Reason(row.code, row.message))
        for row in rows_of(context, environment)
        if row.fate in WAITING and row.code
    )
