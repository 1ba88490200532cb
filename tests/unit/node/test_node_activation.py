"""Activation step by step: what is done in which order, and what is undone when a step fails."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Refused, Stalled
from reconciler.node.effects import (
    Done,
    Failed,
    HttpReply,
    Reload,
    Restart,
    SaveState,
    Sleep,
    Stage,
    Switch,
    Test,
)
from reconciler.node.files import NodeFiles
from reconciler.node.machine import AT_ONCE
from reconciler.simulator.temperament import TEMPERAMENTS, Temperament
from tests.unit.node.bench import Bench
from tests.unit.node.publishing import build, make_signed_root, signing_key

GOOD = build("127.0.0.1:3000")
NEXT = build("127.0.0.1:4000")
RESTARTED = build("127.0.0.1:5000", restart_key="r2")
SAME = build("127.0.0.1:3000", extra="another digest, the same configuration")
STEPS = (Stage, Test, Switch, Reload, Restart, SaveState)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A node that runs GOOD at sequence 5."""
    bench = Bench(tmp_path / "node")
    bench.plane.offer(GOOD, sequence=5)
    assert bench.settle()["running"] == GOOD.digest
    bench.performed.clear()
    return bench


def steps(bench: Bench) -> list[str]:
    return [type(effect).__name__ for effect in bench.performed if isinstance(effect, STEPS)]


def test_the_first_activation_starts_the_proxy(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "node")
    assert bench.settle(2)["health"] == {"state": "unknown", "reason": "nothing was activated yet"}
    assert bench.proxy.running().config_id is None
    bench.performed.clear()
    bench.plane.offer(GOOD, sequence=1)
    bench.cycle()
    assert steps(bench) == ["SaveState", "Stage", "Test", "Switch", "Restart", "SaveState"]
    bench.cycle()
    last = bench.plane.heartbeats[-1]
    assert (last["running"], last["config_id"], last["delivered"]) == (
        GOOD.digest,
        GOOD.config_id,
        GOOD.digest,
    )


def test_a_change_is_reloaded_and_reported_at_once(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6)
    slept = len(bench.slept)
    assert bench.cycle() is True
    assert steps(bench) == ["SaveState", "Stage", "Test", "Switch", "Reload", "SaveState"]
    assert len(bench.slept) == slept
    assert bench.files.linked() == NEXT.digest


def test_another_restart_key_restarts(bench: Bench) -> None:
    bench.plane.offer(RESTARTED, sequence=6)
    bench.cycle()
    assert "Restart" in steps(bench)
    assert "Reload" not in steps(bench)


def test_the_same_config_id_is_recorded_without_a_reload(bench: Bench) -> None:
    bench.plane.offer(SAME, sequence=6)
    bench.cycle()
    assert steps(bench) == ["SaveState", "Stage", "Test", "Switch", "SaveState"]
    bench.cycle()
    last = bench.plane.heartbeats[-1]
    assert (last["running"], last["sequence"]) == (SAME.digest, 6)


def test_a_re_dated_pointer_downloads_nothing(bench: Bench) -> None:
    bench.seconds += 3600
    bench.plane.now = bench.now()
    bench.seconds = 0
    bench.plane.offer(GOOD, sequence=5)
    bench.plane.asked.clear()
    bench.settle(2)
    assert not [path for path in bench.plane.asked if "/bundles/sha256" in path]
    assert steps(bench) == ["SaveState"]
    assert bench.agent.state is not None
    assert bench.agent.state.trust is not None
    assert bench.agent.state.trust.issued == "2026-11-23T21:00:00Z"


def test_going_back_is_a_higher_sequence_and_the_old_digest(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6)
    bench.settle(2)
    bench.plane.offer(GOOD, sequence=7)
    last = bench.settle(2)
    assert (last["running"], last["sequence"]) == (GOOD.digest, 7)


def test_the_proxys_own_test_has_the_last_word(bench: Bench) -> None:
    bench.plane.offer(build(config=b"listeners {\n"), sequence=6)
    bench.cycle()
    assert steps(bench) == ["SaveState", "Stage", "Test", "SaveState"]
    bench.cycle()
    last = bench.plane.heartbeats[-1]
    assert last["refusal"]["code"] == "E-NOD-021"
    assert "Failed to parse KDL document" in last["refusal"]["message"]
    assert last["running"] == GOOD.digest


