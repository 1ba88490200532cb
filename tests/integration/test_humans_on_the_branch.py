"""What people do to an environment's branch by hand, on a real git server: the effect, and what page and `why` say."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.why import told
from reconciler.config.approvals import Approvals
from reconciler.errors import Stalled
from tests.integration.environment_world import World, make_world, policy
from tests.integration.people import ADA, BOB, CAROL, DAN, commit, promote, say, trunk
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

# What is shown here is git's doing; that it is the same on both databases is shown elsewhere.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

ONE = Approvals(1, (), (("sre", ("bob@example.com", "carol@example.com", "dan@example.com")),))


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    """An empty project, of which dev takes every commit of trunk."""
    return make_world(database, git_server, tmp_path)


def two_releases(world: World) -> tuple[str, str]:
    world.nodes("dev", 1)
    _, one = trunk(world, "one", DAN)
    world.settle("dev", 4)
    _, two = trunk(world, "two", DAN)
    world.settle("dev", 4)
    assert world.environment("dev").view["live"] == two
    return one, two


def clone(world: World, folder: Path) -> Path:
    """A person's clone, at the head of dev's branch."""
    subprocess.run(
        ["git", "clone", "-q", "-b", "env/dev", world.url, folder], check=True, capture_output=True
    )
    for name, value in {"user.name": "Ada", "user.email": "ada@example.com"}.items():
        subprocess.run(["git", "-C", folder, "config", name, value], check=True)
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


def why(world: World, target: str = "dev") -> str:
    return "\n".join(told(world.context, target))


def shown(world: World, environment: str = "dev") -> str:
    """Everything that the environment's page tells of what it waits for."""
    row = world.environment(environment)
    view = row.view
    lines = [row.stalled_message, view["because"], *(reason["message"] for reason in view["waiting"])]
    return "\n".join([*lines, *(bad["message"] for bad in view["malformed"])])


def test_git_revert_of_a_release_rolls_back_by_the_same_rules(world: World, tmp_path: Path) -> None:
    one, two = two_releases(world)
    there = clone(world, tmp_path / "clone")
    wished = next(info.sha for info in world.log("dev") if info.trailer("Event") == "release.promoted")
    # The newest promotion also wrote a file of ours. Reverting it all is what a person does.
    git(there, "revert", "--no-edit", wished)
    git(there, "push", "-q", "origin", "HEAD:env/dev")
    assert "promoted.kdl changed by somebody else" in why(world)
    world.settle("dev", 5)
    assert world.running("dev") == {one}
    subjects = [info.subject for info in world.log("dev")]
    assert "Restore the ledger of dev: promoted.kdl" in subjects
    assert any(subject.startswith("Open rollout r-0003 in dev: " + one[7:19]) for subject in subjects)
    assert world.read("dev", "promoted.kdl") is not None
    assert two[7:] in (world.read("dev", "promoted.kdl") or b"").decode()
    assert shown(world).strip() == f"every node is told to run {one[7:19]}"
    assert why(world).startswith(f"dev runs {one[7:19]}\nIt waits for nothing")


def test_an_edited_ledger_file_counts_for_nothing_and_is_restored(world: World, tmp_path: Path) -> None:
    _, two = two_releases(world)
    there = clone(world, tmp_path / "clone")
    before = (there / "rollout.kdl").read_bytes()
    (there / "rollout.kdl").write_text("sequence 99\n")
    git(there, "commit", "-qam", "I know better")
    git(there, "push", "-q")
    assert "at the next look rollout.kdl changed by somebody else than us" in why(world)
    world.run("dev")
    assert world.read("dev", "rollout.kdl") == before
    assert world.environment("dev").view["live"] == two
    assert world.releases("dev")[-2:] == ["I know better", "Restore the ledger of dev: rollout.kdl"]
    assert world.events()[-2:] == ["environment.changed", "ledger.restored"]


