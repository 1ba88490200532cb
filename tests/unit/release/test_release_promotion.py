"""Automatic promotion: soak, the newest, every one, trains, and what is skipped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.trains import Train
from reconciler.release.actions import Promote
from reconciler.release.apply import Material, apply
from reconciler.release.branch import parse_branch
from reconciler.release.decide import decide
from reconciler.release.facts import Facts, Run, TrunkCommit
from reconciler.release.paths import PROMOTED
from reconciler.release.promotion import Waits, promote
from reconciler.release.state import (
    BranchFiles,
    Completed,
    EnvironmentState,
    Hold,
    Ledger,
    Promoted,
    Quarantine,
    Release,
)
from reconciler.release.trains import leaves_at, left_at

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a tuesday
HOUR = timedelta(hours=1)
ONE, TWO, THREE = ("sha256:" + digit * 64 for digit in "123")
PROD = EnvironmentPolicy(
    "prod", ("staging",), "1.0", "rolling", None, 1, 0, "automatic", "rollback", 10, 60, 30, soak_seconds=3600
)
TRAIN = Train("FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=10;BYMINUTE=0", "Europe/Berlin")
LIVE = Completed(ONE, "1" * 40, "r-0001", 3, NOW - 9 * HOUR)


def run(digest: str, since: float, until: float | None = None) -> Run:
    """A run in staging, in hours before NOW."""
    end = None if until is None else NOW - until * HOUR
    return Run(digest, digest[7] * 40, NOW - since * HOUR, end)


def answer(
    *runs: Run,
    policy: EnvironmentPolicy = PROD,
    wish: str = ONE,
    taken: str = ONE,
    more: dict[str, tuple[Run, ...]] | None = None,
    forbidden: dict[str, dict[str, str]] | None = None,
    **files: Any,
) -> Promote | Waits | None:
    ledger = Ledger(3, None, None, (LIVE,))
    promoted = Promoted("1" * 40, taken) if taken else None
    state = EnvironmentState("prod", BranchFiles(Release(wish), promoted=promoted, ledger=ledger, **files))
    facts = Facts(runs={"staging": runs, **(more or {})}, forbidden=forbidden or {})
    return promote(state, policy, facts, NOW)


def brief(found: Promote | Waits | None) -> str:
    if isinstance(found, Promote):
        skipped = "".join(commit[0] for commit in found.skipped)
        return f"takes {found.release.digest[7]}" + (f" skips {skipped}" if skipped else "")
    if found is None:
        return "nothing"
    hours = "" if found.until is None else f" {(found.until - NOW) / HOUR:g} h"
    return f"{found.reason.code}{hours}"


OLD = run(ONE, 9, 8)


@pytest.mark.parametrize("take", ["latest", "every"])
def test_what_an_environment_before_quarantines_is_not_promoted(take: str) -> None:
    wanted = replace(PROD, take=take)
    runs = (run(THREE, 2), run(TWO, 5, 2), OLD)
    assert brief(answer(*runs, policy=wanted)) == ("takes 3 skips 2" if take == "latest" else "takes 2")
    banned = {"latest": {THREE: "bad"}, "every": {TWO: "bad"}}[take]
    assert brief(answer(*runs, policy=wanted, forbidden={"staging": banned})) == (
        "takes 2" if take == "latest" else "takes 3 skips 2"
    )


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param((run(TWO, 2), OLD), "takes 2", id="soaked"),
        pytest.param((run(TWO, 1), OLD), "takes 2", id="soaked to the second"),
        pytest.param((run(TWO, 0.5), OLD), "W-REL-048 0.5 h", id="soaking"),
        pytest.param((run(THREE, 2), run(TWO, 5, 2), OLD), "takes 3 skips 2", id="the newest of two"),
        pytest.param((run(THREE, 0.5), run(TWO, 5, 0.5), OLD), "takes 2", id="the older one has soaked"),
        pytest.param((run(THREE, 0.5), run(TWO, 1, 0.5), OLD), "W-REL-048 0.5 h", id="the older one was cut short"),
        pytest.param((run(ONE, 2), run(TWO, 8, 2), run(ONE, 9, 8)), "nothing", id="staging went back"),
        pytest.param((OLD,), "nothing", id="nothing new"),
        pytest.param((), "nothing", id="nothing at all"),
    ],
)  # fmt: skip
def test_the_newest_that_has_soaked(runs: tuple[Run, ...], expected: str) -> None:
    assert brief(answer(*runs)) == expected


def test_what_staging_went_back_from_is_not_taken_however_long_it_ran() -> None:
    runs = run(ONE, 0.5), run(TWO, 8, 0.5), run(ONE, 8.5, 8), run(THREE, 12, 8.5)
    assert brief(answer(*runs, taken=THREE, wish=THREE)) == "W-REL-048 0.5 h"


def test_a_quarantine_a_hold_and_the_same_wish() -> None:
    soaked = run(TWO, 2), OLD
    assert brief(answer(*soaked, quarantine=(Quarantine(TWO, "bad"),))) == "W-REL-010"
    assert brief(answer(*soaked, holds=(Hold("x", "wait"),))) == "nothing"
    assert brief(answer(*soaked, wish=TWO)) == "nothing"
    assert brief(answer(*soaked, policy=replace(PROD, promote="manual"))) == "nothing"


def test_what_was_set_back_by_hand_is_not_taken_again() -> None:
    assert brief(answer(run(TWO, 2), OLD, taken=TWO)) == "nothing"
    assert brief(answer(run(THREE, 2), run(TWO, 5, 2), OLD, taken=TWO)) == "takes 3"


def test_at_first_only_the_newest_is_looked_at_and_nothing_that_ran_here_before() -> None:
    assert brief(answer(run(THREE, 2), run(TWO, 5, 2), taken="")) == "takes 3"
    assert brief(answer(run(ONE, 2), run(TWO, 5, 2), taken="")) == "nothing"


def test_every_predecessor_has_to_have_it_for_as_long() -> None:
    policy = replace(PROD, after=("staging", "canary"))
    mine = run(TWO, 4), OLD
    for theirs, expected in [
        ((run(TWO, 2),), "takes 2"),
        ((run(TWO, 0.25),), "W-REL-048 0.75 h"),
        ((run(ONE, 3),), "nothing"),
        ((), "nothing"),
    ]:
        assert brief(answer(*mine, policy=policy, more={"canary": theirs})) == expected
    assert brief(answer(*mine, policy=policy)) == "nothing"


EVERY = replace(PROD, take="every")


@pytest.mark.parametrize(
    ("runs", "given", "expected"),
    [
        pytest.param((run(THREE, 2), run(TWO, 5, 2), OLD), {}, "takes 2", id="the oldest first"),
        pytest.param((run(THREE, 2), run(TWO, 5, 2), OLD), {"wish": TWO}, "nothing", id="one after another"),
        pytest.param((run(THREE, 0.5), run(TWO, 1, 0.5), OLD), {}, "W-REL-048 0.5 h", id="one that never got ready"),
        pytest.param((run(THREE, 2), run(TWO, 2.5, 2), OLD), {}, "takes 3 skips 2", id="and is skipped"),
        pytest.param(
            (run(THREE, 2), run(TWO, 5, 2), OLD), {"quarantine": (Quarantine(TWO),)}, "takes 3 skips 2", id="forbidden"
        ),
    ],
)  # fmt: skip
def test_every_one_in_turn(runs: tuple[Run, ...], given: dict[str, Any], expected: str) -> None:
    assert brief(answer(*runs, policy=EVERY, **given)) == expected


def test_what_runs_already_keeps_nothing_back_that_comes_after_it() -> None:
    # TWO failed and was rolled back, a revert brought ONE again, and then came the repair.
    first = replace(EVERY, after=(), soak_seconds=0)
    reverted = TrunkCommit("3" * 40, ONE, "Revert", "Ada", NOW - 2 * HOUR)
    repaired = TrunkCommit("4" * 40, THREE, "Repair", "Ada", NOW - HOUR)
    files = BranchFiles(Release(ONE), promoted=Promoted("2" * 40, TWO), ledger=Ledger(3, None, None, (LIVE,)))
    state = EnvironmentState("prod", files)
    assert brief(promote(state, first, Facts(trunk=(reverted,)), NOW)) == "nothing"
    assert brief(promote(state, first, Facts(trunk=(repaired, reverted)), NOW)) == "takes 3 skips 3"


BY_TRAIN = replace(PROD, take="train", train=TRAIN)
"""The last train left at 09:00 UTC, three hours before NOW; the next leaves on thursday at 09:00, in 45 hours."""


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param((run(TWO, 4), OLD), "takes 2", id="was ready when it left"),
        pytest.param((run(TWO, 3.5), OLD), "W-REL-047 45 h", id="came too late for it"),
        pytest.param((run(THREE, 3.5), run(TWO, 5, 3.5), OLD), "takes 2", id="the newest that was ready"),
        pytest.param(
            (run(TWO, 1), run(THREE, 1.5, 1), run(TWO, 8, 1.5), OLD),
            "W-REL-047 45 h",
            id="came back too late for it",
        ),
    ],
)
def test_a_train_takes_what_was_ready(runs: tuple[Run, ...], expected: str) -> None:
    assert brief(answer(*runs, policy=BY_TRAIN)) == expected


def test_trains_leave_at_local_times() -> None:
    assert left_at(TRAIN, NOW) == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    assert leaves_at(TRAIN, NOW) == datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
    assert leaves_at(TRAIN, datetime(2026, 3, 31, 7, tzinfo=UTC)) == datetime(2026, 3, 31, 8, 0, tzinfo=UTC)
    assert left_at(TRAIN, datetime(2026, 11, 24, 9, 0, tzinfo=UTC)) == datetime(
        2026, 11, 24, 9, 0, tzinfo=UTC
    )
    skipped = Train("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Berlin")
    assert leaves_at(skipped, datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(
        2026, 3, 29, 0, 30, tzinfo=UTC
    )


def test_trunk_commits_come_in_turn_or_by_train_and_the_overtaken_are_named() -> None:
    first = replace(PROD, after=(), soak_seconds=0)
    commits = [
        TrunkCommit(digit * 40, digest, f"change {digit}", "Ada", NOW - hours * HOUR)
        for digit, digest, hours in (("3", THREE, 1), ("2", TWO, 4), ("1", ONE, 5))
    ]
    facts = Facts(trunk=tuple(commits))
    state = EnvironmentState(
        "prod",
        BranchFiles(Release(ONE), promoted=Promoted("1" * 40, ONE), ledger=Ledger(3, None, None, (LIVE,))),
    )
    for policy, expected in [
        (first, "takes 3 skips 2"),
        (replace(first, take="every"), "takes 2"),
        (replace(first, take="train", train=TRAIN), "takes 2"),
    ]:
        assert brief(promote(state, policy, facts, NOW)) == expected
    decision = decide(state, first, facts, now=NOW)
    edit = apply(decision.actions[0], state, because=decision.because, now=NOW, material=Material())
    assert ("Skipped", "2222222") in edit.said
    assert decision.because == "newest valid commit of trunk: change 3"


def test_a_bundle_that_was_wished_for_without_its_commit_is_taken_too() -> None:
    found = answer(replace(run(TWO, 2), commit=""), OLD)
    assert isinstance(found, Promote)
    state = EnvironmentState("prod", BranchFiles(ledger=Ledger()))
    edit = apply(found, state, because="x", now=NOW, material=Material())
    content = edit.files[PROMOTED]
    assert content is not None
    assert parse_branch({PROMOTED: content}).promoted == Promoted("", TWO)


def test_what_soaks_is_shown_and_looked_at_in_time() -> None:
    state = EnvironmentState(
        "prod",
        BranchFiles(Release(ONE), promoted=Promoted("1" * 40, ONE), ledger=Ledger(3, None, None, (LIVE,))),
    )
    facts = Facts(runs={"staging": (run(TWO, 0.5), OLD)})
    assert Facts.from_json(facts.to_json()) == facts
    decision = decide(state, PROD, facts, now=NOW)
    (reason,) = decision.waiting
    assert reason.message == (
        "2222222 (222222222222) is promoted at 2026-11-24T12:30:00Z: it runs in staging for 3600 s first"
    )
    assert decision.look_again_at == NOW + HOUR / 2
