"""Two hundred races on a real git server: somebody else is quicker, and nothing is lost or done twice."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import LostRace
from reconciler.flows import environment
from reconciler.flows.envbranch import commit_keys
from reconciler.release.ledger import read_rollout
from reconciler.release.render import render_hold
from reconciler.release.state import Hold
from tests.integration.environment_world import World, make_world
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

RACES = 200
HELD = "holds/me.kdl"


class Rival:
    """Somebody who places and lifts a hold, or writes a note, whenever the engine is about to push."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chance = random.Random(5)
        self.pushed: list[str] = []
        self.held = False

    def strike(self) -> None:
        """One push. What it changes is what the engine was about to act on, or something else."""
        if self.chance.random() < 0.2:
            self.toggle()
        else:
            self.write({f"notes/{len(self.pushed)}": b"x"})

    def toggle(self) -> None:
        """Place the hold, or lift it."""
        self.held = not self.held
        hold = render_hold(Hold("me", f"number {len(self.pushed)}", "Ada")) if self.held else None
        self.write({HELD: hold})

    def write(self, files: dict[str, bytes | None]) -> None:
        self.pushed.append(self.world.edit("dev", files, f"Push {len(self.pushed)}"))


@pytest.mark.timeout(600)
def test_two_hundred_lost_races_lose_nothing_and_do_nothing_twice(
    database: Any, git_server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(database, git_server, tmp_path)
    world.trunk("one")
    world.nodes("dev", 3)
    rival, lost, tries = Rival(world), 0, 0
    strikes = 0

    def meddle(look: environment.Look) -> None:
        nonlocal strikes
        # The first commit makes the branch, and nobody can be quicker on a branch that is not there.
        if look.commit is not None and look.branch is not None and strikes > 0:
            strikes -= 1
            rival.strike()
        environment.push_commit(look)

    monkeypatch.setattr(environment, "STEPS", (*environment.STEPS[:-1], meddle))
    world.run("dev")
    while lost < RACES:
        tries += 1
        assert tries < RACES, f"only {lost} races in {tries} rounds"
        # Something to do in each round: a release, or the end of what held the last one.
        if rival.held:
            rival.toggle()
        elif rival.chance.random() < 0.5:
            world.trunk(f"release {tries}")
        strikes = rival.chance.choice([3, 5, 8])
        while True:
            try:
                world.run("dev")
                break
            except LostRace:
                lost += 1
        world.report("dev")
        world.wait(2)
    strikes = 0
    if rival.held:
        rival.toggle()
    world.settle("dev", 10)
    check(world, rival)
    assert world.environment("dev").view["live"] == world.environment("dev").view["release"]["digest"]


def check(world: World, rival: Rival) -> None:
    log = world.person.first_parents(str(world.head("dev")), limit=5_000, stop=None)[::-1]
    ours = [info for info in log if world.person.signed_by(info.sha, *commit_keys(world.context).believed)]
    # Nothing of the other's is lost, and all of it stands in the order in which it was pushed.
    assert [info.sha for info in log if info.subject.startswith("Push ")] == rival.pushed
    assert len({info.sha for info in log}) == len(log)
    # What we did, we did once: every commit follows from its own parent, and no rollout opens or ends twice.
    assert len({info.parents for info in ours}) == len(ours)
    for event in ("rollout.opened", "rollout.completed", "rollout.superseded", "rollout.rolled-back"):
        names = [info.trailer("Rollout") for info in ours if info.trailer("Event") == event]
        assert len(set(names)) == len(names), event
    sequences = []
    for info in ours:
        content = world.person.read_file(info.sha, "rollout.kdl")
        assert content is not None
        sequences.append(read_rollout(content, "rollout.kdl").sequence)
    assert sequences == sorted(sequences)
    states = [info.trailer("Event") for info in ours]
    assert all(
        (one, two) not in {("rollout.paused", "rollout.paused"), ("rollout.resumed", "rollout.resumed")}
        for one, two in pairwise(states)
    )
    # The database tells of every commit once.
    assert world.releases("dev") == [info.subject for info in log]
