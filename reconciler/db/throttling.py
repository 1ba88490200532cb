"""Slows down who tries passwords: by account and address together, by address, and by account.

An attempt is counted before the password is looked at, so that many at once gain nothing, and taken back when it was
right. Nothing here says whether an account exists.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from reconciler.db.people import SignInAttempts
from reconciler.db.session import writing

WINDOW = timedelta(minutes=15)
"""Without an attempt for this long everything is forgotten; nobody is kept out for longer than this at once."""

FREE = {"both": 5, "address": 30, "account": 50}
"""Attempts that cost nothing. Whole networks share an address, and nobody may lock out somebody else easily."""

FIRST = timedelta(seconds=5)


def admit(email: str, address: str, *, now: datetime) -> timedelta | None:
    """Count an attempt; None when it may go on, else how long nobody may try."""
    with writing():
        SignInAttempts.delete().where(SignInAttempts.last_at < now - WINDOW).execute()
        subjects = _subjects(email, address)
        # The rows are there and ours before they are read, always in the same order: whoever tries at the same moment
        # waits here, and then sees this attempt.
        SignInAttempts.insert_many(
            {"subject": subject, "count": 0, "last_at": now} for subject in sorted(subjects.values())
        ).on_conflict(
            conflict_target=[SignInAttempts.subject], update={SignInAttempts.last_at: SignInAttempts.last_at}
        ).execute()
        rows = {
            row.subject: row
            for row in SignInAttempts.select().where(SignInAttempts.subject.in_(list(subjects.values())))
        }
        waits = [row.blocked_until - now for row in rows.values() if row.blocked_until is not None]
        longest = max(waits, default=timedelta())
        if longest > timedelta():
            return longest
        for kind, subject in subjects.items():
            count = rows[subject].count + 1
            over = count - FREE[kind]
            blocked = now + min(WINDOW, FIRST * 2 ** min(over - 1, 20)) if over > 0 else None
            SignInAttempts.update(count=count, last_at=now, blocked_until=blocked).where(
                SignInAttempts.subject == subject
            ).execute()
    return None


def forgive(email: str, address: str) -> None:
    """Take an attempt back that was right; what others tried on the account stays counted."""
    subjects = _subjects(email, address)
    with writing():
        SignInAttempts.delete().where(SignInAttempts.subject == subjects["both"]).execute()
        SignInAttempts.update(count=SignInAttempts.count - 1, blocked_until=None).where(
            SignInAttempts.subject.in_([subjects["address"], subjects["account"]]), SignInAttempts.count > 0
        ).execute()


def _subjects(email: str, address: str) -> dict[str, str]:
    named = {
        "both": f"{email.strip().lower()}\n{address}",
        "address": address,
        "account": email.strip().lower(),
    }
    return {kind: hashlib.sha256(f"{kind}\n{text}".encode()).hexdigest() for kind, text in named.items()}
