"""Promotions that are pull requests: what becomes of each, and what the environment says meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.actions import NoteTaken
from reconciler.release.apply import Material, apply
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts, Pending, TrunkCommit
from reconciler.release.paths import PROMOTED
from reconciler.release.promotion import promote
from reconciler.release.pull_requests import Forge, Proposed, judge_pull
from reconciler.release.state import (
    BranchFiles,
    Completed,
    EnvironmentState,
    Ledger,
    Promoted,
    Reason,
    Release,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ONE, TWO, THREE = ("sha256:" + digit * 64 for digit in "123")
PROD = EnvironmentPolicy(
    "prod", (), "1.0", "rolling", None, 1, 0, "automatic", "pause", 10, 60, 30, pull_request="people"
)
LIVE = Completed(ONE, "1" * 40, "r-0001", 3, NOW)
FROZEN = Reason("W-REL-014", "frozen")


def state(digest: str = ONE) -> EnvironmentState:
    files = BranchFiles(Release(digest), promoted=Promoted("1" * 40, ONE), ledger=Ledger(3, history=(LIVE,)))
    return EnvironmentState("prod", files)


@pytest.mark.parametrize(
    ("said", "policy", "newer", "against", "expected"),
    [
        ({"forge": Forge.none, "number": 0}, "people", "", (), "waits W-REL-150"),
        ({"forge": Forge.none, "number": 0, "problem": "no token"}, "auto", "", (), "waits W-REL-153"),
        ({}, "people", "", (), "waits W-REL-150"),
        ({}, "people", TWO, (), "waits W-REL-150"),
        ({}, "auto", "", (), "merge"),
        ({}, "auto", TWO, (FROZEN,), "waits W-REL-155"),
        ({"others": ("holds/x.kdl",)}, "people", "", (), "waits W-REL-150"),
        ({"others": ("holds/x.kdl",)}, "auto", "", (), "waits W-REL-154"),
        ({"forge": Forge.closed}, "people", "", (), "rejected W-REL-151"),
        ({"forge": Forge.closed}, "auto", TWO, (), "rejected W-REL-151"),
        ({"forge": Forge.closed}, "auto", THREE, (), "superseded"),
        ({}, "people", THREE, (), "superseded"),
        ({"ours": False}, "people", THREE, (), "waits W-REL-150"),
        ({"ours": False}, "auto", THREE, (), "merge"),
        ({"conflicts": True}, "people", "", (), "rebuild W-REL-150"),
        ({"conflicts": True}, "auto", TWO, (), "rebuild W-REL-150"),
        ({"conflicts": True, "forge": Forge.closed}, "auto", "", (), "rejected W-REL-151"),
        ({"conflicts": True, "ours": False}, "auto", "", (), "waits W-REL-152"),
        ({"forge": Forge.merged}, "people", "", (), "done"),
        ({"release": Release(ONE)}, "people", "", (), "done"),
        ({"release": Release(ONE), "forge": Forge.closed}, "people", TWO, (), "done"),
        ({"release": Release(ONE, only="a=b")}, "people", "", (), "waits W-REL-150"),
    ],
)
def test_what_becomes_of_one(
    said: dict[str, Any], policy: str, newer: str, against: tuple[Reason, ...], expected: str
) -> None:
    fields: dict[str, Any] = {"number": 7, "forge": Forge.open, "release": Release(TWO), **said}
    one = Proposed("promote/prod/222222222222", **fields)
    found = judge_pull(one, state(), replace(PROD, pull_request=policy), newer=newer, against=against)
    assert " ".join((found.fate, *((found.reason.code,) if found.reason else ()))) == expected
    if found.reason is not None:
        where = "pull request 7" if one.number else one.branch
        assert where in found.reason.message
        assert "for prod" in found.reason.message
        assert all(reason.message in found.reason.message for reason in against)


def decided(*trunk: str, pending: tuple[Pending, ...] = (), wish: str = ONE, **changes: Any) -> Decision:
    commits = tuple(TrunkCommit(digest[7] * 40, digest, at=NOW) for digest in trunk)
    facts = Facts(trunk=commits, bundles={ONE: True, TWO: True, THREE: True}, pending=pending)
    return decide(state(wish), replace(PROD, **changes), facts, now=NOW)


def test_nothing_is_promoted_on_the_branch_itself() -> None:
    found = decided(TWO)
    assert not found.actions
    assert [one.code for one in found.waiting] == ["W-REL-157"]
    open_one = Pending(TWO, False, Reason("W-REL-150", "pull request 7 asks for it"))
    assert decided(TWO, pending=(open_one,)).waiting == (open_one.reason,)
    assert [type(one).__name__ for one in decided(TWO, pull_request="").actions] == ["Promote"]


def test_what_is_merged_is_noted_once_with_what_it_overtook() -> None:
    (action,) = decided(THREE, TWO, wish=THREE).actions
    assert action == NoteTaken(Promoted("3" * 40, THREE), ("2" * 40,))
    edit = apply(action, state(THREE), because="", now=NOW, material=Material())
    assert (list(edit.files), edit.event) == ([PROMOTED], "release.promoted")
    assert dict(edit.said) == {"Commit": "3" * 40, "Skipped": "2222222"}
    assert "NoteTaken" not in str(decided(THREE, TWO, wish=THREE, promote="manual").actions)
    assert not decided(TWO, wish=ONE).actions


@pytest.mark.parametrize(
    ("take", "trunk", "expected"),
    [("latest", (TWO,), None), ("latest", (THREE, TWO), THREE), ("every", (THREE, TWO), THREE)],
)
def test_what_people_closed_is_not_proposed_again(
    take: str, trunk: tuple[str, ...], expected: str | None
) -> None:
    closed = Pending(TWO, True, Reason("W-REL-151", "closed"))
    commits = tuple(TrunkCommit(digest[7] * 40, digest, at=NOW) for digest in trunk)
    found = promote(state(), replace(PROD, take=take), Facts(trunk=commits, pending=(closed,)), NOW)
    assert getattr(getattr(found, "release", None), "digest", None) == expected
    assert closed.reason in decided(*trunk, pending=(closed,), take=take).waiting


def test_what_waits_is_kept_with_the_facts() -> None:
    facts = Facts(pending=(Pending(TWO, True, Reason("W-REL-151", "closed")),))
    assert Facts.from_json(facts.to_json()) == facts
