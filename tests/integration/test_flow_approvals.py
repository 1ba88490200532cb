"""Approvals on a real git server: whose word counts, whose does not, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pygit2
import pytest

from reconciler.cli.why import told
from reconciler.config.approvals import Approvals
from reconciler.config.freezes import FreezeWindow
from reconciler.db import asking
from reconciler.db.asking import Wanted
from reconciler.db.audit import Actor
from reconciler.db.changes import Change
from reconciler.db.session import writing
from reconciler.errors import Stalled
from reconciler.flows import changing
from reconciler.flows.casting import Word, cast
from reconciler.git.writing import commit_edit, push
from reconciler.release.ballot import Ballot, render_ballot
from reconciler.release.paths import ballot_path
from tests.integration.environment_world import World, make_world, policy
from tests.integration.people import (
    ADA,
    BOB,
    CAROL,
    DAN,
    EVERYBODY,
    Person,
    commit,
    plan,
    promote,
    say,
    trunk,
    waiting,
)
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

# What is shown here is git's doing; that it is the same on both databases is shown elsewhere.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

TWO = Approvals(
    2, ("ada@example.com", "bob@example.com"), (("sre", ("carol@example.com", "dan@example.com")),)
)


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    found = make_world(database, git_server, tmp_path)
    found.policies = (policy("dev"), policy("prod", "dev", approvals=TWO))
    return found


@pytest.fixture
def waits(world: World) -> str:
    """A digest by Dan that Ada has promoted to prod, where another one runs and nobody has approved anything."""
    _, first = trunk(world, "one", DAN)
    world.settle("dev", 3)
    world.run("prod")
    promote(world, "prod", first, DAN)
    world.run("prod")
    say(world, "prod", first, ADA)
    say(world, "prod", first, BOB)
    world.settle("prod", 3)
    assert world.environment("prod").view["live"] == first
    _, second = trunk(world, "two", DAN)
    world.settle("dev", 3)
    promote(world, "prod", second, ADA)
    world.run("prod")
    return second


def test_a_release_waits_for_two_people_who_are_not_its_makers(world: World, waits: str) -> None:
    assert world.log("prod")[0].trailer("Event") == "release.proposed"
    hash = plan(world, "prod")
    assert world.environment("prod").view["plan"] == hash
    assert world.log("prod")[0].trailer("Plan") == hash
    plan_of = f"approvals for {waits[7:19]} of the plan {hash[:12]}"
    nobody = f"0 of 2 {plan_of}: nobody yet; needs 2 of bob@example.com, team:sre"
    assert waiting(world, "prod")["W-REL-040"] == nobody
    said = list(told(world.context, "prod"))
    assert (
        said[0]
        == f"prod runs {world.environment('prod').view['live'][7:19]}; {waits[7:19]} is wished for (please)"
    )
    assert said[1:3] == ["It waits for, in this order:", f"  1. W-REL-040 {nobody}"]
    assert said[-1] == f"Plan: {hash}"
    say(world, "prod", waits, BOB, why="Looked at the diff")
    assert world.run("prod").kind == "waiting"
    one = (
        f"1 of 2 approvals for {waits[7:19]} of the plan {hash[:12]}: bob@example.com; needs one of team:sre"
    )
    assert waiting(world, "prod")["W-REL-040"] == one
    (shown,) = world.environment("prod").view["approvals"]
    assert (shown["person"], shown["counts"], shown["why"]) == ("bob@example.com", True, "Looked at the diff")
    say(world, "prod", waits, CAROL)
    world.settle("prod", 3)
    assert world.environment("prod").view["live"] == waits
    opened = next(one for one in world.log("prod") if one.trailer("Event") == "rollout.opened")
    assert [value for name, value in opened.trailers if name == "Approved-by"] == [
        "bob@example.com",
        "carol@example.com",
    ]
    assert opened.trailer("Plan") == hash
    assert opened.trailer("Promoted-by") == "Ada <ada@example.com>"


def test_a_word_that_does_not_count_is_shown_with_the_reason(world: World, waits: str) -> None:
    stranger = replace(BOB, key=type(BOB.key)(b"x" * 32))
    votes: list[tuple[Person, dict[str, Any], str, str]] = [
        (ADA, {}, "W-REL-043", "they promoted it"),
        (DAN, {}, "W-REL-043", "they wrote or committed what it brings"),
        (
            BOB,
            {"signed": False},
            "W-REL-042",
            "is not signed; bob@example.com signs it with: sentinelctl approve prod",
        ),
        (BOB, {"by": CAROL}, "W-REL-042", "is that of carol@example.com, who approves in their own name"),
        (BOB, {"by": stranger}, "W-REL-042", "is nobody's in .sentinel/allowed-signers of trunk"),
        (BOB, {"plan": "0" * 64}, "W-REL-044", "was given to the plan 000000000000; the plan is"),
        (BOB, {"environment": "dev"}, "W-REL-044", "was given to 'dev', and this is 'prod'"),
    ]
    for who, fields, code, said in votes:
        say(world, "prod", waits, who, **fields)
        assert world.run("prod").kind == "waiting"
        found = waiting(world, "prod")
        assert found["W-REL-040"].startswith("0 of 2 approvals")
        assert said in found[code]
        (shown,) = world.environment("prod").view["approvals"]
        assert (shown["person"], shown["counts"], shown["because"]) == (who.email, False, found[code])
        commit(world, "env/prod", {ballot_path(waits, who.email): None}, who)


def test_our_own_word_counts_for_whoever_it_was_given_for(world: World, waits: str) -> None:
    cast(
        world.context,
        "prod",
        Word("bob@example.com", "approve", "in the forge", via="review 7"),
        now=world.now,
    )
    assert waiting_after(world)["W-REL-040"].endswith("bob@example.com; needs one of team:sre")
    newest = world.log("prod")[0]
    assert newest.trailer("On-behalf-of") == "bob@example.com"
    assert newest.trailer("Via") == "review 7"
    # Whoever copies the commit's words without our key says nothing for anybody.
    forged = "Approve\n\nOn-behalf-of: carol@example.com\n"
    content = world.read("prod", ballot_path(waits, "bob@example.com"))
    commit(world, "env/prod", {ballot_path(waits, "carol@example.com"): content}, BOB, message=forged)
    assert "is that of bob@example.com" in waiting_after(world)["W-REL-042"]


def test_our_word_on_a_ledger_that_somebody_edited_does_not_make_it_ours(world: World, waits: str) -> None:
    good = world.read("prod", "rollout.kdl")
    commit(world, "env/prod", {"rollout.kdl": b"sequence 99\n"}, BOB)
    cast(world.context, "prod", Word("carol@example.com", "approve", ""), now=world.now)
    assert world.read("prod", "rollout.kdl") == good
    world.run("prod")
    assert world.environment("prod").sequence < 99


def test_nobody_approves_on_a_branch_that_was_rewritten(world: World, waits: str) -> None:
    say(world, "prod", waits, DAN, verdict="reject", why="The cart is empty")
    world.run("prod")
    head = world.head("prod")
    who = pygit2.Signature("Bob", "bob@example.com", 1, 0)
    old = world.log("prod")[1]
    merge = str(world.person.repository.create_commit(None, who, who, "Merge", old.tree, [old.sha, head]))
    push(world.person, "refs/heads/env/prod", merge, head)
    with pytest.raises(Stalled) as caught:
        cast(world.context, "prod", Word("carol@example.com", "approve", ""), now=world.now)
    assert caught.value.code == "E-REL-002"
    assert world.head("prod") == merge


def waiting_after(world: World) -> dict[str, str]:
    world.run("prod")
    return waiting(world, "prod")


def test_whoever_promoted_with_a_key_that_has_run_out_is_still_the_promoter(world: World, waits: str) -> None:
    ran_out = BOB.signer.replace(" ssh-", ' valid-before="20261101Z" ssh-')
    newer = replace(BOB, key=type(BOB.key)(b"n" * 32))
    signers = EVERYBODY.replace(BOB.signer, f"{ran_out}\n{newer.signer}")
    _, third = trunk(world, "three", DAN, signers=signers)
    world.settle("dev", 3)
    promote(world, "prod", third, replace(BOB, name="Robot", email="robot@example.com"))
    world.run("prod")
    say(world, "prod", third, newer)
    assert "they promoted it" in waiting_after(world)["W-REL-043"]


def test_going_back_behind_what_runs_is_not_for_the_author_of_what_comes_back(
    world: World, waits: str
) -> None:
    first = world.environment("prod").view["live"]
    say(world, "prod", waits, BOB)
    say(world, "prod", waits, CAROL)
    world.settle("prod", 3)
    assert world.environment("prod").view["live"] == waits
    promote(world, "prod", first, ADA)
    world.run("prod")
    say(world, "prod", first, DAN)
    world.run("prod")
    (his,) = (one for one in world.environment("prod").view["approvals"] if one["person"] == DAN.email)
    assert not his["counts"]
    assert "they wrote or committed what it brings" in his["because"]


def test_a_merge_that_drops_what_others_wrote_is_its_makers_work(world: World, waits: str) -> None:
    say(world, "prod", waits, BOB)
    say(world, "prod", waits, CAROL)
    world.settle("prod", 3)
    assert world.environment("prod").view["live"] == waits
    two = world.person.fetch()["refs/heads/main"]
    (one,) = world.person.commit(two).parents
    three = commit(world, "main", {"text": b"three"}, DAN)
    who = pygit2.Signature("Bob", "bob@example.com", 1, 0)
    tree = world.person.commit(one).tree
    merge = str(world.person.repository.create_commit(None, who, who, "Merge", tree, [one, three]))
    push(world.person, "refs/heads/main", merge, three)
    world.context.mirror.fetch()
    _, digest = world.trunk("one again", merge)
    world.settle("dev", 3)
    promote(world, "prod", digest, ADA)
    world.run("prod")
    say(world, "prod", digest, BOB)
    assert "they wrote or committed what it brings" in waiting_after(world)["W-REL-043"]


def test_a_changed_policy_makes_approvals_of_the_old_plan_void_and_says_so(world: World, waits: str) -> None:
    say(world, "prod", waits, BOB)
    before = plan(world, "prod")
    dev, prod = world.policies
    world.policies = (dev, replace(prod, batch_size=5))
    trunk(world, "two", DAN)
    found = waiting_after(world)
    after = plan(world, "prod")
    assert after != before
    assert found["W-REL-040"].startswith("0 of 2")
    assert f"was given to the plan {before[:12]}; the plan is {after[:12]} now" in found["W-REL-044"]
    newest = world.log("prod")[0]
    assert f"the plan {before[:12]} does not hold any more" in str(newest.trailer("Because"))
    # Freeze windows count as they stand, and are no part of what was approved.
    window = FreezeWindow("gone", "past", "UTC", once=(("2025-01-01T00:00", "2025-01-02T00:00"),))
    world.policies = (dev, replace(prod, batch_size=5, freezes=(window,)))
    trunk(world, "two", DAN)
    world.run("prod")
    assert plan(world, "prod") == after
    say(world, "prod", waits, BOB)
    say(world, "prod", waits, CAROL)
    world.settle("prod", 3)
    assert world.environment("prod").view["live"] == waits


def test_keys_are_those_of_the_last_valid_trunk(world: World, waits: str) -> None:
    say(world, "prod", waits, BOB)
    assert "1 of 2" in waiting_after(world)["W-REL-040"]
    trunk(world, "two", DAN, signers=EVERYBODY.replace(BOB.signer, ""))
    assert "is nobody's in" in waiting_after(world)["W-REL-042"]


def test_what_was_taken_back_is_not_brought_back_by_a_merge(world: World, waits: str) -> None:
    given = say(world, "prod", waits, BOB)
    taken = commit(world, "env/prod", {ballot_path(waits, BOB.email): None}, BOB)
    content = world.person.read_file(given, ballot_path(waits, BOB.email))
    merge = merged(world, taken, given, {ballot_path(waits, BOB.email): content})
    push(world.person, "refs/heads/env/prod", merge, taken)
    assert "is not signed" in waiting_after(world)["W-REL-042"]


def test_an_approval_that_comes_by_a_merge_is_its_authors(world: World, waits: str) -> None:
    head = world.head("prod")
    assert head is not None
    ballot = Ballot(BOB.email, "approve", waits, "prod", plan(world, "prod"), at=world.moment)
    theirs = commit_edit(
        world.person, head, {ballot.path: render_ballot(ballot)}, message="Approve", author=BOB.identity,
        committer=BOB.identity, when=world.moment, key=BOB.key,
    )  # fmt: skip
    merge = merged(world, head, theirs, {ballot.path: render_ballot(ballot)})
    push(world.person, "refs/heads/env/prod", merge, head)
    assert "1 of 2" in waiting_after(world)["W-REL-040"]


def merged(world: World, first: str, second: str, files: dict[str, bytes | None]) -> str:
    """A forge's merge of `second` into `first`, with these files of it."""
    tree = world.person.commit(world.write(first, files)).tree
    who = pygit2.Signature("Forge", "noreply@forge.example", 1, 0)
    return str(world.person.repository.create_commit(None, who, who, "Merge", tree, [first, second]))


