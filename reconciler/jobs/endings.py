"""What the ending of a run means for the next one: the one table from error types to retry policy. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.db.owed import Claim
from reconciler.errors import LostRace, NotYet, ReconcilerError, Refused, Stalled, Transient
from reconciler.flows.outcome import Outcome

RELOOK = timedelta(seconds=60)
"""A person may have acted without telling us, so stalled work is looked at again this often."""

FIRST_BACKOFF = timedelta(seconds=1)
LONGEST_BACKOFF = timedelta(minutes=5)
JITTER = 0.25
"""Back-offs spread by this part, so that everything that failed together does not come back together."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What the row of the work will say. `attempts` counts failures in a row; `look_again_at` None: when asked."""

    outcome: str
    reason: str
    code: str = ""
    look_again_at: datetime | None = None
    attempts: int = 0


def of_outcome(outcome: Outcome) -> Ending:
    """The flow came to its end."""
    return Ending(outcome.kind, outcome.because, look_again_at=outcome.look_again_at)


def of_error(error: ReconcilerError, claim: Claim, *, now: datetime) -> Ending:
    """The flow could not come to its end, and says by its type what happens next."""
    match error:
        case Stalled():
            return Ending("stalled", str(error), error.code, now + RELOOK)
        case NotYet():
            return Ending("waiting", str(error), error.code, now + error.after)
        case Refused():
            return Ending("refused", str(error), error.code)
        case Transient() | LostRace():
            return Ending(
                "retrying", str(error), error.code, now + backoff(claim), attempts=claim.attempts + 1
            )
        case _:
            return of_surprise(error, claim, now=now)


def of_surprise(error: BaseException, claim: Claim, *, now: datetime) -> Ending:
    """Something nobody foresaw. Its text stays in the worker's log: it may hold anything, secrets too."""
    code = "E-JOB-002"
    return Ending(
        "failed",
        f"{code} the run ended in {type(error).__name__}. The worker's log has the traceback",
        code,
        now + backoff(claim),
        attempts=claim.attempts + 1,
    )


def of_timeout(seconds: int, claim: Claim, *, now: datetime) -> Ending:
    """The run took too long and was broken off."""
    code = "E-JOB-003"
    return Ending(
        "failed",
        f"{code} the run was broken off after {seconds} s",
        code,
        now + backoff(claim),
        attempts=claim.attempts + 1,
    )


def backoff(claim: Claim) -> timedelta:
    """1 s, 2 s, 4 s … up to five minutes, moved by up to a quarter; the same for the same work and attempt."""
    step: timedelta = FIRST_BACKOFF * 2 ** min(claim.attempts, 16)
    text = f"{claim.organization}\n{claim.project}\n{claim.kind}\n{claim.subject}\n{claim.attempts}"
    fraction = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32
    wait = min(step, LONGEST_BACKOFF) * (1 + JITTER * (2 * fraction - 1))
    return timedelta(milliseconds=wait // timedelta(milliseconds=1))
