"""Gates in the environment flow: what nodes counted, what addresses answer, and what people say."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.egress import EgressRules
from reconciler.config.gates import GateSpec
from reconciler.config.policy import EnvironmentPolicy
from reconciler.db import session
from reconciler.db.gating import StepEvidence
from reconciler.db.models import Node, NodeSignal
from reconciler.fleet.signals import Counts, minute_of
from reconciler.release.branch import parse_branch
from reconciler.release.facts import Facts
from reconciler.release.render import render_go
from reconciler.release.state import Go, Judgement, Rollout
from reconciler.store import layout
from tests.integration.environment_world import World, make_world, policy
from tests.servers.git_http import GitServer, git_server
from tests.unit.config.issuing import issue
from tests.unit.egress.answering import Server, answer, serving

__all__ = ["git_server"]

RATE = GateSpec("error-rate", "", {"max-ppm": 10_000, "samples": 100})
SLO = GateSpec(
    "slo",
    "orders",
    {"objective-ppm": 990_000, "samples": 100, "days": 30, "faster-than-ms": 0, "service": "orders",
     "sli": "availability"},
)  # fmt: skip


@pytest.fixture
def world(database: Any, git_server: GitServer, tmp_path: Path) -> World:
    return make_world(database, git_server, tmp_path)


def gated(world: World, *gates: GateSpec, **changes: Any) -> str:
    """Two nodes whose first release is live; a second one is wished, under these gates. Gives its digest."""
    world.policies = (policy("dev"),)
    world.nodes("dev", 2)
    world.trunk("one")
    world.run("dev")
    world.report("dev")
    assert world.settle("dev").kind == "unchanged"
    world.policies = (policy("dev", gates=gates, **changes),)
    _, digest = world.trunk("two")
    world.run("dev")
    world.report("dev")
    # What was measured when the step began is used for ten seconds.
    world.wait(10)
    return digest


def count(world: World, digest: str, requests: int, failed: int = 0) -> None:
    """Every node that runs this digest counted so much in this minute."""
    with session.writing():
        for node in Node.select().where(Node.running == digest):
            counts = Counts(requests, failed, requests, (100,), (requests,))
            NodeSignal.insert(
                organization="acme", project="shop", environment="dev", node=node.id, digest=digest,
                minute=minute_of(world.moment), requests=requests, failed=failed, observed=requests,
                buckets=[[100], [requests]], services={"orders": counts.to_json()}, cpu_permille=100,
            ).on_conflict_ignore().execute()  # fmt: skip


def waits(world: World) -> str:
    """The reason of the only gate that waits."""
    outcome = world.run("dev")
    assert outcome.kind == "waiting", outcome
    (reason,) = world.environment("dev").view["waiting"]
    assert reason["code"] == "W-REL-009"
    return str(reason["message"])


def rollout_of(world: World) -> Rollout:
    """The newest rollout, as the ledger on the branch has it."""
    content = world.read("dev", "rollout.kdl")
    assert content is not None
    ledger = parse_branch({"rollout.kdl": content}).ledger
    assert ledger is not None
    assert ledger.rollout is not None
    return ledger.rollout


def verdicts(world: World, step: int) -> dict[str, Judgement]:
    """What was said of a step."""
    return {found.gate: found for found in rollout_of(world).steps[step - 1].verdicts}


def test_a_gate_on_what_nobody_reports_waits_and_fails_at_the_deadline(world: World) -> None:
    gated(world, RATE)
    assert "none of the 1 moved nodes reports what its proxy measures" in waits(world)
    world.wait(61)
    world.report("dev")
    assert world.run("dev").kind == "changed"
    assert world.rollouts("dev")["r-0002"] == "rolled-back"


def test_a_well_release_passes_with_its_numbers(world: World) -> None:
    digest = gated(world, RATE)
    count(world, digest, 99)
    assert "99 of at least 100 requests seen" in waits(world)
    world.wait(60)
    count(world, digest, 901, 1)
    world.report("dev")
    # Its minute of progress is over, and it passes all the same: what passes is not late.
    assert world.run("dev").kind == "changed"
    found = verdicts(world, 1)["error-rate"]
    assert found.because == "0.10% of 1000 requests failed, 1.00% may"
    assert found.evidence == {"failed": 1, "requests": 1000}


def test_a_bad_release_goes_back_and_the_decision_can_be_made_again(world: World) -> None:
    digest = gated(world, RATE)
    count(world, digest, 200, 3)
    world.run("dev")
    world.report("dev")
    assert world.rollouts("dev")["r-0002"] == "rolled-back"
    assert digest not in world.running("dev")
    assert verdicts(world, 1)["error-rate"].verdict == "fail"
    rolled_back = next(c for c in world.log("dev") if c.subject.startswith("Roll back"))
    key = layout.decision("acme", "shop", str(rolled_back.trailer("Inputs")))
    data = json.loads(world.context.store.get(key, limit=1 << 20))
    facts = Facts.from_json(data["facts"])
    assert facts.signals is not None
    assert facts.signals.moved is not None
    assert (facts.signals.moved.requests, facts.signals.moved.failed) == (200, 3)
    assert facts.to_json() == data["facts"]
    assert EnvironmentPolicy.from_json(data["policy"]).gates == (RATE,)


def test_what_other_nodes_and_other_digests_counted_is_not_the_releases(world: World) -> None:
    digest = gated(world, RATE, progress_deadline_seconds=600)
    (before,) = world.running("dev") - {digest}
    count(world, before, 5000, 5000)
    assert "none of the 1 moved nodes" in waits(world)
    with session.reading():
        signals = StepEvidence.get().document
    assert signals["moved"]["requests"] == 0
    # A part of this minute was before the step began, and reports in the next one may reach back to before it.
    assert signals["control"]["requests"] == 0
    world.wait(120)
    count(world, before, 4000, 4000)
    world.run("dev")
    with session.reading():
        signals = StepEvidence.get().document
    assert signals["control"]["requests"] == 4000


def test_who_came_later_is_nobody_to_compare_with(world: World) -> None:
    digest = gated(world, RATE)
    world.nodes("dev", 1)
    world.report("dev")
    assert len(world.running("dev") - {digest}) == 1
    waits(world)
    with session.reading():
        signals = StepEvidence.get().document
        assert Node.select().where(Node.running != digest).count() == 2
    assert signals["control"]["nodes"] == 1


def test_an_objective_that_burns_in_the_step_fails_it(world: World) -> None:
    digest = gated(world, SLO, progress_deadline_seconds=600)
    count(world, digest, 1000, 1000)
    # What burned in the minute in which the step began is not blamed on it.
    assert "it burned before the step already, or the step has seen too little" in waits(world)
    world.wait(120)
    count(world, digest, 1000, 200)
    world.report("dev")
    world.run("dev")
    assert world.rollouts("dev")["r-0002"] == "rolled-back"
    assert verdicts(world, 1)["slo orders"].evidence["burn-1h-permille"] == 60_000


def test_a_person_is_waited_for_and_says_go(world: World) -> None:
    gated(world, GateSpec("manual"))
    assert "a person has to say go: sentinelctl approve" in waits(world)
    world.wait(600)
    world.report("dev")
    assert "a person has to say go" in waits(world)
    rollout = rollout_of(world)
    go = Go("r-0002", 1, rollout.digest, rollout.steps[0].sequence, "Ada", "Looks well")
    world.edit("dev", {"gates/r-0002-1.kdl": render_go(go)})
    assert world.run("dev").kind == "changed"
    assert verdicts(world, 1)["manual"].because == "Ada said go: Looks well"


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Iterator[Server]:
    """A server that is well, behind a certificate that the control plane is told to believe."""
    begins = datetime.now(UTC) - timedelta(days=1)
    authority = issue("Test CA", ca=True, begins=begins)
    issued = issue("localhost", "localhost", by=authority, begins=begins)
    (tmp_path / "server.pem").write_bytes(issued.pem + issued.private())
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    rules = EgressRules(("127.0.0.0/8", "::1"), f"file:{tmp_path / 'ca.pem'}")
    world.context.installation = replace(world.context.installation, egress=rules)
    with serving(answer("200 OK"), context) as server:
        yield server


def http(port: int, status: int = 200) -> GateSpec:
    return GateSpec("http", f"https://localhost:{port}/healthz", {"status": status, "within-ms": 10_000})


def test_an_address_that_answers_well_lets_the_step_pass(world: World, shop: Server) -> None:
    gated(world, http(shop.port))
    assert world.run("dev").kind == "changed"
    found = verdicts(world, 1)[f"http https://localhost:{shop.port}/healthz"]
    assert (found.verdict, found.evidence["status"], found.evidence["failures"]) == ("pass", 200, 0)
    assert shop.requests[0].startswith(b"GET /healthz HTTP/1.1")


def test_an_address_is_asked_every_ten_seconds_and_fails_the_third_time(world: World, shop: Server) -> None:
    gated(world, http(shop.port, 204))
    assert len(shop.requests) == 1
    assert "200 after" in waits(world)
    assert len(shop.requests) == 2
    world.wait(9)
    waits(world)
    assert len(shop.requests) == 2
    world.wait(1)
    world.report("dev")
    assert world.run("dev").kind == "changed"
    assert len(shop.requests) == 3
    assert world.rollouts("dev")["r-0002"] == "rolled-back"


def test_an_address_that_may_not_be_asked_is_waited_for(world: World, shop: Server) -> None:
    world.context.installation = replace(world.context.installation, egress=EgressRules())
    gated(world, http(shop.port))
    for _ in range(4):
        assert "E-EGR-002 localhost may not be asked" in waits(world)
        world.wait(10)
        world.report("dev")
    assert shop.connections == 0


def test_what_was_measured_before_a_pause_does_not_count_after_it(world: World) -> None:
    digest = gated(world, RATE)
    count(world, digest, 200, 0)
    world.edit("dev", {"holds/x.kdl": b'hold "wait"\n'})
    world.run("dev")
    world.wait(300)
    world.edit("dev", {"holds/x.kdl": None})
    world.run("dev")
    world.wait(2)
    world.report("dev")
    assert "none of the 1 moved nodes" in waits(world)


def test_what_many_nodes_counted_is_added_up_more_rarely(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.flows.measuring.NODES_AT_ONCE", 1)
    digest = gated(world, RATE)
    count(world, digest, 1)
    # Two nodes, so that they are counted every twenty seconds: the last time was ten seconds ago, when nothing ran.
    assert "no moved node runs it yet" in waits(world)
    world.wait(10)
    world.report("dev")
    assert "1 of at least 100 requests seen" in waits(world)
