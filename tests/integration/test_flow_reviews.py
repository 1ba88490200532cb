"""Reviews on a forge that count as approvals: of whom, of what, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.approvals import Approvals
from reconciler.config.egress import EgressRules
from reconciler.config.installation import Connection, Installation
from reconciler.config.source import SIGNERS
from reconciler.db.owed import due
from reconciler.errors import NotYet
from reconciler.flows.casting import Word, cast
from reconciler.flows.pulls import reviewing
from reconciler.forge.request import path_of
from reconciler.git.writing import commit_edit, push
from reconciler.release.paths import ballot_path
from tests.forges import server as forges
from tests.forges.server import Reviewed, serving_api
from tests.integration.environment_world import World, make_world, policy
from tests.integration.people import ADA, BOB, CAROL, DAN, EVERYBODY, commit, promote, say, trunk, waiting
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

# What is shown here is git's and the forge's doing; that it is the same on both databases is shown elsewhere.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

ONE = Approvals(1, reviews=True)


@contextmanager
def on_a_forge(world: World, kind: str) -> Iterator[forges.Forge]:
    """The world's repository on a forge, where each person's account is called as they are."""
    with serving_api(kind, path_of(world.url)) as (forge, api):
        people = tuple((one.name, one.email) for one in (ADA, BOB, CAROL, DAN))
        connection = Connection(
            "origin", "acme", kind, ("env:SECRET",), "env:TOKEN", api=api, instance="eu", reviewers=people
        )
        context = world.context
        context.project = replace(context.project, connection="origin")
        organization = replace(context.organization, projects=(context.project,), connections=(connection,))
        context.organization = organization
        context.installation = Installation((organization,), EgressRules(("127.0.0.0/8",)))
        context.environ = {"TOKEN": f"{forges.USER}:{forges.TOKEN}"}
        yield forge


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    found = make_world(database, git_server, tmp_path)
    found.policies = (policy("prod", promote="manual"),)
    return found


@pytest.fixture
def forge(world: World) -> Iterator[forges.Forge]:
    """Something runs in production already, and what comes next needs somebody's approval."""
    with on_a_forge(world, "github") as found:
        _, first = trunk(world, "one", DAN)
        world.run("prod")
        promote(world, "prod", first, DAN)
        world.run("prod")
        assert world.environment("prod").view["live"] == first
        world.policies = (policy("prod", promote="manual", approvals=ONE),)
        yield found


def merged(world: World, forge: forges.Forge, number: int, text: str, *reviews: Reviewed) -> str:
    """A pull request by Dan, squashed into trunk, with reviews of its head where they name none; its bundle."""
    main = world.person.fetch()["refs/heads/main"]
    head = commit_edit(
        world.person, main, {"text": text.encode(), SIGNERS: EVERYBODY.encode()}, message="Change",
        author=DAN.identity, committer=CAROL.identity, when=world.moment, key=DAN.key,
    )  # fmt: skip
    push(world.person, f"refs/heads/topic-{number}", head, None)
    sha, digest = trunk(world, text, DAN)
    said = [replace(one, commit=one.commit or head) for one in reviews]
    forge.pulls[number] = forges.Pull(head, f"topic-{number}", open=False, merged=sha, reviews=said)
    return digest


def wished(world: World, digest: str) -> None:
    promote(world, "prod", digest, ADA)
    world.run("prod")


def looked(world: World) -> str:
    """What the reviews come to, after the look that is owed."""
    assert ("reviews", "shop") in {(one.kind, one.project) for one in due(world.moment)}
    return reviewing.run(world.context, lambda: None).because


def test_a_review_of_what_was_merged_approves_its_release_for_as_long_as_it_stands(
    world: World, forge: forges.Forge
) -> None:
    said = [Reviewed(one, "approved", "") for one in ("Bob", "Stranger")]
    digest = merged(world, forge, 7, "two", *said)
    wished(world, digest)
    assert "W-REL-040" in waiting(world, "prod")
    assert looked(world) == "shop/prod: bob@example.com"
    newest, path = world.log("prod")[0], ballot_path(digest, BOB.email)
    assert newest.trailer("On-behalf-of") == "bob@example.com"
    assert newest.trailer("Via") == "reviews of pull request 7"
    assert ("environment", "prod") in {(one.kind, one.subject) for one in due(world.moment)}
    again = reviewing.run(world.context, lambda: None)
    assert world.log("prod")[0] == newest, "it is said once"
    assert again.look_again_at == world.moment + reviewing.LOOK, "whatever the forge says"
    # It does not stand any more.
    forge.pulls[7].reviews[0].state = "dismissed"
    assert looked(world) == "shop/prod: nobody has approved all of it"
    assert world.read("prod", path) is None
    newest = world.log("prod")[0]
    assert newest.trailer("Event") == "release.approval-taken-back"
    assert newest.trailer("On-behalf-of") == "bob@example.com"
    # He approves again, and then takes his file away: the review does not bring it back.
    forge.pulls[7].reviews[0].state = "approved"
    looked(world)
    assert world.read("prod", path)
    commit(world, "env/prod", {path: None}, BOB)
    looked(world)
    assert world.read("prod", path) is None
    # What he signs himself is not taken back.
    say(world, "prod", digest, BOB)
    forge.pulls[7].reviews[0].state = "dismissed"
    looked(world)
    assert world.read("prod", path)
    world.run("prod")
    assert world.environment("prod").view["live"] == digest