def test_a_rejection_stops_an_open_rollout_and_needs_no_signature(world: World, waits: str) -> None:
    world.nodes("prod", 2)
    say(world, "prod", waits, BOB)
    say(world, "prod", waits, CAROL)
    world.run("prod")
    assert world.rollouts("prod")["r-0002"] == "open"
    say(world, "prod", waits, DAN, verdict="reject", why="The cart is empty", signed=False)
    found = waiting_after(world)
    assert found["W-REL-041"].startswith("rejected by dan@example.com: The cart is empty; delete approvals/")
    assert world.rollouts("prod")["r-0002"] == "paused"
    commit(world, "env/prod", {ballot_path(waits, DAN.email): None}, DAN)
    world.run("prod")
    assert world.rollouts("prod")["r-0002"] == "open"


def test_a_hotfix_passes_a_freeze_with_more_approvals_to_its_label(world: World, waits: str) -> None:
    dev, prod = world.policies
    window = FreezeWindow(
        "peak", "Peak trading", "UTC", once=(("2026-11-01T00:00", "2026-12-01T00:00"),), hotfix_approvals=1
    )
    one = Approvals(1, TWO.people, TWO.teams)
    world.policies = (dev, replace(prod, approvals=one, freezes=(window,)))
    trunk(world, "two", DAN)
    say_after(world, waits, BOB)
    found = waiting_after(world)
    assert "W-REL-040" not in found
    assert found["W-REL-014"].endswith("Peak trading; a labelled hotfix passes with 2 approvals")
    promote(world, "prod", waits, ADA, hotfix="INC-123")
    found = waiting_after(world)
    assert "the hotfix INC-123 has 0 of 2 approvals" in found["W-REL-046"]
    assert "was not given to the hotfix INC-123" in found["W-REL-044"]
    say(world, "prod", waits, BOB, hotfix="INC-123")
    say(world, "prod", waits, CAROL, hotfix="INC-123")
    world.settle("prod", 3)
    assert world.environment("prod").view["live"] == waits
    opened = next(one for one in world.log("prod") if one.trailer("Event") == "rollout.opened")
    assert opened.trailer("Hotfix") == "INC-123"


