"""The trunk commits that a decision is told of, when more are pending than it is told at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.trains import Train
from reconciler.db import session
from reconciler.db.models import Commit
from reconciler.flows.candidates import PAGE, candidates
from reconciler.release.actions import Promote
from reconciler.release.facts import Facts, TrunkCommit
from reconciler.release.promotion import promote
from reconciler.release.state import (
    BranchFiles,
    Completed,
    EnvironmentState,
    Ledger,
    Promoted,
    Quarantine,
    Release,
)
from tests.integration.environment_world import START, World, make_world, policy
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

EVERY = replace(policy("dev"), promote="automatic", take="every")
LIVE = Ledger(3, None, None, (Completed(f"sha256:{0:064x}", "", "r-0001", 3, START),))


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    return make_world(database, git_server, tmp_path)


def pushed(digests: Sequence[str], since: datetime = START) -> None:
    """A trunk of these digests, one a minute."""
    with session.writing():
        for number, one in enumerate(digests):
            at = since + timedelta(minutes=number)
            Commit.create(
                organization="acme", project="shop", sha=f"{number:040x}", position=number, author_name="Ada",
                author_email="ada@example.com", authored_at=at, subject=f"Change {number}", seen_at=at,
                state="compiled", digest=one,
            )  # fmt: skip


def told(
    world: World, files: BranchFiles, wanted: EnvironmentPolicy = EVERY, now: datetime = START
) -> tuple[TrunkCommit, ...]:
    with session.reading():
        return candidates(world.context, EnvironmentState("dev", files), wanted, now=now)


def taken(
    files: BranchFiles, trunk: tuple[TrunkCommit, ...], wanted: EnvironmentPolicy, now: datetime
) -> str:
    promotion = promote(EnvironmentState("dev", files), wanted, Facts(trunk=trunk), now)
    assert isinstance(promotion, Promote)
    return promotion.release.commit


def test_each_is_taken_in_turn_however_many_are_pending(world: World) -> None:
    pushed([digest(number) for number in range(2 * PAGE + 51)])
    last = START + timedelta(days=1)
    for number in (0, 1, PAGE, 2 * PAGE + 49):
        files = BranchFiles(promoted=Promoted(f"{number:040x}", digest(number)))
        trunk = told(world, files, now=last)
        assert len(trunk) <= PAGE
        assert taken(files, trunk, EVERY, last) == f"{number + 1:040x}"
    done = BranchFiles(promoted=Promoted(f"{2 * PAGE + 50:040x}", digest(2 * PAGE + 50)))
    assert told(world, done) == ()


def test_what_brings_nothing_or_may_not_ship_is_passed_over(world: World) -> None:
    # More of both than is read at once, before the one that can be taken.
    pushed([*[digest(0)] * (PAGE + 20), *[digest(1)] * (PAGE + 20), digest(2), digest(3)])
    files = BranchFiles(promoted=Promoted(f"{0:040x}", digest(0)), quarantine=(Quarantine(digest(1), "bad"),))
    last = START + timedelta(days=1)
    assert taken(files, told(world, files, now=last), EVERY, last) == f"{2 * PAGE + 40:040x}"


def test_a_page_of_what_runs_already_is_passed_over(world: World) -> None:
    pushed([digest(1), *[digest(0)] * (PAGE + 20), digest(2)])
    files = BranchFiles(Release(digest(0)), promoted=Promoted(f"{0:040x}", digest(1)), ledger=LIVE)
    last = START + timedelta(days=1)
    assert taken(files, told(world, files, now=last), EVERY, last) == f"{PAGE + 21:040x}"


def test_a_train_finds_what_was_ready_when_it_left(world: World) -> None:
    pushed([digest(number) for number in range(2 * PAGE)])
    rule = Train("FREQ=DAILY;BYHOUR=20;BYMINUTE=30;BYSECOND=0", "UTC")
    wanted = replace(EVERY, take="train", train=rule)
    departure = datetime(START.year, START.month, START.day, 20, 30, tzinfo=UTC)
    minutes = (departure - START) // timedelta(minutes=1)
    assert 0 < minutes < PAGE, "the rest came after the train had left"
    files = BranchFiles(promoted=Promoted(f"{0:040x}", digest(0)))
    now = START + timedelta(minutes=2 * PAGE)
    assert taken(files, told(world, files, wanted, now), wanted, now) == f"{minutes:040x}"
