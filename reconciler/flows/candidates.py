"""The commits of trunk that automatic promotion has before it, as many of them as a decision can need."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.db.models import Commit
from reconciler.flows.context import Context
from reconciler.release.facts import TrunkCommit
from reconciler.release.state import EnvironmentState
from reconciler.release.trains import left_at

PAGE = 100
"""So many commits are read at once, and handed on at most twice as many: they are kept with each decision."""

COLUMNS = (
    Commit.sha,
    Commit.digest,
    Commit.subject,
    Commit.author_name,
    Commit.author_email,
    Commit.seen_at,
    Commit.position,
)


def candidates(
    context: Context, state: EnvironmentState, policy: EnvironmentPolicy, *, now: datetime
) -> tuple[TrunkCommit, ...]:
    """The compiled commits after the one that was promoted last, the newest first; only the newest one of all when that
    is not known. Call inside `reading`.

    Of more than `PAGE` those that the policy takes first: the oldest where each is taken in turn, otherwise the newest,
    and with a train the newest that it found.
    """
    if policy.after or policy.promote != "automatic":
        return ()
    promoted = state.files.promoted
    taken = None
    if promoted is not None:
        taken = Commit.get_or_none(
            Commit.organization == context.organization.slug,
            Commit.project == context.project.slug,
            Commit.sha == promoted.commit,
        )
    rows = compiled(context).select(*COLUMNS)
    if promoted is None or taken is None:
        newest = rows.order_by(Commit.position.desc()).limit(1)
        return _commits(row for row in newest if promoted is None or row.sha != promoted.commit)
    rows = rows.where(Commit.position > taken.position)
    if policy.take == "every":
        return _commits(_oldest(rows, state, int(taken.position), promoted.digest))
    found = list(rows.order_by(Commit.position.desc()).limit(PAGE))
    departure = left_at(policy.train, now) if policy.take == "train" and policy.train is not None else None
    if departure is not None and len(found) == PAGE and found[-1].seen_at > departure:
        aboard = rows.where(Commit.seen_at <= departure).order_by(Commit.position.desc()).limit(PAGE)
        found = [*found, *aboard]
    return _commits(found)


def compiled(context: Context):  # type: ignore[no-untyped-def]
    """The commits of trunk that became a bundle, as a query."""
    return Commit.select().where(
        Commit.organization == context.organization.slug,
        Commit.project == context.project.slug,
        Commit.state == "compiled",
    )


def once_compiled(context: Context):  # type: ignore[no-untyped-def]
    """The commits of trunk that became a bundle, those that are compiled again among them, as a query. Those keep their
    digest meanwhile; a commit that trunk came back to does not."""
    return Commit.select().where(
        Commit.organization == context.organization.slug,
        Commit.project == context.project.slug,
        (Commit.state == "compiled") | ((Commit.state == "found") & (Commit.digest != "")),
    )


def _oldest(rows, state: EnvironmentState, place: int, before: str) -> list[Commit]:  # type: ignore[no-untyped-def]
    """The first page behind `place` that brings something else than `before` which may ship and is not wished already;
    else the last one."""
    wished = state.files.release.digest if state.files.release is not None else ""
    while True:
        page = list(rows.where(Commit.position > place).order_by(Commit.position).limit(PAGE))
        for row in page:
            if row.digest not in (before, wished) and state.quarantined(row.digest) is None:
                return page[::-1]
            before = row.digest
        if len(page) < PAGE:
            return page[::-1]
        place = page[-1].position


def _commits(rows: Iterable[Commit]) -> tuple[TrunkCommit, ...]:
    return tuple(
        TrunkCommit(row.sha, row.digest, row.subject, f"{row.author_name} <{row.author_email}>", row.seen_at)
        for row in rows
    )