def test_a_word_is_of_the_bundle_that_was_read_whatever_is_wished_meanwhile(
    world: World, forge: forges.Forge
) -> None:
    wished(world, merged(world, forge, 7, "two"))
    _, other = trunk(world, "three", DAN)
    before = world.head("prod")
    with pytest.raises(NotYet, match="E-REL-041"):
        cast(world.context, "prod", Word(BOB.email, "approve", "", digest=other), now=world.now)
    assert world.head("prod") == before


def test_whose_reviews_do_not_count(
    world: World, forge: forges.Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dan wrote and Carol committed what was squashed; Ada promotes; Bob has read one of two pull requests."""
    merged(world, forge, 7, "two", *(Reviewed(one, "approved", "") for one in ("Dan", "Carol", "Ada", "Bob")))
    digest = merged(
        world, forge, 8, "three", Reviewed("Ada", "approved", ""), Reviewed("Bob", "approved", "a" * 40)
    )
    wished(world, digest)
    assert looked(world) == "shop/prod: ada@example.com", "Bob has read an older head of the second one"
    world.run("prod")
    assert waiting(world, "prod")["W-REL-043"].endswith("they promoted it")
    # Bob opened it under Dan's name in its commits, or it has more commits than are asked who wrote them.
    forge.pulls[8] = replace(forge.pulls[8], author="Bob", reviews=[Reviewed("Bob", "approved", "")])
    forge.pulls[8].reviews[0].commit = forge.pulls[8].head
    assert looked(world) == "shop/prod: nobody has approved all of it"
    with monkeypatch.context() as patch:
        patch.setattr(reviewing, "MOST_COMMITS", 2)
        patch.setattr(
            reviewing.Mirror, "since", lambda mirror, old, new, *, limit: [mirror.commit(new)] * limit
        )
        assert looked(world) == "shop/prod: pull request 8 has 2 commits or more"
    # Whoever may push to trunk brings something else than what was reviewed, under the same number.
    sha, digest = trunk(world, "evil", ADA)
    forge.pulls[9] = replace(
        forge.pulls[8], merged=sha, reviews=[Reviewed("Bob", "approved", forge.pulls[8].head)]
    )
    wished(world, digest)
    assert looked(world) == f"shop/prod: {sha[:12]} came by no pull request that gives what is on trunk"
    # And nobody's counts where policy does not say so.
    world.policies = (policy("prod", promote="manual", approvals=Approvals(1)),)
    wished(world, merged(world, forge, 10, "four", Reviewed("Bob", "approved", "")))
    assert looked(world) == "no release waits for reviews"


@pytest.mark.parametrize(
    ("how", "listed", "says"),
    [
        pytest.param("rebase", 0, "bob@example.com", id="rebased"),
        pytest.param("forward", 3, "bob@example.com", id="fast-forwarded"),
        pytest.param("forward", 1, "came by no pull request", id="fast-forwarded over somebody else's"),
    ],
)
def test_every_commit_that_a_pull_request_brought_is_reviewed_at_its_head(
    world: World, forge: forges.Forge, how: str, listed: int, says: str
) -> None:
    main = world.person.fetch()["refs/heads/main"]
    tips = {}
    for kind, by in (("topic", DAN), ("rebase", CAROL)):
        tips[kind] = [main]
        for text in ("two", "three", "four"):
            files = {"text": text.encode(), SIGNERS: EVERYBODY.encode()}
            tips[kind].append(
                commit_edit(
                    world.person, tips[kind][-1], files, message=f"Change to {text}",
                    author=DAN.identity, committer=by.identity, when=world.moment, key=by.key,
                )
            )  # fmt: skip
    head = tips["topic"][-1]
    made = tips["topic" if how == "forward" else how][1:]
    push(world.person, "refs/heads/topic-7", head, None)
    push(world.person, "refs/heads/main", made[-1], main)
    world.context.mirror.fetch()
    _, digest = world.trunk("four", made[-1])
    forge.pulls[7] = forges.Pull(
        head, "topic-7", open=False, merged=made[-1], brought=tuple(made[::-1][:listed]),
        reviews=[Reviewed("Bob", "approved", head)],
    )  # fmt: skip
    wished(world, digest)
    assert says in looked(world)