def test_approvals_by_hand_signed_unsigned_and_by_the_author(world: World) -> None:
    world.policies = (policy("dev", promote="manual", approvals=ONE),)
    _, digest = trunk(world, "one", DAN)
    world.run("dev")
    promote(world, "dev", digest, ADA)
    world.run("dev")
    say(world, "dev", digest, DAN)
    say(world, "dev", digest, CAROL, signed=False)
    world.run("dev")
    for words in (
        "0 of 1 approvals",
        "the approval of dan@example.com does not count: they wrote or committed what it brings",
        "the approval of carol@example.com does not count: commit",
        "is not signed; carol@example.com signs it with: sentinelctl approve dev --sign",
    ):
        assert words in shown(world)
        assert words in why(world)
    say(world, "dev", digest, BOB)
    assert "bob@example.com: counts, by the signature of commit" in why(world)
    world.run("dev")
    assert world.environment("dev").view["live"] == digest
    opened = next(info for info in world.log("dev") if info.trailer("Event") == "rollout.opened")
    assert opened.trailer("Approved-by") == "bob@example.com"


def test_a_force_push_freezes_and_says_what_was_there(world: World, tmp_path: Path) -> None:
    two_releases(world)
    head = world.head("dev")
    there = clone(world, tmp_path / "clone")
    git(there, "reset", "-q", "--hard", "HEAD~3")
    git(there, "push", "-q", "--force")
    words = f"the branch of 'dev' was rewritten: {world.head('dev')[:12]} does not go on from {head}"  # type: ignore[index]
    assert words in why(world)
    with pytest.raises(Stalled):
        world.run("dev")
    assert words in shown(world)
    assert "E-REL-002" in why(world)
    assert "a person has to act" in why(world)
    git(there, "push", "-q", "--force", "origin", f"{head}:env/dev")
    world.run("dev")
    assert world.environment("dev").stalled_code == ""


def test_a_vanished_branch_freezes_and_says_how_to_bring_it_back(world: World, tmp_path: Path) -> None:
    two_releases(world)
    head = world.head("dev")
    there = clone(world, tmp_path / "clone")
    git(there, "push", "-q", "origin", "--delete", "env/dev")
    with pytest.raises(Stalled):
        world.run("dev")
    for said in (shown(world), why(world)):
        assert f"the branch of 'dev' is gone; it was at {head}. Nothing changes until it is back" in said
        assert f"Push it back: git push origin {head}:" in said
    git(there, "push", "-q", "origin", f"{head}:refs/heads/env/dev")
    assert world.run("dev").kind == "unchanged"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("release.kdl", "the wish cannot be read: release.kdl:1"),
        ("holds/x.kdl", "held: the file cannot be read, so it holds everything; delete holds/x.kdl to go on"),
        ("quarantine/notes.kdl", "quarantine/notes.kdl:1"),
    ],
)
def test_a_corrupt_file_is_judged_as_no(world: World, path: str, said: str) -> None:
    two_releases(world)
    commit(world, "env/dev", {path: b"\x00{ not KDL"}, ADA)
    world.run("dev")
    assert said in shown(world)
    assert said in why(world)
    _, three = trunk(world, "three", DAN)
    world.settle("dev", 3)
    live = world.environment("dev").view["live"]
    # A wish of trunk's own takes the place of one that cannot be read; nothing passes an unreadable hold or quarantine.
    assert (live == three) == (path == "release.kdl")


def test_a_declined_push_is_told_in_the_forge_s_words(world: World, git_server: GitServer) -> None:
    two_releases(world)
    name = world.url.rpartition("/")[2].removesuffix(".git")
    git_server.hook(name, "pre-receive", "#!/bin/sh\necho 'ask the owners' >&2\nexit 1\n")
    world.trunk("three")
    with pytest.raises(Stalled):
        world.run("dev")
    for said in (shown(world), why(world)):
        assert "declined the push to refs/heads/env/dev" in said
        assert "ask the owners" in said
    assert "Let this user push to that branch" in why(world)
    git_server.hook(name, "pre-receive", "#!/bin/sh\nexit 0\n")
    world.settle("dev", 2)
    assert "stalled" not in why(world)
