"""Going back by hand: to what ran before, verified again, held for a time, ended in three ways, told to everybody."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from reconciler.clock import iso
from reconciler.errors import Stalled
from reconciler.node.alone import alone
from reconciler.node.driver import Stopped, drive
from reconciler.node.effects import Done, EndOrder, Failed, Sleep, TakeOrder
from reconciler.node.orders import Order, Outcome
from reconciler.node.returning import heed_orders, obey
from reconciler.node.rollback_command import have_done, make_order
from reconciler.simulator.temperament import TEMPERAMENTS
from tests.unit.node.bench import Bench
from tests.unit.node.publishing import build
from tests.unit.node.test_node_crashes import Killed, at_each_step
from tests.unit.node.test_node_secrets import GOOD as SECRET
from tests.unit.node.test_node_secrets import VALUES, shop

OLD = build("127.0.0.1:3000")
NEW = build("127.0.0.1:4000", restart_key="r2")
NEXT = build("127.0.0.1:5000")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A node that ran OLD and runs NEW."""
    bench = Bench(tmp_path / "node")
    bench.plane.offer(OLD, sequence=5)
    bench.settle()
    bench.plane.offer(NEW, sequence=6)
    assert bench.settle()["running"] == NEW.digest
    return bench


def order(bench: Bench, verb: str = "rollback", *, hours: float = 24, name: str = "o-1") -> Order:
    return Order(name, verb, iso(bench.now()), "it cuts uploads", int(hours * 3600))  # type: ignore[arg-type]


def go_back(bench: Bench, **changes: Any) -> Outcome:
    outcome: Outcome = bench.run(obey(bench.agent, order(bench, **changes)))
    return outcome


def test_it_serves_what_ran_before_and_says_so(bench: Bench) -> None:
    outcome = go_back(bench)
    assert outcome.code == ""
    assert OLD.digest[:19] in outcome.message
    assert bench.files.linked() == OLD.digest
    last = bench.settle(1)
    assert (last["running"], last["config_id"], last["health"]) == (
        OLD.digest,
        OLD.config_id,
        {"state": "healthy"},
    )
    assert (last["refusal"]["code"], last["refusal"]["digest"]) == ("E-NOD-060", NEW.digest)
    assert "it cuts uploads" in last["refusal"]["message"]
    assert last["sequence"] == 6, "what was seen stays seen"


def test_polls_and_starts_do_not_undo_it(bench: Bench) -> None:
    go_back(bench)
    asked = len(bench.plane.tags)
    for _ in range(70):
        bench.cycle()
    assert len(bench.plane.tags) > asked, "the node polls now and then whatever a heartbeat told it"
    bench.start(proxy_too=True)
    bench.run(bench.agent.recover())
    assert bench.settle(3)["running"] == OLD.digest
    # Dated again, as every hour, it has another ETag and is offered as if it were new.
    bench.plane.now = bench.now()
    bench.seconds = 0
    bench.plane.offer(NEW, sequence=7)
    last = bench.settle(3)
    assert (last["running"], last["refusal"]["code"], last["sequence"]) == (OLD.digest, "E-NOD-060", 6)


def test_another_bundle_ends_it(bench: Bench) -> None:
    go_back(bench)
    bench.plane.offer(NEXT, sequence=7)
    last = bench.settle(2)
    assert (last["running"], last["refusal"]) == (NEXT.digest, None)
    bench.plane.offer(NEW, sequence=8)
    assert bench.settle(2)["running"] == NEW.digest, "what is decided later is taken again"


def test_a_rollback_by_the_control_plane_ends_it_without_a_step(bench: Bench) -> None:
    go_back(bench)
    starts = bench.proxy.starts
    bench.plane.offer(OLD, sequence=7)
    last = bench.settle(2)
    assert (last["running"], last["sequence"], last["refusal"]) == (OLD.digest, 7, None)
    assert bench.proxy.starts == starts
    assert bench.agent.state is not None
    assert bench.agent.state.held is None


def test_its_time_ends_it(bench: Bench) -> None:
    go_back(bench, hours=2)
    bench.seconds += 7100
    assert bench.settle(2)["running"] == OLD.digest
    bench.seconds += 200
    assert bench.settle(2)["running"] == NEW.digest


