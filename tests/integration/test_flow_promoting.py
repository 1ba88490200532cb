"""Promotions that are pull requests, on every forge and with real git: opened, kept up to date, merged, and closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.approvals import Approvals
from reconciler.db.owed import due
from reconciler.db.promotions import Promotion
from reconciler.db.session import reading
from reconciler.errors import Transient
from reconciler.flows.envbranch import commit_keys
from reconciler.flows.outcome import Outcome
from reconciler.flows.promotions import looking
from reconciler.flows.pulls import reviewing, telling
from reconciler.git.merging import merge
from reconciler.git.writing import commit_edit, push
from reconciler.release.paths import PROMOTED, RELEASE, short
from reconciler.release.render import render_hold, render_release
from reconciler.release.state import Hold, Release
from tests.forges import server as forges
from tests.forges.server import Reviewed
from tests.integration.environment_world import World, make_world, policy
from tests.integration.people import ADA, CAROL, DAN, Person, commit, trunk, waiting
from tests.integration.test_flow_reviews import on_a_forge
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

# What is shown here is git's and the forge's doing; that it is the same on both databases is shown elsewhere.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

FORGES = (
    ("github", "merge"),
    ("gitlab", "fast-forward"),
    ("gitea", "squash"),
    ("bitbucket", "merge"),
    ("bitbucket-data-center", "squash"),
)
"""And how it is merged there. A rebase of one commit gives what a squash does."""


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    """Something runs in production, and what comes next is to be a pull request."""
    found = make_world(database, git_server, tmp_path)
    found.policies = (policy("prod"),)
    _, first = trunk(found, "one", DAN)
    found.run("prod")
    assert found.environment("prod").view["live"] == first
    found.policies = (policy("prod", pull_request="people"),)
    return found


@pytest.fixture
def kind() -> str:
    return "github"


@pytest.fixture
def forge(world: World, kind: str) -> Iterator[forges.Forge]:
    with on_a_forge(world, kind) as found:
        found.heads = lambda branch: world.person.fetch()[f"refs/heads/{branch}"]
        yield found


def look(world: World) -> Outcome:
    """The environment, its promotions, what is told, and its promotions once more, as one asks for the other."""
    world.run("prod")
    looking.run(world.context, "prod", lambda: None)
    told(world)
    found = looking.run(world.context, "prod", lambda: None)
    told(world)
    world.run("prod")
    return found


def told(world: World) -> None:
    """Everything is told; comments are a second apart."""
    for _ in range(5):
        if telling.run(world.context, lambda: None).look_again_at is None:
            return
        world.wait(2)


def branches(world: World) -> dict[str, str]:
    start = "refs/heads/promote/prod/"
    return {
        name.removeprefix(start): sha for name, sha in world.person.fetch().items() if name.startswith(start)
    }


def fates(world: World) -> dict[str, str]:
    with reading():
        return {row.branch.rpartition("/")[2]: row.fate for row in Promotion.select()}


def the_pull(forge: forges.Forge) -> forges.Pull:
    (found,) = [one for one in forge.pulls.values() if one.open]
    return found


def keep_heads(world: World, forge: forges.Forge) -> None:
    """What every forge does: the head of an open one is that of its branch."""
    refs = world.person.fetch()
    for one in forge.pulls.values():
        if one.open:
            one.head = refs[f"refs/heads/{one.source}"]


def merged_by(world: World, forge: forges.Forge, person: Person, how: str) -> None:
    """A person merges the one that is open, as forges do it."""
    one, env = the_pull(forge), world.head("prod")
    assert env is not None
    said: dict[str, Any] = {
        "message": f"{one.title} (#1)",
        "author": person.identity,
        "committer": person.identity,
        "when": world.moment,
        "key": None,
    }
    files = {RELEASE: world.person.read_file(one.head, RELEASE)}
    if how == "fast-forward":
        sha = one.head
    elif how == "merge":
        assert not merge(world.person, env, one.head).conflicts
        sha = commit_edit(world.person, env, files, merged=one.head, **said)
    else:
        sha = commit_edit(world.person, env, files, **said)
    push(world.person, "refs/heads/env/prod", sha, env)
    one.open, one.merged = False, sha


@pytest.mark.parametrize(("kind", "how"), FORGES)
def test_a_promotion_is_opened_once_overtaken_merged_by_a_person_and_tidied_up(
    world: World, forge: forges.Forge, how: str
) -> None:
    before = world.head("prod")
    _, two = trunk(world, "two", DAN)
    world.run("prod")
    assert "is going to be proposed" in waiting(world, "prod")["W-REL-157"]
    assert ("promotion", "prod") in {(one.kind, one.subject) for one in due(world.moment)}
    # The answer to the request that opens it gets lost.
    forge.faults.append(forges.Fault(lost=True, methods=("POST",)))
    looking.run(world.context, "prod", lambda: None)
    with pytest.raises(Transient):
        telling.run(world.context, lambda: None)
    for _ in range(2):
        look(world)
    one = the_pull(forge)
    assert len(forge.pulls) == 1
    assert (one.source, one.target) == (f"promote/prod/{short(two)}", "env/prod")
    for words in (
        short(two),
        "rolling, 1 nodes at a time",
        "Merge it to promote",
        "| nodes | 0 |",
        "Change to two",
    ):
        assert words in one.text
    (head,) = branches(world).values()
    assert world.person.signed_by(head, *commit_keys(world.context).current)
    assert world.person.commit(head).parents == (before,) == (world.head("prod"),)
    assert waiting(world, "prod")["W-REL-150"].startswith("pull request 1 asks for")
    assert "merge it to promote" in forge.notes[1][0].body
    # Something newer takes its place.
    _, three = trunk(world, "three", DAN)
    look(world)
    assert the_pull(forge).source == f"promote/prod/{short(three)}"
    assert not forge.pulls[1].open
    assert "Something newer is proposed" in forge.notes[1][0].body
    look_after(world)
    assert set(branches(world)) == {short(three)}
    merged_by(world, forge, CAROL, how)
    look(world)
    assert world.environment("prod").view["live"] == three
    assert "W-REL-150" not in waiting(world, "prod")
    assert fates(world) == {short(three): "done"}
    assert "asks for it now" in forge.notes[2][0].body
    assert [one.subject[:4] for one in world.log("prod")].count("Note") == 1
    noted = world.log("prod")[::-1][-3:]
    assert [one.trailer("Event") for one in noted] == [
        "release.promoted",
        "rollout.opened",
        "rollout.completed",
    ]
    looking.run(world.context, "prod", lambda: None)
    assert not branches(world)
    assert world.read("prod", PROMOTED)
    look_again = looking.run(world.context, "prod", lambda: None)
    assert (look_again.kind, len(forge.pulls)) == ("unchanged", 2)


def test_whoever_merges_it_has_promoted_it(world: World, forge: forges.Forge) -> None:
    """Carol merges what we propose, and so may not approve it; Bob may, and the review that he gave there counts."""
    world.policies = (policy("prod", pull_request="people", approvals=Approvals(1, reviews=True)),)
    _, two = trunk(world, "two", DAN)
    look(world)
    one = the_pull(forge)
    one.reviews = [Reviewed(name, "approved", one.head) for name in ("Carol", "Stranger")]
    merged_by(world, forge, CAROL, "merge")
    look(world)
    reviewing.run(world.context, lambda: None)
    world.run("prod")
    assert waiting(world, "prod")["W-REL-043"].endswith("they promoted it")
    one.reviews.append(Reviewed("Bob", "approved", one.head))
    assert "bob@example.com" in reviewing.run(world.context, lambda: None).because
    world.run("prod")
    assert world.environment("prod").view["live"] == two


def test_what_people_close_is_rejected_until_it_is_reopened(world: World, forge: forges.Forge) -> None:
    _, two = trunk(world, "two", DAN)
    look(world)
    one = the_pull(forge)
    one.open = False
    look_after(world)
    assert "reopen it to go on" in waiting(world, "prod")["W-REL-151"]
    assert fates(world) == {short(two): "rejected"}
    one.open = True
    look_after(world)
    assert "merge it" in waiting(world, "prod")["W-REL-150"]
    one.open = False
    look_after(world)
    # What is newer is proposed all the same, and takes the place of what was rejected.
    _, three = trunk(world, "three", DAN)
    look(world)
    assert the_pull(forge).source.endswith(short(three))
    assert fates(world)[short(two)] == "superseded"
    assert world.environment("prod").view["release"]["digest"] not in (two, three)


def look_after(world: World) -> None:
    looking.run(world.context, "prod", lambda: None)
    told(world)
    world.run("prod")


def test_nobody_elses_commit_is_lost_when_the_environment_moves(world: World, forge: forges.Forge) -> None:
    _, two = trunk(world, "two", DAN)
    look(world)
    first = branches(world)[short(two)]
    # What does not touch the release leaves it as it is, and with it every review of it.
    commit(world, "env/prod", {"holds/x.kdl": render_hold(Hold("x", "lunch", "Ada"))}, ADA)
    commit(world, "env/prod", {"holds/x.kdl": None}, ADA)
    look(world)
    assert branches(world)[short(two)] == first
    release = Release(world.environment("prod").view["live"], why="again", by="Ada")
    commit(world, "env/prod", {RELEASE: render_release(release)}, ADA)
    look(world)
    second = branches(world)[short(two)]
    assert second != first
    assert world.person.commit(second).parents == (world.head("prod"),)
    # Ada adds a commit of hers. It is not ours to rewrite any more.
    hers = commit(world, f"promote/prod/{short(two)}", {"note.txt": b"look\n"}, ADA)
    commit(world, "env/prod", {RELEASE: render_release(replace(release, why="once more"))}, ADA)
    look(world)
    assert branches(world)[short(two)] == hers
    assert "it has commits of others" in waiting(world, "prod")["W-REL-152"]
    trunk(world, "three", DAN)
    look(world)
    assert branches(world)[short(two)] == hers


def test_we_merge_when_nothing_stands_against_it(world: World, forge: forges.Forge) -> None:
    approvals = Approvals(1, reviews=True)
    world.policies = (policy("prod", pull_request="auto", approvals=approvals),)
    _, two = trunk(world, "two", DAN)
    look(world)
    one, before = the_pull(forge), world.head("prod")
    assert "0 of 1 approvals" in waiting(world, "prod")["W-REL-155"]
    one.reviews = [Reviewed("Dan", "approved", one.head)]
    look_after(world)
    assert "they wrote or committed" in waiting(world, "prod")["W-REL-155"]
    assert world.head("prod") == before
    # Somebody who may push there adds what nobody has asked for.
    added = commit(world, one.source, {"holds/x.kdl": render_hold(Hold("x", "no", "Ada"))}, ADA)
    one.head, one.reviews = added, [Reviewed("Bob", "approved", added)]
    look_after(world)
    assert "holds/x.kdl" in waiting(world, "prod")["W-REL-154"]
    commit(world, one.source, {"holds/x.kdl": None}, ADA)
    keep_heads(world, forge)
    one.reviews = [Reviewed("Bob", "approved", one.head)]
    head = one.head
    looking.run(world.context, "prod", lambda: None)
    newest = world.log("prod")[0]
    assert newest.parents == (before, head)
    assert newest.trailer("Via") == "pull request 1"
    assert (newest.trailer("Event"), fates(world)) == ("release.promoted", {short(two): "done"})
    one.open, one.merged = False, newest.sha
    look(world)
    reviewing.run(world.context, lambda: None)
    look_after(world)
    assert world.environment("prod").view["live"] == two
    assert not branches(world)


def test_what_a_person_asks_for_is_theirs_and_closed_when_the_forge_does_not_see_it(
    world: World, forge: forges.Forge
) -> None:
    """Ada asks on a branch of hers, as `sentinelctl promote` does. The forge does not notice that we merged it."""
    world.policies = (policy("prod", promote="manual", pull_request="auto"),)
    _, two = trunk(world, "two", DAN)
    env = world.head("prod")
    assert env is not None
    release = Release(two, why="please", by=str(ADA.identity))
    sha = commit_edit(
        world.person, env, {RELEASE: render_release(release)}, message="Promote", author=ADA.identity,
        committer=ADA.identity, when=world.moment, key=None,
    )  # fmt: skip
    push(world.person, f"refs/heads/promote/prod/{short(two)}", sha, None)
    look(world)
    assert world.environment("prod").view["live"] == two
    assert the_pull(forge).open
    world.wait(120)
    look_after(world)
    assert not forge.pulls[1].open


def test_without_a_forge_the_branch_waits_and_says_what_is_missing(world: World) -> None:
    _, two = trunk(world, "two", DAN)
    world.run("prod")
    looking.run(world.context, "prod", lambda: None)
    world.run("prod")
    assert "the project has no connection to a forge" in waiting(world, "prod")["W-REL-153"]
    world.policies = (policy("prod"),)
    trunk(world, "two", DAN)
    looking.run(world.context, "prod", lambda: None)
    assert fates(world) == {}
    world.run("prod")
    assert world.environment("prod").view["live"] == two


def test_a_branch_that_asks_for_nothing(world: World, forge: forges.Forge) -> None:
    trunk(world, "two", DAN)
    head = world.head("prod")
    assert head is not None
    push(world.person, "refs/heads/promote/prod/x", world.write(head, {RELEASE: b"release\n"}), None)
    look(world)
    assert "promote/prod/x asks for nothing that can be read" in waiting(world, "prod")["W-REL-156"]


@pytest.mark.parametrize("name", ['x"y', "x/y", "x" * 64])
def test_a_branch_that_no_promotion_is_called(world: World, forge: forges.Forge, name: str) -> None:
    trunk(world, "two", DAN)
    head = world.head("prod")
    assert head is not None
    push(world.person, f"refs/heads/promote/prod/{name}", world.write(head, {RELEASE: b"release\n"}), None)
    look(world)
    assert "W-REL-156" not in waiting(world, "prod")
