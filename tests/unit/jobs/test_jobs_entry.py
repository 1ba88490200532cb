"""A run: claimed, done, written down, whatever the flow does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rq.timeouts import JobTimeoutException

from reconciler.db import session
from reconciler.db.models import Event, Work
from reconciler.db.owed import LEASE, ask, claim, due
from reconciler.errors import LostRace, NotYet, Refused, Stalled, Transient
from reconciler.flows.outcome import Outcome
from reconciler.jobs import entry
from reconciler.jobs.endings import Ending
from reconciler.settings import Settings

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
KEY = ("acme", "shop", "trunk", "")

CONFIG = """\
organization "acme" {
    name "Acme"
    keys { bundle "file:b"; pointer "file:p"; commit "file:c"; root "file:r" }
    project "shop" { repository "http://127.0.0.1:1/shop.git"; trunk "main" }
}
"""

Step = Callable[[Any, str, Callable[[], None]], Outcome]


def perform(settings: Settings, flow: Step, *, at: datetime = NOW) -> Ending | None:
    settings.config_file.parent.mkdir(parents=True, exist_ok=True)
    settings.config_file.write_text(CONFIG)
    return entry.perform(settings, {}, *KEY, flows=lambda kind: flow, now=lambda: at)


def row() -> Work:
    with session.reading():
        found: Work = Work.get()
        return found


def raising(error: BaseException) -> Step:
    def flow(context: Any, subject: str, renewed: Callable[[], None]) -> Outcome:
        raise error

    return flow


def done(context: Any, subject: str, renewed: Callable[[], None]) -> Outcome:
    return Outcome("changed", "compiled")


def test_work_that_is_not_owed_runs_no_flow(database: Settings) -> None:
    assert perform(database, raising(AssertionError("ran"))) is None


def test_work_that_somebody_holds_runs_no_flow(database: Settings) -> None:
    ask(*KEY, now=NOW)
    assert claim(*KEY, holder="other", now=NOW) is not None
    assert perform(database, raising(AssertionError("ran"))) is None


def test_a_run_gets_its_project_and_is_written_down(database: Settings) -> None:
    seen = []

    def flow(context: Any, subject: str, renewed: Callable[[], None]) -> Outcome:
        seen.append((context.project.slug, context.organization.slug, subject))
        renewed()
        return Outcome("changed", "compiled")

    ask(*KEY, now=NOW)
    assert perform(database, flow) is not None
    assert seen == [("shop", "acme", "")]
    assert (row().outcome, row().reason, row().attempts, row().holder) == ("changed", "compiled", 0, "")
    assert due(NOW) == []
    with session.reading():
        assert Event.select().count() == 0


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        pytest.param(Stalled("E-X-1", "a person must act"), "stalled", "E-X-1", id="stalled"),
        pytest.param(Refused("E-X-2", "hostile"), "refused", "E-X-2", id="refused"),
        pytest.param(Transient("E-X-3", "away"), "retrying", "E-X-3", id="transient"),
        pytest.param(NotYet("E-X-4", "later", after=timedelta(1)), "waiting", "E-X-4", id="not yet"),
        pytest.param(ZeroDivisionError("secret"), "failed", "E-JOB-002", id="a surprise"),
        pytest.param(JobTimeoutException("x"), "failed", "E-JOB-003", id="a timeout"),
    ],
)
def test_every_error_ends_in_the_row(
    database: Settings, error: BaseException, outcome: str, code: str
) -> None:
    ask(*KEY, now=NOW)
    ending = perform(database, raising(error))
    assert ending is not None
    assert (ending.outcome, ending.code) == (outcome, code)
    assert row().outcome == outcome
    assert row().reason.startswith(code)
    assert row().due_at == ending.look_again_at
    assert row().holder == ""


def test_a_surprise_has_its_traceback_in_the_log_only(
    database: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ask(*KEY, now=NOW)
    with caplog.at_level(logging.INFO):
        perform(database, raising(ZeroDivisionError("hunter2")))
    assert "Traceback" in caplog.text
    assert "hunter2" not in row().reason


def test_a_lost_race_is_run_again_at_once(database: Settings) -> None:
    runs = []

    def flow(context: Any, subject: str, renewed: Callable[[], None]) -> Outcome:
        runs.append(context)
        if len(runs) < 3:
            raise LostRace("E-X", "the branch moved")
        return Outcome("changed", "third time")

    ask(*KEY, now=NOW)
    perform(database, flow)
    assert row().reason == "third time"
    assert len({id(context) for context in runs}) == 3, "each run reads the world anew"


def test_races_are_not_run_for_ever(database: Settings) -> None:
    runs = []

    def flow(context: Any, subject: str, renewed: Callable[[], None]) -> Outcome:
        runs.append(1)
        raise LostRace("E-X", "the branch moved")

    ask(*KEY, now=NOW)
    perform(database, flow)
    assert len(runs) == entry.RACES
    assert (row().outcome, row().attempts) == ("retrying", 1)


def test_failures_in_a_row_wait_longer_and_a_success_ends_the_row(database: Settings) -> None:
    moment = NOW
    waits = []
    ask(*KEY, now=NOW)
    for _ in range(4):
        ending = perform(database, raising(Transient("E-X", "away")), at=moment)
        assert ending is not None
        assert ending.look_again_at is not None
        waits.append((ending.look_again_at - moment).total_seconds())
        moment = ending.look_again_at
    assert waits == sorted(waits)
    assert waits[-1] > 5
    perform(database, done, at=moment)
    assert row().attempts == 0


def test_a_holder_that_lost_its_lease_stops_and_writes_nothing(database: Settings) -> None:
    ask(*KEY, now=NOW)
    later = NOW + LEASE

    def flow(context: Any, subject: str, renewed: Callable[[], None]) -> Outcome:
        assert claim(*KEY, holder="other", now=later) is not None
        renewed()
        raise AssertionError("the renewal should have stopped the run")

    assert perform(database, flow) is None
    assert (row().holder, row().outcome) == ("other", "")


def test_a_late_holder_cannot_finish(database: Settings) -> None:
    ask(*KEY, now=NOW)

    def flow(context: Any, subject: str, renewed: Callable[[], None]) -> Outcome:
        assert claim(*KEY, holder="other", now=NOW + LEASE) is not None
        return Outcome("changed", "too late")

    perform(database, flow)
    assert (row().holder, row().outcome) == ("other", "")


def test_a_long_step_keeps_its_lease(database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(entry, "LEASE", timedelta(milliseconds=60))
    ticks = iter(NOW + timedelta(seconds=n) for n in range(1000))
    ask(*KEY, now=NOW)

    def flow(context: Any, subject: str, renewed: Callable[[], None]) -> Outcome:
        with session.reading():
            before = Work.get().leased_until
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with session.reading():
                if Work.get().leased_until > before:
                    return Outcome("changed", "renewed")
            time.sleep(0.01)
        return Outcome("changed", "not renewed")

    settings = database
    settings.config_file.parent.mkdir(parents=True, exist_ok=True)
    settings.config_file.write_text(CONFIG)
    entry.perform(settings, {}, *KEY, flows=lambda kind: flow, now=lambda: next(ticks))
    assert row().reason == "renewed"


def test_a_request_during_a_run_is_owed_after_it(database: Settings) -> None:
    def flow(context: Any, subject: str, renewed: Callable[[], None]) -> Outcome:
        ask(*KEY, now=NOW)
        ask(*KEY, now=NOW)
        return Outcome("changed", "first")

    ask(*KEY, now=NOW)
    perform(database, flow)
    assert len(due(NOW)) == 1
    perform(database, done)
    assert due(NOW) == []


def test_trouble_makes_one_event_until_it_changes(database: Settings) -> None:
    for reason in ("first", "first", "second"):
        ask(*KEY, now=NOW)
        perform(database, raising(Stalled("E-X", reason)))
    with session.reading():
        events = [(event.kind, event.message, event.details) for event in Event.select().order_by(Event.id)]
    assert events == [
        ("work.stalled", "E-X first", {"kind": "trunk", "code": "E-X"}),
        ("work.stalled", "E-X second", {"kind": "trunk", "code": "E-X"}),
    ]


def test_a_project_that_is_not_configured_stalls(database: Settings) -> None:
    database.config_file.parent.mkdir(parents=True, exist_ok=True)
    database.config_file.write_text(CONFIG)
    ask("acme", "gone", "trunk", now=NOW)
    ending = entry.perform(
        database, {}, "acme", "gone", "trunk", "", flows=lambda kind: done, now=lambda: NOW
    )
    assert ending is not None
    assert (ending.outcome, ending.code) == ("stalled", "E-SET-006")


def test_an_unknown_kind_stalls(database: Settings, tmp_path: Path) -> None:
    ask("acme", "shop", "dance", now=NOW)
    ending = entry.perform(database, {}, "acme", "shop", "dance", "", now=lambda: NOW)
    assert ending is not None
    assert (ending.outcome, ending.code) == ("stalled", "E-JOB-004")