def fail(bench: Bench, kind: type, at: int = 1, times: int = 1) -> None:
    """Let the `at`-th effect of a kind fail as a full disk does."""
    perform = bench.hands.perform
    seen = 0

    class Hands:
        def perform(self, effect: Any) -> Any:
            nonlocal seen
            if isinstance(effect, kind):
                seen += 1
                if at <= seen < at + times:
                    return Failed("OSError: No space left on device")
            return perform(effect)

    bench.hands = Hands()  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("kind", "at", "code"),
    [
        pytest.param(SaveState, 1, "E-NOD-025", id="delivered cannot be remembered"),
        pytest.param(Stage, 1, "E-NOD-020", id="staging"),
        pytest.param(Test, 1, "E-NOD-021", id="test cannot run"),
        pytest.param(Switch, 1, "E-NOD-022", id="switch"),
        pytest.param(Reload, 1, "E-NOD-023", id="reload"),
        pytest.param(SaveState, 2, "E-NOD-025", id="confirming"),
    ],
)
def test_f2_16_a_step_that_fails_leaves_the_old_one_whole(
    bench: Bench, kind: type, at: int, code: str
) -> None:
    bench.plane.offer(NEXT, sequence=6)
    fail(bench, kind, at)
    bench.cycle()
    bench.cycle()
    last = bench.plane.heartbeats[-1]
    assert last["refusal"]["code"] == code
    assert last["running"] == GOOD.digest
    assert last["health"] == {"state": "healthy"}
    assert bench.files.linked() == GOOD.digest
    assert last["sequence"] == 5, "the sequence rises only with a confirmed activation"
    bench.seconds += 1000
    assert bench.settle(2)["running"] == NEXT.digest, "and it is tried again"


@pytest.mark.parametrize("name", ["deaf", "fragile"])
def test_a_proxy_that_does_not_take_it_goes_back(bench: Bench, name: str) -> None:
    bench.proxy.temperament = TEMPERAMENTS[name]
    bench.plane.offer(NEXT if name == "deaf" else RESTARTED, sequence=6)
    bench.cycle()
    assert bench.files.linked() == GOOD.digest
    bench.proxy.temperament = TEMPERAMENTS["steady"]
    bench.cycle()
    bench.cycle()
    last = bench.plane.heartbeats[-1]
    assert last["refusal"]["code"] == "E-NOD-024"
    assert last["running"] == GOOD.digest


def test_a_slow_reload_is_waited_for(bench: Bench) -> None:
    bench.proxy.temperament = Temperament("slow", reload_seconds=2.0)
    bench.plane.offer(NEXT, sequence=6)
    bench.cycle()
    bench.cycle()
    assert bench.plane.heartbeats[-1]["running"] == NEXT.digest


class PowerCut(Exception):
    pass


@pytest.mark.parametrize("proxy_too", [False, True])
@pytest.mark.parametrize("cut", range(1, 18))
def test_f2_15_a_power_cut_before_any_effect_leaves_old_or_new(
    tmp_path: Path, cut: int, proxy_too: bool
) -> None:
    bench = Bench(tmp_path / "node")
    bench.plane.offer(GOOD, sequence=5)
    bench.settle()
    bench.plane.offer(RESTARTED, sequence=6)
    perform, count = bench.hands.perform, 0

    class Hands:
        def perform(self, effect: Any) -> Any:
            nonlocal count
            count += 1
            if count == cut:
                raise PowerCut
            return perform(effect)

    bench.hands = Hands()  # type: ignore[assignment]
    if cut == 17:
        bench.cycle()
        assert count == 16, "a round with an activation has other effects than are cut here"
    else:
        with pytest.raises(PowerCut):
            bench.cycle()
    bench.start(proxy_too=proxy_too)
    bench.run(bench.agent.recover())
    state = bench.agent.state
    assert state is not None
    assert state.active is not None
    assert state.active.digest in (GOOD.digest, RESTARTED.digest)
    assert bench.proxy.running().config_id == state.active.config_id
    assert bench.files.linked() == state.active.digest
    assert bench.settle(2)["running"] == RESTARTED.digest


def test_staged_bundles_do_not_pile_up(bench: Bench) -> None:
    for number in range(6):
        bench.plane.offer(build(f"127.0.0.1:{6000 + number}"), sequence=6 + number)
        bench.settle(2)
    assert len(list(bench.files.bundles.iterdir())) == 2


def test_a_newer_root_is_walked_to_and_kept(bench: Bench) -> None:
    from dataclasses import replace

    from reconciler.bundle.dsse import read_envelope
    from reconciler.bundle.root import decode_root, sign_root

    first = decode_root(read_envelope(make_signed_root(bench.plane.now), "x", limit=10**6).payload)
    second = replace(first, version=2)
    third = replace(first, version=3)
    bench.plane.roots[2] = sign_root(second, [signing_key("root")])
    bench.plane.roots[3] = sign_root(third, [signing_key("root")])
    bench.plane.offer(NEXT, sequence=6)
    assert bench.settle(2)["running"] == NEXT.digest
    bench.start()
    bench.plane.asked.clear()
    bench.plane.offer(GOOD, sequence=7)
    assert bench.settle(2)["running"] == GOOD.digest
    assert not [path for path in bench.plane.asked if "/roots/" in path]


def test_a_root_that_was_believed_stays_whatever_came_with_it(bench: Bench) -> None:
    from dataclasses import replace

    from reconciler.bundle.dsse import read_envelope
    from reconciler.bundle.root import decode_root, sign_root

    first = decode_root(read_envelope(make_signed_root(bench.plane.now), "x", limit=10**6).payload)
    bench.plane.roots[2] = sign_root(replace(first, version=2), [signing_key("root")])
    running = bench.settle(1)["running"]
    bench.plane.offer(NEXT, sequence=6, project="other")
    assert bench.settle(2)["running"] == running
    bench.start()
    assert bench.agent.state is not None
    assert bench.agent.state.refusal is not None
    kept = decode_root(read_envelope(bench.agent.state.root.encode(), "x", limit=10**6).payload)
    assert kept.version == 2


