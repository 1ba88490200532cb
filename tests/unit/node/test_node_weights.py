"""The weight of a node: what is told to the balancer in front, when, and how."""

from __future__ import annotations

import socket
import struct
import threading
import time
from pathlib import Path

import pytest
import urllib3

from reconciler.errors import Stalled
from reconciler.node import weights
from reconciler.node.effects import Done, Failed, Publish
from reconciler.node.weights import Board, agent_words, read_address
from tests.unit.node.bench import Bench
from tests.unit.node.publishing import build

GOOD = build("127.0.0.1:3000")
NEXT = build("127.0.0.1:4000")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A node that runs GOOD at sequence 5 with all of its weight."""
    bench = Bench(tmp_path / "node")
    bench.plane.offer(GOOD, sequence=5)
    assert bench.settle()["running"] == GOOD.digest
    bench.performed.clear()
    return bench


def told(bench: Bench) -> list[int]:
    return [effect.weight for effect in bench.performed if isinstance(effect, Publish)]


def test_nothing_is_meant_for_a_node_that_runs_nothing_yet(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "node")
    bench.settle(2)
    assert told(bench) == [0]
    bench.plane.offer(GOOD, sequence=1)
    bench.cycle()
    assert told(bench) == [0, 100]
    assert bench.hands.board.weight == 100


def test_another_weight_of_the_same_bundle_is_told_at_once_and_once(bench: Bench) -> None:
    for sequence, weight in ((6, 0), (7, 10), (8, 10)):
        bench.plane.offer(GOOD, sequence=sequence, weight=weight)
        bench.settle(2)
    assert told(bench) == [0, 10]


def test_the_control_plane_is_told_what_the_balancer_was_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.plane.offer(GOOD, sequence=6, weight=30)
    assert bench.settle(2)["weight"] == 30
    monkeypatch.setattr(Board, "publish", lambda self, weight: Failed("the hook ended with 1"))
    bench.plane.offer(GOOD, sequence=7, weight=0)
    assert bench.settle(2)["weight"] is None


def test_less_is_told_before_the_bundle_is_fetched_and_more_after_it_runs(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6, weight=30)
    bench.cycle()
    names = [type(effect).__name__ for effect in bench.performed]
    assert names.index("Publish") < names.index("Stage")
    bench.performed.clear()
    bench.plane.offer(GOOD, sequence=7, weight=80)
    bench.cycle()
    names = [type(effect).__name__ for effect in bench.performed]
    assert told(bench) == [80]
    assert names.index("Publish") > names.index("Reload")


def test_who_refuses_the_bundle_of_a_verified_pointer_gets_less_and_never_more(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6, weight=30)
    bench.plane.blobs.clear()
    bench.settle(2)
    assert bench.plane.heartbeats[-1]["running"] == GOOD.digest
    assert told(bench) == [30]
    bench.plane.offer(NEXT, sequence=7, weight=90)
    bench.plane.blobs.clear()
    bench.settle(2)
    assert told(bench) == [30], "it does not run what the higher weight is for"


def test_a_pointer_that_is_not_verified_changes_nothing(bench: Bench) -> None:
    bench.plane.offer(GOOD, sequence=4, weight=0)
    bench.settle(2)
    assert bench.agent.state is not None
    assert bench.agent.state.refusal is not None
    assert told(bench) == []


def test_a_start_without_a_control_plane_tells_what_was_verified_last(bench: Bench) -> None:
    bench.plane.offer(GOOD, sequence=6, weight=20)
    bench.settle(2)
    bench.performed.clear()
    bench.plane.away = True
    bench.start(proxy_too=True)
    bench.run(bench.agent.recover())
    assert told(bench) == [20]


def test_a_hook_is_called_until_it_takes_the_weight(bench: Bench, tmp_path: Path) -> None:
    hook, seen = tmp_path / "hook", tmp_path / "seen"
    hook.write_text(f"#!/bin/sh\necho $1 >> {seen}\ntest -e {tmp_path}/ok\n")
    hook.chmod(0o755)
    bench.hands.board.hook = hook
    bench.plane.offer(GOOD, sequence=6, weight=20)
    bench.settle(2)
    assert bench.said[-1].event == "weight-not-published"
    tries = len(seen.read_text().split())
    (tmp_path / "ok").touch()
    bench.settle(3)
    assert seen.read_text().split() == ["20"] * (tries + 1)
    assert "exit code 1" in str([said.fields for said in bench.said])


def test_what_a_hook_can_do_wrong(tmp_path: Path) -> None:
    missing = Board(tmp_path / "missing").publish(5)
    assert isinstance(missing, Failed)
    assert "cannot be run" in missing.words
    assert Board().publish(5) == Done()


def test_a_hook_that_leaves_a_child_behind_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "HOOK_SECONDS", 0.5)
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\nsleep 600 &\ntest $1 = 5 || wait\n")
    hook.chmod(0o755)
    assert Board(hook).publish(5) == Done()
    late = Board(hook).publish(6)
    assert isinstance(late, Failed)
    assert "did not end" in late.words


def answering() -> bool:
    return any("process_request_thread" in thread.name for thread in threading.enumerate())


def test_who_hangs_up_or_never_ends_is_let_go_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(weights, "PEER_SECONDS", 0.4)
    board = Board(weight=5)
    try:
        (ready,) = board.serve(ready=("127.0.0.1", 0))
        peer = socket.create_connection(ready, timeout=5)
        peer.sendall(b"GET")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        with socket.create_connection(ready, timeout=5) as slow:
            slow.settimeout(0.1)
            for _ in range(40):
                try:
                    slow.sendall(b"G")
                    if slow.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
            else:
                pytest.fail("a byte now and then keeps the connection for ever")
        while answering():
            time.sleep(0.01)
    finally:
        board.close()
    assert capfd.readouterr().err == ""


def test_no_more_are_answered_at_once_than_leaves_the_agent_its_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weights, "MOST_PEERS", 1)
    board = Board(weight=5)
    try:
        (ready,) = board.serve(ready=("127.0.0.1", 0))
        with socket.create_connection(ready, timeout=5):
            while not answering():
                time.sleep(0.01)
            with socket.create_connection(ready, timeout=2) as second:
                assert second.recv(1) == b""
        while answering():
            time.sleep(0.01)
        base = f"http://{ready[0]}:{ready[1]}"
        assert urllib3.request("GET", f"{base}/ready", retries=False).status == 200
    finally:
        board.close()


@pytest.mark.parametrize(
    ("weight", "words", "status"),
    [(0, b"drain\n", 503), (1, b"ready 1%\n", 200), (100, b"ready 100%\n", 200)],
)
def test_the_agent_check_and_ready(weight: int, words: bytes, status: int) -> None:
    board = Board(weight=weight)
    try:
        check, ready = board.serve(agent_check=("127.0.0.1", 0), ready=("127.0.0.1", 0))
        with socket.create_connection(check, timeout=5) as peer:
            assert peer.makefile("rb").read() == words == agent_words(weight)
        base = f"http://{ready[0]}:{ready[1]}"
        reply = urllib3.request("GET", f"{base}/ready", retries=False)
        assert (reply.status, reply.json()) == (status, {"weight": weight})
        assert reply.headers["Sentinel-Weight"] == str(weight)
        head = urllib3.request("HEAD", f"{base}/ready", retries=False)
        assert (head.status, head.data) == (status, b"")
        assert urllib3.request("GET", f"{base}/state", retries=False).status == 404
        with pytest.raises(Stalled) as taken:
            Board().serve(ready=ready)
        assert taken.value.code == "E-NOD-081"
    finally:
        board.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:9909", ("127.0.0.1", 9909)), (":9909", ("", 9909)), ("[::1]:1", ("::1", 1))],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert read_address(text) == address


def test_a_host_that_is_no_name_is_said() -> None:
    with pytest.raises(Stalled, match="E-NOD-081"):
        Board().serve(ready=read_address("\u00fc..b:9909"))


@pytest.mark.parametrize("text", ["9909", "127.0.0.1", "a:b", "a:70000", "::1:5"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Stalled, match="no address"):
        read_address(text)
