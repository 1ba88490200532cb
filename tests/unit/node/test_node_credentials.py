"""What an agent shows to its control plane: tokens that end, keys that are replaced, and cuts between any two steps."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Stalled
from reconciler.node.credentials import change_key, leave
from reconciler.node.effects import Failed, HttpReply, HttpRequest, SaveIdentity
from reconciler.node.state import Identity
from tests.unit.node.bench import Bench
from tests.unit.node.publishing import build


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path / "node")
    bench.plane.offer(build(), sequence=1)
    bench.settle()
    return bench


def count(bench: Bench, ending: str) -> int:
    return sum(path.endswith(ending) for path in bench.plane.asked)


def shown(bench: Bench, ending: str) -> list[str]:
    requests = [e for e in bench.performed if isinstance(e, HttpRequest) and e.path.endswith(ending)]
    return [request.headers["Authorization"] for request in requests]


def test_the_key_is_shown_for_a_token_alone(bench: Bench) -> None:
    assert count(bench, "/token") == 1
    assert shown(bench, "/token") == ["Bearer snk_secret"]
    assert set(shown(bench, "/heartbeat")) == {"Bearer paper.token.0"}
    kept = b"".join(path.read_bytes() for path in bench.home.rglob("*") if path.is_file())
    assert b"paper.token" not in kept


@pytest.mark.parametrize(
    ("seconds", "later", "tokens"), [(3600, 3290, 1), (3600, 3310, 2), (4, 1, 1), (4, 3, 2)]
)
def test_a_token_is_replaced_before_it_ends(tmp_path: Path, seconds: int, later: float, tokens: int) -> None:
    bench = Bench(tmp_path / "node")
    bench.plane.token_seconds = seconds
    bench.cycle()
    bench.seconds += later
    bench.cycle()
    assert count(bench, "/token") == tokens


def test_a_token_that_is_revoked_is_replaced_at_once(bench: Bench) -> None:
    bench.plane.tokens = ()
    bench.cycle()
    assert len(bench.plane.heartbeats) == 4
    assert count(bench, "/token") == 2


def test_a_token_that_is_revoked_during_a_download_costs_nothing(bench: Bench) -> None:
    ask = bench.plane.ask

    def revoke_first(request: HttpRequest) -> Any:
        if "/api/v1/bundles/" in request.path and count(bench, "/token") == 1:
            bench.plane.tokens = ()
        return ask(request)

    bench.plane.ask = revoke_first  # type: ignore[method-assign]
    found = build("127.0.0.1:4000")
    bench.plane.offer(found, sequence=2)
    assert bench.settle(2)["running"] == found.digest
    assert bench.plane.heartbeats[-1]["refusal"] is None


def test_a_node_that_is_retired_says_so_and_keeps_serving(bench: Bench) -> None:
    bench.plane.key_sha256, bench.plane.tokens = "", ()
    with pytest.raises(Stalled, match="E-NOD-011"):
        bench.cycle()
    assert bench.proxy.running().healthy


def identity(bench: Bench) -> Identity:
    found = bench.files.identity()
    assert found is not None
    return found


def test_a_key_is_replaced_and_a_running_agent_notices(bench: Bench) -> None:
    changed = bench.run(change_key(identity(bench), lambda: "snk_new"))
    assert (changed.key, changed.next_key) == ("snk_new", "")
    assert identity(bench) == changed
    assert bench.plane.key_sha256 == hashlib.sha256(b"snk_new").hexdigest()
    bench.cycle()
    assert len(bench.plane.heartbeats) == 4
    assert shown(bench, "/token")[-1] == "Bearer snk_new"


class Cut(Exception):
    pass


@pytest.mark.parametrize("cut", range(1, 5))
@pytest.mark.parametrize("arrived", [True, False])
def test_a_cut_at_any_step_of_a_change_leaves_a_node_that_is_known(
    bench: Bench, cut: int, arrived: bool
) -> None:
    perform, steps = bench.hands.perform, 0

    class Hands:
        def perform(self, effect: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == cut and not arrived:
                raise Cut
            answer = perform(effect)
            if steps == cut:
                raise Cut
            return answer

    bench.hands = Hands()  # type: ignore[assignment]
    with pytest.raises(Cut):
        bench.run(change_key(identity(bench), lambda: "snk_new"))
    bench.start()
    bench.settle(1)
    assert len(bench.plane.heartbeats) == 4, "whichever key counts, it is shown"
    changed = bench.run(change_key(identity(bench), lambda: "snk_newer"))
    assert changed.next_key == ""
    assert bench.plane.key_sha256 == hashlib.sha256(changed.key.encode()).hexdigest()
    bench.cycle()
    assert len(bench.plane.heartbeats) == 5


def test_a_key_that_cannot_be_kept_is_not_told(bench: Bench) -> None:
    perform = bench.hands.perform

    class Hands:
        def perform(self, effect: Any) -> Any:
            return Failed("no space left") if isinstance(effect, SaveIdentity) else perform(effect)

    bench.hands = Hands()  # type: ignore[assignment]
    with pytest.raises(Stalled, match="E-NOD-003"):
        bench.run(change_key(identity(bench), lambda: "snk_new"))
    assert bench.plane.key_sha256 == hashlib.sha256(b"snk_secret").hexdigest()


@pytest.mark.parametrize("half_changed", [False, True])
def test_a_node_leaves_with_whichever_key_counts(bench: Bench, half_changed: bool) -> None:
    known = identity(bench)
    if half_changed:
        bench.plane.key_sha256 = hashlib.sha256(b"snk_new").hexdigest()
        known = replace(known, next_key="snk_new")
    bench.run(leave(known))
    assert bench.plane.key_sha256 == ""
    with pytest.raises(Stalled, match="E-NOD-011"):
        bench.run(leave(known))


def test_a_token_that_is_none_is_not_used(bench: Bench) -> None:
    ask = bench.plane.ask

    def strange(request: HttpRequest) -> Any:
        if request.path.endswith("/token"):
            return HttpReply(200, {}, b'{"token": "a b", "expires_in": 3600}')
        return ask(request)

    bench.plane.ask = strange  # type: ignore[method-assign]
    bench.plane.tokens = ()
    with pytest.raises(Exception, match="'token' is not a token"):
        bench.cycle()
