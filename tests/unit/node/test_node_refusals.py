"""Whatever is wrong with an offer: the node refuses, keeps what it runs, and its next heartbeat says so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.node.polling import longest_wait
from tests.unit.node.bench import Bench
from tests.unit.node.publishing import DAY, build, flip, point, signing_key

GOOD = build("127.0.0.1:3000")
NEXT = build("127.0.0.1:4000")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A node that runs GOOD at sequence 5."""
    bench = Bench(tmp_path / "node")
    bench.plane.offer(GOOD, sequence=5)
    last = bench.settle()
    assert last["running"] == GOOD.digest
    assert last["refusal"] is None
    return bench


def refused(bench: Bench) -> dict[str, str]:
    """Let the node look, and check all that must hold after a refusal; returns the refusal in the next heartbeat."""
    before = len(bench.plane.heartbeats)
    linked = bench.files.linked()
    bench.cycle()
    assert len(bench.plane.heartbeats) == before + 1
    bench.cycle()
    last = bench.plane.heartbeats[-1]
    assert last["running"] == GOOD.digest
    assert last["health"] == {"state": "healthy"}
    assert last["sequence"] == 5
    assert bench.files.linked() == linked
    assert last["refusal"] is not None
    assert len(last["refusal"]["message"]) > 20
    report: dict[str, str] = last["refusal"]
    return report


def test_f1_1_flipped_byte_in_pointer_signature(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6)
    assert bench.plane.pointer is not None
    bench.plane.pointer = flip(bench.plane.pointer, bench.plane.pointer.index(b'"sig":"') + 12)
    report = refused(bench)
    assert report["code"] == "E-VER-003"
    assert report["digest"] == NEXT.digest


@pytest.mark.parametrize("offset", [14, 60, 200, 400])
def test_f1_1_flipped_byte_in_pointer_payload(bench: Bench, offset: int) -> None:
    bench.plane.offer(NEXT, sequence=6)
    assert bench.plane.pointer is not None
    bench.plane.pointer = flip(bench.plane.pointer, bench.plane.pointer.index(b'"payload":"') + offset)
    assert refused(bench)["code"] in ("E-VER-003", "E-VER-013", "E-VER-014")


def test_f1_1_flipped_byte_in_statement(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6)
    bench.plane.statement = flip(NEXT.statement, NEXT.statement.index(b'"sig":"') + 20)
    assert refused(bench)["code"] == "E-VER-012"


@pytest.mark.parametrize("place", [0, 100, -1])
def test_f1_1_flipped_byte_in_blob(bench: Bench, place: int) -> None:
    bench.plane.offer(NEXT, sequence=6)
    bench.plane.blobs[NEXT.digest] = flip(NEXT.blob, place)
    report = refused(bench)
    assert report["code"] == "E-VER-009"
    assert report["sequence"] == 6


def test_f1_2_lower_sequence(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=4)
    assert refused(bench)["code"] == "E-VER-005"


def test_f1_3_expired_pointer(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6, issued=bench.plane.now - 2 * DAY, expires=bench.plane.now - DAY)
    assert refused(bench)["code"] == "E-VER-008"


def test_f1_4_same_sequence_other_digest(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=5)
    assert refused(bench)["code"] == "E-VER-007"


def test_f1_6_pointer_of_another_environment(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6, environment="dev")
    assert refused(bench)["code"] == "E-VER-004"


def test_f1_6_pointer_of_another_cohort_than_the_answer_named(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6, cohort="next")
    bench.plane.cohort = "base"
    assert refused(bench)["code"] == "E-VER-004"


@pytest.mark.parametrize("size", [-1, 1])
def test_f1_7_blob_of_another_length(bench: Bench, size: int) -> None:
    bench.plane.offer(NEXT, sequence=6)
    bench.plane.blobs[NEXT.digest] = NEXT.blob[:-1] if size < 0 else NEXT.blob + b"x" * 1000
    assert refused(bench)["code"] == "E-VER-009"