def test_the_machine_rests_between_rounds_whatever_it_is_told(bench: Bench) -> None:
    """A control plane that has other news at every poll, all of it wrong, is not raced."""
    life = bench.agent.life()
    before = len(bench.plane.heartbeats)
    pauses = 0
    answer: Any = None
    for _ in range(300):
        bench.plane.offer(NEXT, sequence=4, weight=len(bench.plane.asked) % 100)
        effect = next(life) if answer is None else life.send(answer)
        if isinstance(effect, Sleep):
            pauses += 1
            answer = Done()
        else:
            answer = bench.hands.perform(effect)
    assert pauses > 5
    assert len(bench.plane.heartbeats) - before <= (AT_ONCE + 1) * (pauses + 1)


def test_a_proxy_that_died_is_not_reported_as_running_and_is_started_again(bench: Bench) -> None:
    bench.proxy.die()
    bench.cycle()
    assert bench.plane.heartbeats[-1]["running"] is None
    assert bench.plane.heartbeats[-1]["health"] == {"state": "unhealthy", "reason": "the proxy does not run"}
    bench.cycle()
    assert bench.plane.heartbeats[-1]["running"] == GOOD.digest


def test_back_off_grows_while_the_control_plane_is_away_and_ends(bench: Bench) -> None:
    bench.plane.away = True
    life = bench.agent.life()
    answer: Any = None
    pauses: list[float] = []
    while len(pauses) < 8:
        effect = next(life) if answer is None else life.send(answer)
        if isinstance(effect, Sleep):
            pauses.append(effect.seconds)
            answer = Done()
        else:
            answer = bench.hands.perform(effect)
    assert pauses[:4] == pytest.approx([2, 4, 8, 16])
    assert max(pauses) == pytest.approx(60)
    assert "cannot be reached" in bench.agent.trouble
    bench.plane.away = False
    while not pauses or pauses[-1] > 3:
        effect = life.send(answer)
        if isinstance(effect, Sleep):
            pauses.append(effect.seconds)
            answer = Done()
        else:
            answer = bench.hands.perform(effect)
    assert bench.agent.trouble == ""


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("40", (40, 60)),
        ("0", (1.8, 2.2)),
        ("99999999", (900, 1350)),
        ("Wed, 25 Nov 2026 02:00:00 GMT", (1.8, 2.2)),
        ("-5", (1.8, 2.2)),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_an_overloaded_control_plane_is_left_alone_as_long_as_it_asks(
    bench: Bench, said: str, first: tuple[float, float], status: int
) -> None:
    ask = bench.plane.ask
    bench.plane.ask = lambda request: HttpReply(status, {"retry-after": said}, b"{}")  # type: ignore[method-assign]
    seen: list[list[float]] = []
    for chance in (0.0, 1.0):
        bench.agent.chance = lambda chance=chance: chance  # type: ignore[misc]
        life, answer, pauses = bench.agent.life(), None, []
        while len(pauses) < 2:
            effect = next(life) if answer is None else life.send(answer)
            if isinstance(effect, Sleep):
                pauses.append(effect.seconds)
                if len(pauses) == 1:
                    bench.plane.ask = ask  # type: ignore[method-assign]
                answer = Done()
            else:
                answer = bench.hands.perform(effect)
        seen.append(pauses)
        bench.plane.ask = lambda request: HttpReply(status, {"retry-after": said}, b"{}")  # type: ignore[method-assign]
    assert (seen[0][0], seen[1][0]) == pytest.approx(first)
    assert max(seen[0][1], seen[1][1]) <= 2.2, "once it answers, it is asked as ever"


def test_secrets_are_private_files(bench: Bench) -> None:
    for name in ("identity.json", "state.json"):
        assert stat.S_IMODE((bench.files.home / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(bench.files.home.stat().st_mode) == 0o700
    assert "snk_secret" not in repr(bench.agent)
    assert "sjt_token" not in repr(bench.agent)


def test_a_damaged_state_is_reported_and_not_guessed_at(bench: Bench) -> None:
    path = bench.files.home / "state.json"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(Stalled, match="E-NOD-001"):
        bench.files.state()


def test_a_node_without_token_says_what_to_do(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "node")
    object.__setattr__(bench.agent.wishes, "join_token", None)
    with pytest.raises(Stalled, match="join-token create"):
        bench.cycle()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", ""])
def test_staging_writes_nothing_outside_its_folder(tmp_path: Path, name: str) -> None:
    files = NodeFiles(tmp_path / "node")
    files.prepare()
    with pytest.raises(OSError, match="outside its folder"):
        files.stage("sha256:" + "0" * 64, {name: b"x"})
    assert not list(tmp_path.rglob("evil"))


def test_an_answer_to_registration_that_is_nonsense_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "node")
    bench.plane.roots[1] = b"[]"
    with pytest.raises(Refused, match="E-NOD-014"):
        bench.cycle()
    assert bench.files.identity() is None
