"""Work that is owed: the table that says what to look at, and the leases of those who look.

The queue is a hint; this table is the truth. `reconciler.db.models.Work` says what the columns mean. A lease saves
work and is never needed for correctness, since every effect is put-if-absent, compare-and-swap or a unique row.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import Case

from reconciler.db.many import run
from reconciler.db.models import Work
from reconciler.db.session import reading, writing
from reconciler.db.table import database
from reconciler.errors import LostRace

LEASE = timedelta(seconds=15)
"""How long the work of a worker that died stays with it. A living one renews every third of this."""

DUE_LIMIT = 1000
"""More owed work than this is dispatched in the next round."""


_ASK = """
INSERT INTO work (
    organization, project, kind, subject, wanted, due_at, known, done, attempts, holder, fence, outcome, reason
) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, '', 0, '', '') ON CONFLICT (organization, project, kind, subject) DO UPDATE SET
"""
"""Written out, for every webhook and many a heartbeat asks."""


class LeaseLost(LostRace):
    """Somebody else has the work by now: stop, and write nothing."""


@dataclass(frozen=True, slots=True)
class Owed:
    """Work that is owed now and that nobody holds. `generation` changes with each claim.

    Requests before the next claim share it, and so they share a job; those during a run have the next one.
    """

    organization: str
    project: str
    kind: str
    subject: str
    generation: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do some work until the lease ends. `attempts` counts the failures in a row before this run.

    `known`: whoever asked had seen the branches, and nobody has asked for a new look at them since.
    """

    id: int
    organization: str
    project: str
    kind: str
    subject: str
    wanted: int
    fence: int
    attempts: int
    known: bool = False


def ask(
    organization: str,
    project: str,
    kind: str,
    subject: str = "",
    *,
    now: datetime,
    due_at: datetime | None = None,
    known: bool = False,
) -> None:
    """Ask for work: at once, or at `due_at` when that lies in the future. Joins the transaction it is called in.

    A request during a run causes exactly one more run, however many requests there are. Of several moments the
    earliest counts. `known`: in this transaction `Repository` is written, so the branches need not be fetched again;
    of several requests each has to say so.
    """
    later = due_at if due_at is not None and due_at > now else None
    if later is not None:
        moment = Work.due_at.db_value(later)
        values = (0, moment, False)
        update, more = "due_at = CASE WHEN work.due_at < ? THEN work.due_at ELSE ? END", (moment, moment)
    else:
        values = (1, None, known)
        update = "wanted = work.wanted + 1, known = CASE WHEN work.wanted > work.done THEN work.known AND ? ELSE ? END"
        more = (known, known)
    with nullcontext() if database.in_transaction() else writing():
        # One statement that cannot fail by itself needs no savepoint within its transaction.
        run(f"{_ASK} {update}", (organization, project, kind, subject, *values, *more))


def claim(
    organization: str,
    project: str,
    kind: str,
    subject: str = "",
    *,
    holder: str,
    now: datetime,
    lease: timedelta = LEASE,
) -> Claim | None:
    """Take the work until `now + lease`, or None when it is not owed or somebody holds it. One atomic update."""
    # What is owed for another reason than a request has nobody who has seen the branches.
    requested = (
        (Work.wanted > Work.done) & (Work.due_at.is_null() | (Work.due_at > now)) & (Work.holder == "")
    )
    with writing():
        taken = (
            Work.update(
                holder=holder,
                fence=Work.fence + 1,
                leased_until=now + lease,
                due_at=None,
                known=Case(None, [(requested, Work.known)], False),
            )
            .where(
                Work.organization == organization,
                Work.project == project,
                Work.kind == kind,
                Work.subject == subject,
                _owed_at(now),
            )
            .execute()
        )
        if not taken:
            return None
        # The update holds the row until the transaction ends, so this reads what it wrote.
        row = Work.get(
            Work.organization == organization,
            Work.project == project,
            Work.kind == kind,
            Work.subject == subject,
        )
        return Claim(
            id=row.id,
            organization=organization,
            project=project,
            kind=kind,
            subject=subject,
            wanted=row.wanted,
            fence=row.fence,
            attempts=row.attempts,
            known=row.known,
        )


def renew(claim: Claim, *, now: datetime, lease: timedelta = LEASE) -> None:
    """Hold on to the work until `now + lease`. Raises `LeaseLost` when somebody else has taken it since."""
    with writing():
        kept = (
            Work.update(leased_until=now + lease)
            .where(Work.id == claim.id, Work.fence == claim.fence, Work.holder != "")
            .execute()
        )
    if not kept:
        raise LeaseLost(
            "E-DB-004",
            f"the lease on {claim.kind} '{claim.subject}' of project '{claim.project}' has gone to another worker",
        )


def finish(
    claim: Claim,
    outcome: str,
    reason: str,
    *,
    now: datetime,
    look_again_at: datetime | None = None,
    attempts: int = 0,
) -> bool:
    """Give the work back with how it ended; False, and nothing is written, when the lease was lost.

    What was asked for before the claim is done, whatever the outcome; what was asked for since is owed. The work is
    owed again at `look_again_at`, or at an earlier moment somebody asked for meanwhile.
    """
    again = Work.due_at if look_again_at is None else _earliest(look_again_at)
    with writing():
        return bool(
            Work.update(
                done=claim.wanted,
                outcome=outcome,
                reason=reason,
                finished_at=now,
                holder="",
                leased_until=None,
                due_at=again,
                attempts=attempts,
            )
            .where(Work.id == claim.id, Work.fence == claim.fence, Work.holder != "")
            .execute()
        )


def due(
    now: datetime, *, organization: str | None = None, project: str | None = None, limit: int = DUE_LIMIT
) -> list[Owed]:
    """What is owed at `now` and held by nobody, the oldest row first; of one organization or project if given."""
    query = Work.select().where(_owed_at(now))
    if organization is not None:
        query = query.where(Work.organization == organization)
    if project is not None:
        query = query.where(Work.project == project)
    with reading():
        return [
            Owed(row.organization, row.project, row.kind, row.subject, str(row.fence))
            for row in query.order_by(Work.id).limit(limit)
        ]


def _owed_at(now: datetime) -> Any:
    """Nobody holds it, and it was asked for, or its moment has come, or its holder died without finishing."""
    free = Work.leased_until.is_null() | (Work.leased_until <= now)
    return free & ((Work.wanted > Work.done) | (Work.due_at <= now) | (Work.holder != ""))


def _earliest(moment: datetime) -> Any:
    """The row's own moment if it has an earlier one, else `moment`."""
    return Case(None, [(Work.due_at < moment, Work.due_at)], Work.due_at.db_value(moment))
