"""Each attack of the threat list against real agents over real HTTP.

Between the node API and a fleet stands a server that lies to each node in its own way. Every node has to keep what it
runs, to say with its very next heartbeat what it refused, and to take what is right as soon as it is told the truth.
`tests/unit/bundle/attacks.py` has the attacks. What mirrors can do is in `test_node_mirrors.py`, what can be heard on
the way in `test_secrets_fleet.py`, and what a stolen key is worth over time in `test_keys_fleet.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from reconciler import clock
from reconciler.db import session
from reconciler.db.models import Node
from reconciler.node import protocol
from reconciler.simulator.building import Group
from tests.integration.fleet_stage import Stage, all_run
from tests.integration.lying_server import LyingServer
from tests.servers.process import free_port
from tests.unit.bundle.attacks import ATTACKS, GOOD, NEXT, SEQUENCE, Attack, Scene

PATIENCE = 4.0
"""Seconds that nodes here wait for an answer, instead of half a minute."""


@dataclass
class Battle:
    """A stage whose nodes all run GOOD, and the liar between them and the node API."""

    stage: Stage
    front: LyingServer

    def node(self, attack: Attack) -> Node:
        """The node that has this attack to itself."""
        found: Node = Node.get(Node.name == f"sim-production-{ATTACKS.index(attack) + 1}")
        return found

    def refused(self, attack: Attack) -> Node:
        """The node, once its row says that it refused something."""
        name = self.node(attack).name
        nodes = self.stage.until(
            lambda nodes: any(node.name == name and node.refusal is not None for node in nodes), 60
        )
        return next(node for node in nodes if node.name == name)

    def begin(self) -> None:
        """Lie to every node in its own way."""
        assert self.stage.fleet is not None
        self.front.hold()
        nodes = {node.name: node.id for node in self.stage.until(all_run(GOOD.digest))}
        for attack, simulated in zip(ATTACKS, self.stage.fleet.nodes, strict=True):
            if attack.back:
                simulated.agent.now = lambda back=attack.back: clock.now() - back  # type: ignore[misc]
            scene = Scene(clock.now().replace(microsecond=0), self.stage.release.log)
            self.front.lie_to(nodes[simulated.name], attack.serve(scene))


@pytest.fixture(scope="module")
def battle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Battle]:
    stage = Stage(tmp_path_factory.mktemp("attacks"), free_port())
    front = LyingServer(stage.api.port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "ANSWER_SECONDS", PATIENCE)
        try:
            stage.release.log.grow(3)
            stage.release.pointer(GOOD, sequence=SEQUENCE)
            stage.start((Group("production", len(ATTACKS)),), url=front.url, token=stage.release.token())
            stage.until(lambda nodes: len(nodes) == len(ATTACKS) and all_run(GOOD.digest)(nodes), 90)
            battle = Battle(stage, front)
            battle.begin()
            yield battle
        finally:
            stage.stop_fleet()
            front.stop()
            stage.api.stop()
            session.disconnect()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_node_refuses(battle: Battle, attack: Attack) -> None:
    node = battle.refused(attack)
    assert node.refusal["code"] == attack.code
    assert len(node.refusal["message"]) > 20
    assert (node.running, node.health, node.sequence) == (GOOD.digest, "healthy", SEQUENCE)
    said = battle.front.heartbeats_after_the_lie(node.id)
    assert said[0]["refusal"]["code"] == attack.code, "the first heartbeat after it says so"


def test_nodes_that_were_lied_to_take_what_is_right(battle: Battle) -> None:
    """Whatever it was told, a node that hears the truth goes on, and its refusal is over."""
    liars = [attack for attack in ATTACKS if not attack.rooted]
    for attack in liars:
        battle.refused(attack)
    battle.stage.release.pointer(NEXT, sequence=SEQUENCE + 1)
    nodes = [battle.node(attack) for attack in liars]
    for node in nodes:
        battle.front.free(node.id)
    names = {node.name for node in nodes}
    battle.stage.until(
        lambda nodes: all((n.running, n.refusal) == (NEXT.digest, None) for n in nodes if n.name in names),
        90,
    )
