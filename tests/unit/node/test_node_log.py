"""What a node remembers, asks for and reports of the log, over its whole life."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.bundle.leaves import AuditLeaf
from tests.unit.bundle.paper_log import PaperLog
from tests.unit.node.bench import Bench
from tests.unit.node.publishing import build

GOOD = build("127.0.0.1:3000")
NEXT = build("127.0.0.1:4000")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A node that runs GOOD and has seen a log of five entries."""
    found = Bench(tmp_path / "node")
    found.plane.log.grow(4)
    found.plane.offer(GOOD, sequence=5)
    assert found.settle()["running"] == GOOD.digest
    return found


def tiles_asked(bench: Bench) -> list[str]:
    return [path for path in bench.plane.asked if "/log/tile/" in path]


def forked(length: int) -> PaperLog:
    """A log that begins as the bench's does and then goes another way."""
    log = PaperLog()
    log.grow(3)
    log.grow(length - 3, "f")
    return log


def test_the_first_log_is_believed_and_reported(bench: Bench) -> None:
    assert bench.plane.heartbeats[0]["log"] is None
    assert bench.plane.heartbeats[-1]["log"] == str(bench.plane.log.checkpoint())
    assert tiles_asked(bench) == []


def test_a_log_that_grew_costs_a_tile(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6)
    assert bench.settle()["running"] == NEXT.digest
    assert len(tiles_asked(bench)) == 1
    assert bench.plane.heartbeats[-1]["log"] == str(bench.plane.log.checkpoint())


def test_the_same_bundle_under_a_newer_checkpoint_is_seen_too(bench: Bench) -> None:
    bench.plane.log.add(AuditLeaf("acme", 1, "a" * 64))
    bench.seconds += 1
    bench.plane.offer(GOOD, sequence=5)
    assert bench.settle()["log"] == str(bench.plane.log.checkpoint())


@pytest.mark.parametrize("length", [2, 4, 30])
def test_a_rewritten_log_is_refused_and_the_one_seen_is_still_reported(bench: Bench, length: int) -> None:
    seen = bench.plane.heartbeats[-1]["log"]
    bench.plane.log = forked(length) if length > 3 else PaperLog()
    bench.plane.offer(NEXT, sequence=6)
    told = bench.settle()
    assert told["refusal"]["code"] == "E-VER-016"
    assert seen in told["refusal"]["message"]
    assert (told["running"], told["log"]) == (GOOD.digest, seen)


def test_what_was_seen_survives_a_restart(bench: Bench) -> None:
    bench.start()
    bench.plane.log = forked(4)
    bench.plane.offer(NEXT, sequence=6)
    assert bench.settle()["refusal"]["code"] == "E-VER-016"


def test_without_the_tiles_nothing_is_taken_until_they_are_there(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6)
    tiles, bench.plane.log.tiles = bench.plane.log.tiles, {}
    told = bench.settle()
    assert told["refusal"]["code"] == "E-NOD-013"
    assert told["running"] == GOOD.digest
    bench.plane.log.tiles = tiles
    bench.seconds += 3600
    assert bench.settle()["running"] == NEXT.digest


def test_a_log_that_was_believed_is_remembered_although_the_bundle_was_refused(bench: Bench) -> None:
    bench.plane.offer(NEXT, sequence=6)
    bench.plane.blobs[NEXT.digest] = GOOD.blob
    told = bench.settle()
    assert told["refusal"]["code"] == "E-VER-009"
    assert told["log"] == str(bench.plane.log.checkpoint())