def test_the_operator_ends_it(bench: Bench) -> None:
    go_back(bench)
    assert go_back(bench, verb="end", name="o-2").code == ""
    last = bench.settle(2)
    assert (last["running"], last["refusal"]) == (NEW.digest, None)
    assert "nothing to end" in go_back(bench, verb="end", name="o-3").message


def test_going_back_twice_is_no_way_forward(bench: Bench) -> None:
    go_back(bench)
    assert go_back(bench, name="o-2").code == "E-NOD-061"
    assert bench.files.linked() == OLD.digest
    assert go_back(bench).code == "", "the same order, whose answer was lost"


def test_the_first_bundle_has_none_before_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "node")
    assert go_back(bench).code == "E-NOD-061"
    bench.plane.offer(OLD, sequence=5)
    assert bench.settle()["running"] == OLD.digest
    assert go_back(bench).code == "E-NOD-061"
    assert bench.proxy.running().config_id == OLD.config_id


@pytest.mark.parametrize("how", ["changed", "added", "removed", "linked", "all gone"])
def test_what_was_changed_on_the_disk_is_not_used(bench: Bench, how: str) -> None:
    folder = bench.files.folder(OLD.digest)
    config = bench.files.config(OLD.digest, "production")
    match how:
        case "changed":
            config.write_bytes(config.read_bytes() + b"// more\n")
        case "added":
            (folder / "agents").mkdir()
            (folder / "agents" / "more.txt").write_bytes(b"more")
        case "removed":
            bench.files.config(OLD.digest, "dev").unlink()
        case "linked":
            elsewhere = bench.home / "elsewhere.kdl"
            config.rename(elsewhere)
            config.symlink_to(elsewhere)
        case _:
            folder.rename(bench.home / "gone")
    outcome = go_back(bench)
    assert outcome.code == "E-NOD-062"
    last = bench.settle(1)
    assert (last["running"], last["health"]) == (NEW.digest, {"state": "healthy"})
    assert bench.files.linked() == NEW.digest


def test_a_proxy_that_does_not_take_it_leaves_what_runs(bench: Bench) -> None:
    bench.proxy.temperament = TEMPERAMENTS["refuses"]
    assert go_back(bench).code == "E-NOD-021"
    bench.proxy.temperament = TEMPERAMENTS["steady"]
    assert bench.agent.state is not None
    assert bench.agent.state.held is None
    assert bench.settle(1)["running"] == NEW.digest


def test_it_brings_its_secrets_and_a_reboot_finds_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "node")
    for (name, version), value in VALUES.items():
        bench.plane.secrets.put(name, version, value)
    bench.plane.offer(SECRET, sequence=5)
    bench.settle()
    bench.plane.offer(shop("two", key=2, token=2, target="127.0.0.1:4000"), sequence=6)
    bench.settle()
    read = bench.proxy.files["key-file"].sha256
    bench.plane.away = True
    assert go_back(bench).code == ""
    assert bench.proxy.files["key-file"].sha256 != read
    bench.start(proxy_too=True)
    bench.run(bench.agent.recover())
    assert bench.proxy.running().config_id == SECRET.config_id
    assert b"${secret" not in bench.files.link.resolve().read_bytes()


def test_killed_at_any_step_it_is_done_or_not(tmp_path: Path) -> None:
    def ready(name: str) -> Bench:
        bench = Bench(tmp_path / name)
        bench.plane.offer(OLD, sequence=5)
        bench.settle()
        bench.plane.offer(NEW, sequence=6)
        bench.settle()
        bench.files.give_order(order(bench))
        return bench

    counted = ready("counted")
    with at_each_step(lambda number: None) as steps:
        counted.run(heed_orders(counted.agent))
    count = len(steps)
    assert count >= 10, steps
    assert counted.files.order() is None
    for cut in range(1, count + 1):
        bench = ready(f"cut-{cut}")

        def strike(number: int, cut: int = cut) -> None:
            if number == cut:
                raise Killed

        with at_each_step(strike), pytest.raises(Killed):
            bench.run(heed_orders(bench.agent))
        bench.start(proxy_too=cut % 2 == 0)
        bench.run(bench.agent.recover())
        assert bench.agent.state is not None
        active = bench.agent.state.active
        assert active is not None
        assert bench.files.linked() == active.digest
        assert bench.proxy.running().config_id == active.config_id
        # The order still waits, unless it was ended; either way it is done once.
        bench.run(heed_orders(bench.agent))
        assert bench.settle(2)["running"] == OLD.digest, f"step {cut}"
        assert bench.files.order() is None


