"""Approvals as a pure function: whose word counts, what the sentence says, and what a plan's hash covers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.config.approvals import Approvals
from reconciler.config.freezes import FreezeWindow
from reconciler.config.policy import EnvironmentPolicy
from reconciler.release.actions import OpenRollout, Propose
from reconciler.release.apply import Material, apply
from reconciler.release.ballot import Ballot, read_ballot, read_proposal, render_ballot
from reconciler.release.branch import parse_branch
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.document import MalformedError
from reconciler.release.facts import Facts, Proof
from reconciler.release.paths import PROPOSAL, ballot_path
from reconciler.release.state import BranchFiles, Completed, EnvironmentState, Ledger, Malformed, Release
from reconciler.release.terms import plan_hash

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
LIVE, NEW = ("sha256:" + digit * 64 for digit in "12")
ASKED = Approvals(2, ("ada@x", "bob@x"), (("sre", ("carol@x", "dan@x")),))
PROD = EnvironmentPolicy(
    "prod", (), "1.0", "rolling", None, 1, 0, "manual", "rollback", 10, 60, 30, approvals=ASKED
)
DONE = Completed(LIVE, "a" * 40, "r-0001", 3, NOW)
FACTS = Facts(bundles={NEW: True}, policy_commit="c" * 40, authors=("dan@x",), promoters=("eve@x",))
WISH = Release(NEW, "b" * 40, "why", "Eve")
PLAN = plan_hash(PROD, WISH, FACTS.policy_commit)


def ballot(person: str, **said: Any) -> Ballot:
    return Ballot(
        **{"person": person, "verdict": "approve", "digest": NEW, "environment": "prod", "plan": PLAN, **said}
    )


def signed(*ballots: Ballot, **aliases: tuple[str, ...]) -> dict[str, Proof]:
    return {
        one.path: Proof((one.person, *aliases.get(one.person[:-2], ())), "a signature") for one in ballots
    }


def proposed(policy: EnvironmentPolicy = PROD, wish: Release = WISH) -> EnvironmentState:
    """The branch after the proposal was committed."""
    state = EnvironmentState("prod", BranchFiles(release=wish, ledger=Ledger(3, None, None, (DONE,))))
    decision = decide(state, policy, FACTS, now=NOW)
    (action,) = decision.actions
    assert isinstance(action, Propose)
    edit = apply(action, state, because=decision.because, now=NOW, material=Material())
    content = edit.files[PROPOSAL]
    assert content is not None
    proposal = read_proposal(content, PROPOSAL)
    assert proposal == action.proposal
    return replace(state, files=replace(state.files, proposal=proposal))


def judged(
    *ballots: Ballot, policy: EnvironmentPolicy = PROD, facts: Facts = FACTS, wish: Release = WISH
) -> Decision:
    state = proposed(wish=wish)
    state = replace(state, files=replace(state.files, ballots=ballots))
    proofs = facts.proofs or signed(*ballots)
    return decide(state, policy, replace(facts, proofs=proofs), now=NOW)


def first(decision: Decision) -> str:
    message = decision.waiting[0].message
    return message.partition(f"of the plan {PLAN[:12]}: ")[2]


def test_two_people_open_it_and_stand_in_the_plan() -> None:
    (action,) = judged(ballot("carol@x"), ballot("bob@x")).actions
    assert isinstance(action, OpenRollout)
    assert action.plan.approved == ("bob@x", "carol@x")
    assert action.plan.hash == PLAN


@pytest.mark.parametrize(
    ("people", "sentence"),
    [
        ([], "nobody yet; needs 2 of ada@x, bob@x, team:sre"),
        (["bob@x"], "bob@x; needs one of ada@x, team:sre"),
        (["carol@x"], "carol@x; needs one of ada@x, bob@x"),
        (["dan@x"], "nobody yet; needs 2 of ada@x, bob@x, team:sre"),
    ],
)
def test_the_sentence_names_who_is_left(people: list[str], sentence: str) -> None:
    assert first(judged(*(ballot(person) for person in people))) == sentence


def test_nobody_left_is_said() -> None:
    facts = replace(FACTS, promoters=("ada@x",), authors=("bob@x", "carol@x", "dan@x"))
    assert "nobody whom the policy names is left" in judged(facts=facts).waiting[0].message


def test_anybody_counts_where_the_policy_names_nobody() -> None:
    policy = replace(PROD, approvals=Approvals(1))
    state = proposed(policy)
    waiting = decide(state, policy, FACTS, now=NOW).waiting
    assert "needs one more person whose key is in .sentinel/allowed-signers" in waiting[0].message


def test_one_person_with_two_names_is_one_person() -> None:
    ballots = ballot("bob@x"), ballot("ada@x")
    facts = replace(FACTS, proofs=signed(*ballots, bob=("ada@x",), ada=("bob@x",)))
    assert judged(*ballots, facts=facts).waiting[0].message.startswith("1 of 2")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        pytest.param({"authors": None, "unknown_authors": "it is gone"}, "W-REL-045", id="authors unknown"),
        pytest.param({"authors": ("bob@home",)}, "W-REL-043", id="an author under another name"),
        pytest.param({"promoters": ("bob@home",)}, "W-REL-043", id="the promoter under another name"),
    ],
)
def test_unknown_is_no_and_other_names_are_known(facts: dict[str, Any], code: str) -> None:
    given = ballot("bob@x")
    decision = judged(given, facts=replace(FACTS, proofs=signed(given, bob=("bob@home",)), **facts))
    assert [reason.code for reason in decision.waiting] == ["W-REL-040", code]


def test_another_plan_is_not_approved() -> None:
    decision = judged(ballot("bob@x"), ballot("carol@x", plan="0" * 64))
    assert [reason.code for reason in decision.waiting] == ["W-REL-040", "W-REL-044"]
    assert f"was given to the plan 000000000000; the plan is {PLAN[:12]} now" in decision.waiting[1].message


def test_a_rejection_holds_where_nothing_is_asked_for() -> None:
    policy = replace(PROD, approvals=Approvals())
    files = BranchFiles(
        release=WISH, ledger=Ledger(3, None, None, (DONE,)), ballots=(ballot("x@x", verdict="reject"),)
    )
    decision = decide(EnvironmentState("prod", files), policy, FACTS, now=NOW)
    assert [reason.code for reason in decision.waiting] == ["W-REL-041"]


def test_the_hash_covers_terms_and_policy_commit_and_no_more() -> None:
    same = [
        replace(PROD, freezes=(FreezeWindow("x", "y", "UTC"),)),
        replace(PROD, promote="automatic", take="every", soak_seconds=9),
        replace(PROD, proxy_version="2.0"),
    ]
    other = [
        replace(PROD, batch_size=2),
        replace(PROD, min_healthy_seconds=11),
        replace(PROD, approvals=replace(ASKED, count=1)),
        replace(PROD, name="else"),
    ]
    assert {plan_hash(policy, WISH, "c" * 40) for policy in same} == {PLAN}
    assert len({PLAN, *(plan_hash(policy, WISH, "c" * 40) for policy in other)}) == len(other) + 1
    assert plan_hash(PROD, WISH, "d" * 40) != PLAN
    assert plan_hash(PROD, replace(WISH, why="x", by="y", hotfix="z"), "c" * 40) == PLAN


def test_what_is_live_or_unknown_is_not_proposed() -> None:
    for wish, facts in [(replace(WISH, digest=LIVE), FACTS), (WISH, replace(FACTS, bundles={}))]:
        state = EnvironmentState("prod", BranchFiles(release=wish, ledger=Ledger(3, None, None, (DONE,))))
        assert decide(state, PROD, facts, now=NOW).actions == ()


def test_a_word_is_read_back_as_it_was_written() -> None:
    given = ballot("ada@x", why="fine", hotfix="INC-1", at=NOW)
    assert read_ballot(render_ballot(given), given.path) == given
    assert parse_branch({given.path: render_ballot(given)}).ballots == (given,)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (ballot_path(LIVE, "ada@x"), render_ballot(ballot("ada@x"))),
        (ballot_path(NEW, "Ada"), render_ballot(ballot("ada@x"))),
        (ballot_path(NEW, "ada@x"), render_ballot(ballot("ada@x")) * 2),
        (ballot_path(NEW, "ada@x"), b'abstain "x"'),
        (ballot_path(NEW, "ada@x"), f'approve "{NEW}"'.encode()),
    ],
)
def test_a_word_in_the_wrong_place_or_form_is_none(path: str, content: bytes) -> None:
    with pytest.raises(MalformedError):
        read_ballot(content, path)
    files = parse_branch({path: content})
    assert files.ballots == ()
    assert [bad.path for bad in files.malformed] == [path]


def test_facts_about_people_are_kept_and_read() -> None:
    facts = replace(FACTS, proofs=signed(ballot("ada@x")), authors=None, unknown_authors="gone")
    assert Facts.from_json(facts.to_json()) == facts


def test_what_may_be_a_rejection_and_cannot_be_read_holds() -> None:
    state = proposed()
    path = ballot_path(NEW, "ada@x")
    elsewhere = ballot_path(LIVE, "ada@x")
    for where, holds in ((path, True), (elsewhere, False)):
        found = replace(
            state, files=replace(state.files, malformed=(Malformed(where, "expected one 'reject'"),))
        )
        reasons = decide(found, PROD, FACTS, now=NOW).waiting
        said = [reason.message for reason in reasons if reason.code == "W-REL-041"]
        assert bool(said) is holds, reasons
        if holds:
            assert said[0].startswith(f"{path} cannot be read and may be a rejection")
