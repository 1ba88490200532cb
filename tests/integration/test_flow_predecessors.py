"""What counts as completed in the environment before: only what its own branch, as it is followed, says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pygit2
import pytest

from reconciler.errors import Stalled
from reconciler.flows.envbranch import is_followed
from reconciler.git.writing import push
from tests.integration.environment_world import World, make_world, policy
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    """Dev, then staging, then prod. Something runs in dev alone, and is wished for in prod."""
    found = make_world(database, git_server, tmp_path)
    found.policies = (policy("dev"), policy("staging", "dev"), policy("prod", "staging"))
    return found


def test_the_branch_of_another_environment_does_not_stand_for_the_one_before(world: World) -> None:
    _, digest = world.trunk("one")
    world.settle("dev", 3)
    world.run("staging")
    world.run("prod")
    world.wish("prod", digest)
    world.run("prod")
    assert world.rollouts("prod") == {}
    # The branch only goes forward, so that a forge takes it: dev's commits with staging's behind them.
    dev, staging = world.head("dev"), world.head("staging")
    assert dev is not None
    assert staging is not None
    who = pygit2.Signature("Ada", "ada@example.com", 1, 0)
    tree = world.person.commit(dev).tree
    merge = str(world.person.repository.create_commit(None, who, who, "Merge", tree, [dev, staging]))
    push(world.person, "refs/heads/env/staging", merge, staging)
    world.run("prod")
    assert world.rollouts("prod") == {}
    assert [found["code"] for found in world.environment("prod").view["waiting"]] == ["W-REL-086"]


def test_a_commit_that_is_read_a_little_late_is_of_the_same_branch(world: World) -> None:
    world.trunk("one")
    world.settle("dev", 3)
    mirror = world.context.mirror
    first, last = world.log("dev")[-1].sha, world.head("dev")
    assert last is not None
    assert is_followed(mirror, "dev", last, last)
    assert is_followed(mirror, "dev", first, last)
    assert is_followed(mirror, "dev", last, first)
    other = world.write(None, {"x": b""})
    push(world.person, "refs/heads/other", other, None)
    mirror.fetch()
    assert not is_followed(mirror, "dev", last, other)
    assert not is_followed(mirror, "dev", "0" * 40, other)


def test_a_new_environment_does_not_inherit_what_another_one_completed(world: World) -> None:
    _, digest = world.trunk("one")
    world.settle("dev", 3)
    dev = world.head("dev")
    assert dev is not None
    push(world.person, "refs/heads/env/staging", dev, None)
    with pytest.raises(Stalled) as caught:
        world.run("staging")
    assert caught.value.code == "E-REL-060"
    assert world.pointers("staging") == {}
    world.run("prod")
    world.wish("prod", digest)
    world.run("prod")
    because = world.environment("prod").view["waiting"][0]["message"]
    assert because == "what 'staging' has completed is not known: its branch cannot be followed yet"
