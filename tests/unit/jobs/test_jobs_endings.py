"""The table from how a run ended to when the next one is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.db.owed import Claim
from reconciler.errors import LostRace, NotYet, ReconcilerError, Refused, Stalled, Transient
from reconciler.flows.outcome import Outcome
from reconciler.jobs import endings

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def claim(attempts: int = 0, project: str = "shop") -> Claim:
    return Claim(1, "acme", project, "trunk", "", 1, 1, attempts)


@pytest.mark.parametrize(
    ("error", "outcome", "after", "attempts"),
    [
        pytest.param(
            Stalled("E-X", "no"), "stalled", timedelta(seconds=60), 0, id="stalled looks again in a minute"
        ),
        pytest.param(
            NotYet("E-X", "no", after=timedelta(seconds=7)), "waiting", timedelta(seconds=7), 0, id="not yet"
        ),
        pytest.param(Refused("E-X", "no"), "refused", None, 0, id="refused is never tried again"),
    ],
)
def test_errors_with_a_moment_of_their_own(
    error: ReconcilerError, outcome: str, after: timedelta | None, attempts: int
) -> None:
    ending = endings.of_error(error, claim(3), now=NOW)
    assert (ending.outcome, ending.code, ending.attempts) == (outcome, "E-X", attempts)
    assert ending.look_again_at == (None if after is None else NOW + after)
    assert ending.reason == "E-X no"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param(Transient("E-X", "no"), "retrying", id="transient"),
        pytest.param(LostRace("E-X", "no"), "retrying", id="a race lost too often"),
        pytest.param(ReconcilerError("E-X", "no"), "failed", id="an error of no known type"),
    ],
)
def test_errors_that_back_off(error: ReconcilerError, outcome: str) -> None:
    ending = endings.of_error(error, claim(2), now=NOW)
    assert (ending.outcome, ending.attempts) == (outcome, 3)
    assert ending.look_again_at == NOW + endings.backoff(claim(2))


def test_backing_off_doubles_up_to_five_minutes_and_is_spread() -> None:
    for attempts, seconds in ((0, 1), (1, 2), (5, 32), (8, 256), (9, 300), (100, 300), (10**6, 300)):
        wait = endings.backoff(claim(attempts)).total_seconds()
        assert 0.75 * seconds <= wait <= 1.25 * seconds
    assert endings.backoff(claim(9)) == endings.backoff(claim(9))
    assert len({endings.backoff(claim(9, project=f"p{n}")) for n in range(20)}) == 20


def test_a_surprise_does_not_show_its_text() -> None:
    ending = endings.of_surprise(ValueError("token hunter2"), claim(1), now=NOW)
    assert (ending.outcome, ending.code, ending.attempts) == ("failed", "E-JOB-002", 2)
    assert "ValueError" in ending.reason
    assert "hunter2" not in ending.reason


def test_a_timeout_says_how_long_it_was() -> None:
    ending = endings.of_timeout(600, claim(), now=NOW)
    assert (ending.outcome, ending.code, ending.attempts) == ("failed", "E-JOB-003", 1)
    assert "600 s" in ending.reason


def test_an_outcome_says_itself_when_to_look_again() -> None:
    ending = endings.of_outcome(Outcome("waiting", "gate heartbeat 3/4", NOW + timedelta(seconds=5)))
    assert (ending.outcome, ending.reason, ending.attempts) == ("waiting", "gate heartbeat 3/4", 0)
    assert ending.look_again_at == NOW + timedelta(seconds=5)
