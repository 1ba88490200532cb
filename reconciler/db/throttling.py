"""Slows down who guesses: passwords by account and address together, by address, and by account; answers that another
site is said to have given by address; second factors by person.

An attempt is counted before anything is looked at, so that many at once gain nothing, and taken back when it was
right. Nothing here says whether an account exists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from reconciler.db.people import SignInAttempts
from reconciler.db.session import is_sqlite, writing

WINDOW = timedelta(minutes=15)
"""Without an attempt for this long everything but factors is forgotten; nobody is kept out for longer at once."""

FACTOR_WINDOW = timedelta(days=1)
"""Without an attempt for this long those at a factor are forgotten: its codes are short, and who guesses them has the
password already."""

FREE = {"both": 5, "address": 30, "account": 50, "answer": 30, "factor": 5}
"""Attempts that cost nothing. Whole networks share an address, and nobody may lock out somebody else easily."""

FIRST = timedelta(seconds=5)

FACTORS = "factor:"


class _Blocked(Exception):
    """Undoes what was begun: who has to wait is not counted, and leaves nothing."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.wait = wait


def of_password(email: str, address: str) -> dict[str, str]:
    """Whom an attempt at a password is counted against."""
    account = email.strip().lower()
    return _subjects({"both": f"{account}\n{address}", "address": address, "account": account})


def of_answer(way: str, address: str) -> dict[str, str]:
    """Whom an answer that came over another site is counted against."""
    return _subjects({"answer": f"{way}\n{address}"})


def of_factor(person: str, factor: str) -> dict[str, str]:
    """Whom an attempt at a second factor is counted against."""
    return _subjects({"factor": f"{person}\n{factor}"})


def admit(subjects: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Count an attempt; None when it may go on, else how long nobody may try."""
    with writing():
        factor = SignInAttempts.subject.startswith(FACTORS)
        SignInAttempts.delete().where(
            (~factor & (SignInAttempts.last_at < now - WINDOW))
            | (factor & (SignInAttempts.last_at < now - FACTOR_WINDOW))
        ).execute()
    try:
        with writing():
            _count(subjects, now)
    except _Blocked as blocked:
        return blocked.wait
    return None


def forgive(subjects: Mapping[str, str]) -> None:
    """Take an attempt back that was right; what others tried on the account stays counted."""
    own = {subjects[kind] for kind in ("both", "factor") if kind in subjects}
    with writing():
        # In the order in which `admit` takes them, or the two could wait for each other.
        for subject in sorted(subjects.values()):
            if subject in own:
                SignInAttempts.delete().where(SignInAttempts.subject == subject).execute()
            else:
                SignInAttempts.update(count=SignInAttempts.count - 1, blocked_until=None).where(
                    SignInAttempts.subject == subject, SignInAttempts.count > 0
                ).execute()


def _count(subjects: Mapping[str, str], now: datetime) -> None:
    """Count one more of each. Raises `_Blocked`."""
    known = SignInAttempts.subject.in_(list(subjects.values()))
    if not is_sqlite():
        # The rows are there and ours before they are read, always in the same order: whoever tries at the same moment
        # waits here, and then sees this attempt. On SQLite nobody else is in a transaction that writes.
        SignInAttempts.insert_many(
            {"subject": subject, "count": 0, "last_at": now} for subject in sorted(subjects.values())
        ).on_conflict(
            conflict_target=[SignInAttempts.subject], update={SignInAttempts.last_at: SignInAttempts.last_at}
        ).execute()
    rows = {row.subject: row for row in SignInAttempts.select().where(known)}
    longest = max(
        (row.blocked_until - now for row in rows.values() if row.blocked_until), default=timedelta()
    )
    if longest > timedelta():
        raise _Blocked(longest)
    for kind, subject in subjects.items():
        count = (rows[subject].count if subject in rows else 0) + 1
        over = count - FREE[kind]
        blocked = now + min(WINDOW, FIRST * 2 ** min(over - 1, 20)) if over > 0 else None
        SignInAttempts.insert(subject=subject, count=count, last_at=now, blocked_until=blocked).on_conflict(
            conflict_target=[SignInAttempts.subject],
            update={
                SignInAttempts.count: count,
                SignInAttempts.last_at: now,
                SignInAttempts.blocked_until: blocked,
            },
        ).execute()


def _subjects(named: Mapping[str, str]) -> dict[str, str]:
    """The kind goes before the digest: what somebody types as an address is never what a factor is counted by."""
    return {
        kind: f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}"[: SignInAttempts.subject.max_length]
        for kind, text in named.items()
    }