def test_f1_11_pointer_key_alone_ships_nothing(bench: Bench) -> None:
    other = build("127.0.0.1:6666")
    bench.plane.offer(other, sequence=6)
    # The thief of the pointer key signs the statement with it.
    from reconciler.bundle.dsse import read_envelope, sign
    from reconciler.bundle.statement import PAYLOAD_TYPE

    payload = read_envelope(other.statement, "x", limit=10**6).payload
    bench.plane.statement = sign(PAYLOAD_TYPE, payload, (signing_key("pointer"),))
    assert refused(bench)["code"] == "E-VER-012"


def test_bundle_without_the_nodes_environment(bench: Bench) -> None:
    bench.plane.offer(build("127.0.0.1:4000", environments=("dev",)), sequence=6)
    assert refused(bench)["code"] == "E-NOD-015"


def test_answer_that_is_no_offer(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6)
    bench.plane.statement = b"[]"
    assert refused(bench)["code"] == "E-NOD-014"


def test_blob_that_the_control_plane_lacks(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6)
    bench.plane.blobs.clear()
    assert refused(bench)["code"] == "E-NOD-013"


def test_what_was_refused_is_asked_for_again_only_after_the_back_off(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=4)
    refused(bench)
    polls = len(bench.plane.tags)
    bench.cycle()
    assert len(bench.plane.tags) == polls
    bench.seconds += 10
    bench.cycle()
    assert len(bench.plane.tags) == polls + 1
    assert bench.agent.state is not None
    assert bench.agent.state.refusal is not None
    assert bench.agent.state.refusal.tries == 2
    bench.seconds += 10
    bench.cycle()
    assert len(bench.plane.tags) == polls + 1, "the second back-off is twice as long"


def test_a_refused_offer_does_not_hide_a_new_one(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=4)
    refused(bench)
    bench.plane.offer(NEXT, sequence=6)
    last = bench.settle(2)
    assert last["running"] == NEXT.digest
    assert last["refusal"] is None


def test_refused_tag_and_active_tag_are_both_named(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=4)
    refused(bench)
    assert bench.agent.state is not None
    bench.agent._rounds = 29
    bench.cycle()
    tags = bench.plane.tags[-1].split(", ")
    assert bench.agent.state.active is not None
    assert bench.agent.state.refusal is not None
    assert tags == [bench.agent.state.active.etag, bench.agent.state.refusal.etag]


def test_the_refusal_survives_a_restart_of_the_agent(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=4)
    code = refused(bench)["code"]
    bench.start()
    bench.cycle()
    assert bench.plane.heartbeats[-1]["refusal"]["code"] == code


def test_f1_10_a_clock_set_back_does_not_revive_an_expired_pointer(bench: Bench) -> None:
    old = point(NEXT, sequence=6, now=bench.plane.now - 3 * DAY)
    bench.seconds = -timedelta(days=2.5).total_seconds()
    bench.plane.offer(NEXT, sequence=6)
    bench.plane.pointer = old
    assert refused(bench)["code"] == "E-VER-008"


def test_the_time_that_a_poll_was_parked_is_not_slept_again(bench: Bench) -> None:
    bench.agent.chance = lambda: 0.5
    bench.agent.poll_seconds, bench.agent.parked = 30.0, 12.0
    assert bench.agent.pause() == 18.0
    bench.agent.parked = 30.0
    assert bench.agent.pause() == 0.0
    # A control plane that is away is left alone, however long it kept the last poll.
    bench.agent._failures = 1
    assert bench.agent.pause() == 30.0


@pytest.mark.parametrize(
    ("wished", "poll_seconds", "asked"), [(30, 10.0, 10), (5, 10.0, 5), (30, 0.3, 1), (0, 10.0, 0)]
)
def test_no_poll_is_parked_for_longer_than_a_report_may_be_away(
    wished: int, poll_seconds: float, asked: int
) -> None:
    assert longest_wait(wished, poll_seconds) == asked