def say_after(world: World, digest: str, who: Person) -> None:
    world.run("prod")
    say(world, "prod", digest, who)


def test_words_over_the_interface_count_like_signed_ones(world: World, waits: str) -> None:
    shown = {"digest": waits, "plan": world.environment("prod").view["plan"]}
    assert shown["plan"]

    def approved(who: Person, content: str) -> Change:
        wanted = Wanted(
            "acme", "shop", "prod", "approve", {"why": "I read it"}, who.name, who.name, who.identity.email, None,
            content,
        )  # fmt: skip
        row = asking.ask_for(wanted, Actor("person", who.identity.email), now=world.now())
        changing.run(world.context, str(row.id), lambda: None)
        done = asking.one("acme", "shop", str(row.id))
        assert done is not None
        return done

    # Something else was wished, or planned, when they asked: they have not read what waits now.
    for other in (
        "",
        json.dumps({**shown, "digest": "sha256:" + "0" * 64}),
        json.dumps({**shown, "plan": "0"}),
    ):
        assert (approved(BOB, other).state, approved(BOB, other).code) == ("refused", "E-REL-041")
    for who in (BOB, ADA):
        row = done = approved(who, json.dumps(shown))
        head = world.log("prod")[0]
        assert (done.state, done.commit) == ("committed", head.sha)
        assert head.trailer("On-behalf-of") == who.identity.email
        assert head.trailer("Via") == f"the interface, change {row.id}"
        # A worker that died before it wrote down the end finds its commit.
        with writing():
            Change.update(state="asked").where(Change.id == row.id).execute()
        changing.run(world.context, str(row.id), lambda: None)
        assert world.log("prod")[0].sha == head.sha
    # Ada has promoted it: the policy leaves her out, over the interface as anywhere.
    world.run("prod")
    assert waiting(world, "prod")["W-REL-040"].startswith(f"1 of 2 approvals for {waits[7:19]}")
