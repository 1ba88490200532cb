"""The environment flow over a real git server, a real database and a real object store."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.bundle.checkpoint import open_checkpoint, read_short
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.logged import check_included
from reconciler.bundle.pointer import peek_pointer
from reconciler.config.policy import EnvironmentPolicy
from reconciler.db import session
from reconciler.db.logged import LogCheckpoint
from reconciler.db.models import Pointer, Work
from reconciler.errors import LostRace, Stalled
from reconciler.flows import environment
from reconciler.flows.log import watching
from reconciler.flows.log.appending import catch_up
from reconciler.flows.log.signing import open_log
from reconciler.flows.roots import trusted_roots
from reconciler.git.sshsig import public_line
from reconciler.git.writing import push
from reconciler.release.decide import decide
from reconciler.release.facts import Facts
from reconciler.release.paths import quarantine_path
from reconciler.release.render import render_hold, render_quarantine
from reconciler.release.state import Hold, Quarantine
from reconciler.store import layout
from tests.integration.environment_world import World, held, make_world, policy
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    return make_world(database, git_server, tmp_path)


def test_a_trunk_commit_reaches_every_node_of_the_first_environment(world: World) -> None:
    sha, digest = world.trunk("one")
    world.nodes("dev", 2)
    assert world.run("dev").kind == "changed"
    world.report("dev")
    assert world.settle("dev").kind == "unchanged"
    assert world.running("dev") == {digest}
    assert world.pointers("dev") == {"base": (3, digest)}
    subjects = [commit.subject for commit in reversed(world.log("dev"))]
    assert subjects == [
        "Create environment dev",
        f"Promote {sha[:7]} to dev",
        f"Open rollout r-0001 in dev: {digest[7:19]}, rolling, 2 batches",
        "Advance rollout r-0001 in dev: batch 1 of 2 healthy",
        f"Complete rollout r-0001 in dev: {digest[7:19]} is live",
    ]
    assert world.releases("dev") == subjects
    assert world.rollouts("dev") == {"r-0001": "completed"}
    assert world.read("dev", "rendered/sentinel.kdl") == b"// one dev\n"
    assert world.events() == [
        "environment.created",
        "release.promoted",
        "rollout.opened",
        "rollout.advanced",
        "rollout.completed",
    ]
    view = world.environment("dev").view
    assert view["live"] == digest
    assert view["release"] == {
        "digest": digest, "commit": sha, "why": "Change to one", "by": "Ada <ada@example.com>", "only": "",
    }  # fmt: skip
    assert [entry["rollout"] for entry in view["history"]] == ["r-0001"]


def test_what_runs_or_is_wished_for_now_asks_the_side_that_compiles_for_another_look(world: World) -> None:
    def asked() -> int:
        with session.reading():
            row = Work.get_or_none(Work.kind == "trunk", Work.subject == "")
        return 0 if row is None else int(row.wanted)

    world.trunk("one")
    world.nodes("dev", 2)
    world.run("dev")
    wished = asked()
    assert wished >= 1
    world.report("dev")
    world.settle("dev")
    live = asked()
    assert live > wished
    world.run("dev")
    assert asked() == live


def test_every_commit_is_signed_and_carries_its_inputs(world: World, tmp_path: Path) -> None:
    world.trunk("one")
    world.settle("dev")
    signers = tmp_path / "signers"
    signers.write_text(
        "reconciler@sentinel.invalid " + public_line(bytes(held(world.context, "commit").verify_key)) + "\n"
    )
    world.log("dev")
    for commit in world.log("dev"):
        subprocess.run(
            ["git", "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", commit.sha],
            cwd=world.person.repository.path, check=True, capture_output=True,
        )  # fmt: skip
        names = [name for name, _ in commit.trailers]
        assert {"Because", "Inputs", "Event", "Actor"} <= set(names)
        inputs = commit.trailer("Inputs")
        assert inputs is not None
        data = json.loads(world.context.store.get(layout.decision("acme", "shop", inputs), limit=10**6))
        assert data["head"] == (commit.parents[0] if commit.parents else None)


def test_every_pointer_and_commit_shows_a_log_that_only_grows_by_decisions(world: World) -> None:
    world.trunk("one")
    world.nodes("dev", 3)
    world.settle("dev")
    edge = catch_up(open_log(world.context))
    with session.reading():
        rows = list(Pointer.select().where(Pointer.environment == "dev"))
        signed = {row.checkpoint for row in LogCheckpoint.select()}
        owed = Work.get(Work.kind == "log")
    root = trusted_roots(world.context).newest
    for row in rows:
        pointer = peek_pointer(row.envelope.encode(), limit=LIMITS.pointer)
        check_included(pointer.leaf, pointer.log, open_checkpoint(pointer.log.checkpoint, root))
    trailers = [str(commit.trailer("Log")) for commit in world.log("dev")[::-1]]
    sizes = [read_short(trailer).size for trailer in trailers]
    assert set(trailers) <= signed
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] <= edge.size
    assert owed.due_at is not None
    assert watching.run(world.context, lambda: None).kind == "unchanged"
    # A day of dating pointers again adds nothing.
    for _ in range(24):
        world.wait(3601)
        world.run("dev")
    assert catch_up(open_log(world.context)).size == edge.size


def test_a_decision_is_made_again_from_its_inputs(world: World) -> None:
    world.trunk("one")
    world.settle("dev")
    opened = next(commit for commit in world.log("dev") if commit.trailer("Event") == "rollout.opened")
    key = layout.decision("acme", "shop", str(opened.trailer("Inputs")))
    data = json.loads(world.context.store.get(key, limit=10**6))
    keys = environment.envbranch.commit_keys(world.context)
    state = environment.envbranch.read_branch(world.person, data["head"], "dev", keys).state
    decision = decide(
        state,
        EnvironmentPolicy.from_json(data["policy"]),
        Facts.from_json(data["facts"]),
        now=environment.datetime.fromisoformat(data["now"]),
    )
    assert decision.because == opened.trailer("Because")
    assert decision.actions[0].plan.rollout == opened.trailer("Rollout")  # type: ignore[union-attr]


def test_a_completed_digest_may_be_promoted_to_the_next_environment(world: World) -> None:
    _, digest = world.trunk("one")
    world.nodes("prod", 2)
    world.settle("dev", 2)
    assert [row.subject for row in works()] == ["prod"]
    assert world.run("prod").kind == "changed"
    assert [reason["code"] for reason in world.environment("prod").view["waiting"]] == ["W-REL-001"]
    path = quarantine_path(digest)
    world.edit("dev", {path: render_quarantine(Quarantine(digest, "answers 502"))})
    world.run("dev")
    world.wish("prod", digest)
    assert world.run("prod").because.startswith(f"{digest[7:19]} is quarantined in 'dev': answers 502")
    (before,) = works()
    world.edit("dev", {path: None})
    world.run("dev")
    # What people say in one environment makes those that come after it look again.
    assert [(row.subject, row.wanted > before.wanted) for row in works()] == [("prod", True)]
    world.settle("prod")
    assert world.running("prod") == {digest}


def works() -> list[Work]:
    with session.reading():
        return list(Work.select().where(Work.kind == "environment"))


def test_a_digest_that_did_not_complete_before_waits(world: World) -> None:
    _, one = world.trunk("one")
    world.settle("dev", 2)
    world.nodes("dev", 1)
    _, two = world.trunk("two")
    world.run("dev")
    world.run("prod")
    world.wish("prod", two)
    outcome = world.run("prod")
    assert outcome.kind == "waiting"
    assert outcome.because == f"{two[7:19]} has not completed in 'dev'"
    world.wish("prod", "sha256:" + "0" * 64)
    assert "no bundle 000000000000" in world.run("prod").because
    world.edit("prod", {"release.kdl": b"release {"})
    assert "release.kdl:1" in world.run("prod").because
    world.wish("prod", one)
    world.settle("prod")
    assert world.environment("prod").view["live"] == one


def test_unhealthy_nodes_make_it_roll_back(world: World) -> None:
    _, good = world.trunk("good")
    world.nodes("dev", 3)
    world.run("dev")
    world.report("dev")
    world.settle("dev")
    _, bad = world.trunk("bad")
    world.broken.add(bad)
    world.settle("dev")
    assert world.running("dev") == {good}
    assert world.rollouts("dev") == {"r-0001": "completed", "r-0002": "rolled-back"}
    assert world.pointers("dev") == {"base": (6, good)}
    assert world.read("dev", f"quarantine/{bad[7:19]}.kdl") is not None
    assert good.encode() in (world.read("dev", "release.kdl") or b"")
    assert world.read("dev", "rendered/sentinel.kdl") == b"// good dev\n"
    withdrawn = world.context.store.get(layout.pointer("acme", "shop", "dev", "next"), limit=LIMITS.pointer)
    assert peek_pointer(withdrawn, limit=LIMITS.pointer).digest == good
    # The same digest again: a new commit that compiles to it is not promoted while it is quarantined.
    world.trunk("bad")
    assert world.run("dev").kind in ("unchanged", "waiting")
    assert world.rollouts("dev") == {"r-0001": "completed", "r-0002": "rolled-back"}


def test_a_revert_by_hand_rolls_back_with_a_higher_sequence_and_sticks(world: World) -> None:
    _, one = world.trunk("one")
    world.nodes("dev", 1)
    world.settle("dev")
    before = world.read("dev", "release.kdl")
    _, two = world.trunk("two")
    world.settle("dev")
    assert world.running("dev") == {two}
    sequence = world.environment("dev").sequence
    world.edit("dev", {"release.kdl": before}, "Revert")
    world.settle("dev")
    assert world.running("dev") == {one}
    assert world.environment("dev").sequence > sequence
    assert world.run("dev").kind == "unchanged"


def test_a_hold_pauses_and_its_removal_resumes(world: World) -> None:
    _, digest = world.trunk("one")
    world.nodes("dev", 2)
    world.run("dev")
    world.edit("dev", {"holds/lunch.kdl": render_hold(Hold("lunch", "back at two", "Ada"))})
    world.wait(1000)
    outcome = world.run("dev")
    assert outcome.because == "held: back at two (by Ada); delete holds/lunch.kdl to go on"
    assert world.rollouts("dev") == {"r-0001": "paused"}
    world.edit("dev", {"holds/lunch.kdl": None})
    world.run("dev")
    world.report("dev")
    world.settle("dev")
    assert world.running("dev") == {digest}
    assert world.rollouts("dev") == {"r-0001": "completed"}


def test_an_edited_ledger_is_restored_and_counts_for_nothing(world: World) -> None:
    world.trunk("one")
    world.settle("dev", 3)
    good = world.read("dev", "rollout.kdl")
    sequence = world.environment("dev").sequence
    world.edit("dev", {"rollout.kdl": b"sequence 99\n", "rendered/sentinel.kdl": None})
    world.run("dev")
    assert world.read("dev", "rollout.kdl") == good
    assert world.read("dev", "rendered/sentinel.kdl") == b"// one dev\n"
    assert world.log("dev")[0].subject == "Restore the ledger of dev: rollout.kdl, rendered/sentinel.kdl"
    assert world.environment("dev").sequence == sequence


class KilledError(Exception):
    """Stands for the end of the process."""


DEATHS = [
    *[pytest.param(step.__name__, 3, id=f"{step.__name__}-3") for step in environment.STEPS],
    *[pytest.param("push_commit", nth, id=f"push_commit-{nth}") for nth in (1, 2, 4)],
    pytest.param("make_commit", 1, id="make_commit-1"),
]


@pytest.mark.parametrize(("step", "nth"), DEATHS)
def test_a_death_after_any_step_is_healed(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, nth: int
) -> None:
    world.trunk("one")
    world.nodes("dev", 1)
    seen = 0

    def deadly(original: Any) -> Any:
        def run(look: Any) -> None:
            nonlocal seen
            seen += 1
            original(look)
            if seen == nth:
                raise KilledError

        return run

    steps = tuple(deadly(one) if one.__name__ == step else one for one in environment.STEPS)
    with monkeypatch.context() as patch:
        patch.setattr(environment, "STEPS", steps)
        with pytest.raises(KilledError):
            world.settle("dev", 5)
    world.settle("dev", 4)
    events = [commit.trailer("Event") for commit in reversed(world.log("dev"))]
    assert events == ["environment.created", "release.promoted", "rollout.opened", "rollout.completed"]
    assert world.events() == events
    assert world.rollouts("dev") == {"r-0001": "completed"}
    assert list(world.pointers("dev")) == ["base"]


def test_a_declined_push_is_shown_in_the_forges_words_and_cleared(
    world: World, git_server: GitServer
) -> None:
    world.trunk("one")
    world.settle("dev", 2)
    name = world.url.rpartition("/")[2].removesuffix(".git")
    git_server.hook(name, "pre-receive", "#!/bin/sh\necho 'ask the owners' >&2\nexit 1\n")
    world.trunk("two")
    with pytest.raises(Stalled):
        world.run("dev")
    row = world.environment("dev")
    assert row.stalled_code == "E-GIT-012"
    assert "ask the owners" in row.stalled_message
    with pytest.raises(Stalled):
        world.run("dev")
    git_server.hook(name, "pre-receive", "#!/bin/sh\nexit 0\n")
    world.settle("dev", 3)
    assert world.environment("dev").stalled_code == ""
    assert world.events().count("environment.stalled") == 1
    assert world.events().count("environment.unstalled") == 1


def test_a_rewritten_branch_freezes_until_it_goes_on(world: World) -> None:
    _, digest = world.trunk("one")
    world.settle("dev", 3)
    head, other = world.head("dev"), world.log("dev")[2].sha
    assert head is not None
    forged = world.write(other, {"release.kdl": b"nonsense"})
    force(world, "dev", forged)
    world.wait(3700)
    with pytest.raises(Stalled) as caught:
        world.run("dev")
    assert caught.value.code == "E-REL-002"
    assert world.environment("dev").stalled_code == "E-REL-002"
    assert world.pointers("dev") == {"base": (2, digest)}
    with session.reading():
        assert Pointer.get(Pointer.environment == "dev").issued_at == world.moment
    force(world, "dev", None)
    with pytest.raises(Stalled) as caught:
        world.run("dev")
    assert caught.value.code == "E-REL-001"
    assert head in caught.value.message
    force(world, "dev", head)
    assert world.run("dev").kind == "unchanged"
    assert world.environment("dev").stalled_code == ""


def force(world: World, environment_name: str, sha: str | None) -> None:
    """What nobody should do to such a branch."""
    refspec = f"+{sha}:refs/heads/env/{environment_name}" if sha else f":refs/heads/env/{environment_name}"
    subprocess.run(
        ["git", "push", "-q", world.url, refspec],
        cwd=world.person.repository.path,
        check=True,
        capture_output=True,
    )
    world.person.fetch()


def test_somebody_elses_push_between_reading_and_pushing_is_a_lost_race(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.trunk("one")
    world.settle("dev", 3)
    world.trunk("two")
    theirs: list[str] = []

    def meddle(look: environment.Look) -> None:
        if not theirs:
            theirs.append(world.edit("dev", {"holds/me.kdl": render_hold(Hold("me", "wait"))}))
        environment.push_commit(look)

    with monkeypatch.context() as patch:
        patch.setattr(environment, "STEPS", (*environment.STEPS[:-1], meddle))
        with pytest.raises(LostRace):
            world.run("dev")
    world.run("dev")
    assert theirs[0] in [commit.sha for commit in world.log("dev")]
    assert "Promote" not in world.log("dev")[0].subject


def test_pointers_are_dated_again_every_hour(world: World) -> None:
    _, digest = world.trunk("one")
    world.settle("dev", 3)
    with session.reading():
        first = Pointer.get(Pointer.environment == "dev")
    outcome = world.run("dev")
    assert outcome.look_again_at == first.issued_at + timedelta(hours=1)
    world.wait(3601)
    world.run("dev")
    with session.reading():
        second = Pointer.get(Pointer.environment == "dev")
    assert (second.sequence, second.digest) == (first.sequence, digest)
    assert second.issued_at == world.moment
    assert peek_pointer(second.envelope.encode(), limit=LIMITS.pointer).expires > world.moment + timedelta(
        hours=23
    )


def test_an_environment_that_left_trunk_is_left_alone(world: World) -> None:
    world.trunk("one")
    world.settle("dev", 3)
    head = world.head("dev")
    world.policies = (policy("prod"),)
    world.trunk("two")
    outcome = world.run("dev")
    assert outcome.kind == "waiting"
    assert "not on trunk any more" in outcome.because
    assert world.head("dev") == head


def test_an_environment_that_never_was_on_trunk_is_not_made(world: World) -> None:
    assert world.run("ghost").kind == "unchanged"
    assert world.head("ghost") is None


def test_a_ledger_that_none_of_our_commits_wrote_is_not_believed(world: World) -> None:
    world.trunk("one")
    forged = world.write(None, {"rollout.kdl": b"sequence 500\n"})
    push(world.person, "refs/heads/env/dev", forged, None)
    with pytest.raises(Stalled) as caught:
        world.run("dev")
    assert caught.value.code == "E-REL-003"


def test_a_new_wish_during_a_rollout_takes_its_place(world: World) -> None:
    world.trunk("one")
    world.nodes("dev", 2)
    world.run("dev")
    _, two = world.trunk("two")
    world.run("dev")
    assert world.rollouts("dev") == {"r-0001": "superseded", "r-0002": "open"}
    assert list(world.pointers("dev")) == ["next"]
    world.report("dev")
    world.settle("dev")
    assert world.running("dev") == {two}