def test_an_order_that_is_old_or_none_is_not_heeded(bench: Bench) -> None:
    late = order(bench)
    bench.seconds += 700
    assert bench.run(obey(bench.agent, late)).code == "E-NOD-063"
    whole = asdict(late)
    strange = ({"at": "yesterday"}, {"at": "2026-11-23T20:00:00"}, {"seconds": 10**18}, {"seconds": True})
    for document in ({}, *(whole | change for change in strange)):
        (bench.files.home / "order.json").write_text(json.dumps(document))
        bench.said.clear()
        bench.run(heed_orders(bench.agent))
        assert [said.event for said in bench.said] == ["order-unreadable"], document
    assert bench.settle(1)["running"] == NEW.digest


def test_an_order_ends_a_rest_of_the_agent_and_no_other(bench: Bench) -> None:
    """Also where it cannot be taken away: it calls once, and later rests are rests."""
    rests = []

    def steps() -> Any:
        for rest in (Sleep(1.2), Sleep(600, idle=True), Sleep(1.2, idle=True)):
            answer = yield rest
            rests.append(answer)
        bench.stop.set()  # type: ignore[attr-defined]
        yield Sleep(60)

    bench.files.give_order(order(bench))
    bench.stop = threading.Event()  # type: ignore[attr-defined]
    with pytest.raises(Stopped):
        drive(steps(), bench.hands, bench.stop)  # type: ignore[attr-defined]
    assert rests == [Done()] * 3
    assert not bench.hands.called(), "it called once"


def test_an_order_that_cannot_be_taken_away_is_carried_out_once(bench: Bench) -> None:
    bench.files.give_order(order(bench))
    perform = bench.hands.perform

    class Hands:
        def perform(self, effect: Any) -> Any:
            return (
                Failed("OSError: Read-only file system") if isinstance(effect, EndOrder) else perform(effect)
            )

    bench.hands = Hands()  # type: ignore[assignment]
    bench.run(heed_orders(bench.agent))
    assert bench.settle(1)["running"] == OLD.digest
    assert "order-not-ended" in [said.event for said in bench.said]
    bench.performed.clear()
    bench.run(heed_orders(bench.agent))
    assert [type(effect) for effect in bench.performed] == [TakeOrder]


def test_a_command_gives_an_order_and_hears_what_came_of_it(bench: Bench) -> None:
    heard: list[str] = []

    def command() -> None:
        heard.append(have_done(bench.files, order(bench), patience=30))

    thread = threading.Thread(target=command)
    thread.start()
    while bench.files.ordered() == 0:
        thread.join(0.01)
    bench.run(heed_orders(bench.agent))
    thread.join(30)
    assert OLD.digest[:19] in heard[0]
    bench.agent.last_order = ""
    with pytest.raises(Stalled, match="E-NOD-064"):
        have_done(bench.files, order(bench, name="o-9"), patience=0)
    assert bench.files.order() is None, "an order that nobody heeded is taken back"


def test_one_home_has_one_agent(tmp_path: Path) -> None:
    with alone(tmp_path / "node"), pytest.raises(Stalled, match="E-NOD-005"), alone(tmp_path / "node"):
        pass
    with alone(tmp_path / "node"):
        pass


def test_an_order_is_made_of_what_was_said() -> None:
    made = make_order(end=False, because=" no\n ", seconds=7200.0)
    assert (made.verb, made.because, made.seconds) == ("rollback", "no", 7200)
    assert make_order(end=True, because="", seconds=1.0).verb == "end"


def test_refusals_of_what_was_left_name_the_operator(bench: Bench) -> None:
    go_back(bench)
    bench.plane.offer(NEW, sequence=9)
    bench.cycle()
    assert bench.agent.state is not None
    assert bench.agent.state.refusal is not None
    assert "the operator of the machine went back by hand" in bench.agent.state.refusal.message
    assert bench.agent.state.refusal.sequence == 9
