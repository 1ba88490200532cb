"""`make soak MINUTES=n`: the tests that get better the longer they run, within that many minutes.

A sixth of the time is for up to ten thousand pushes over every forge whose deliveries get lost, half of it for two
fleets of real agents over real HTTP, with polls that follow reports and with long polls, as large as the time allows.
What is left plays seeds of the release simulation that `make test` does not reach, and the demo again and again. The
first failure ends it, with the seed, the demo's words or the requests that failed. What there was no time for is said.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reconciler.simulator.virtual.generate import generate
from tests.simulation.intake_world import play_alone
from tests.simulation.test_seeds import play
from tests.soak_fleet import INTERVAL, MOST, soak

FIRST_SEED = 100_000
PUSHES = 10_000
PUSHES_SHARE = 1 / 6
FLEETS_SHARE = 1 / 2

LEAST_SECONDS = 60.0
"""A fleet for which there is less is left out."""

INTERVALS = 16
"""So many intervals a fleet wants for registrations, three steps, an outage and the return."""

NODES_A_SECOND = 12
"""For each second that a fleet has: a quarter of an hour is enough for ten thousand nodes."""

MOST_PARKED = 5_000
"""Each holds a connection and a thread of this machine."""

LARGE = 25
"""One seed of so many has 5,000 nodes."""

DEMO_SECONDS = 300.0
DEMO_EXPECTED = 30.0
"""A demo is not begun when less is left."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, help="play this one seed of the simulation and end")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        play(generate(arguments.seed))
        print(f"seed {arguments.seed} holds every invariant")
        return 0
    began = time.monotonic()
    whole = arguments.minutes * 60
    try:
        push(began, began + whole * PUSHES_SHARE)
        for most, wait in ((MOST, False), (MOST_PARKED, True)):
            fleet(began, whole * FLEETS_SHARE / 2, most, wait)
        repeat(began, began + whole)
    except AssertionError as failed:
        print(f"{failed}", file=sys.stderr)
        return 1
    return 0


def push(began: float, ends: float) -> None:
    """Lose deliveries until it is time for something else."""
    pushes = play_alone(seed=int(began), pushes=PUSHES, more=lambda: time.monotonic() < ends)
    left = f"; for {PUSHES - pushes} more there was no time" if pushes < PUSHES else ""
    say(began, f"{pushes} pushes, and what was lost of them is known{left}")


def fleet(began: float, seconds: float, most: int, parks: bool) -> None:
    """A fleet's rollout, outage and return, in so many seconds."""
    kind = "long polls" if parks else "polls that follow reports"
    if seconds < LEAST_SECONDS:
        say(
            began,
            f"no fleet with {kind}: there were {seconds:.0f} s for it, and it wants {LEAST_SECONDS:.0f}",
        )
        return
    interval = min(INTERVAL, float(int(seconds / INTERVALS)))
    nodes = min(most, round(NODES_A_SECOND * seconds))
    with tempfile.TemporaryDirectory() as folder:
        soak(
            nodes, interval, Path(folder), wait=round(interval) if parks else 0,
            ends=time.monotonic() + seconds,
        )  # fmt: skip
    say(began, f"a fleet of {nodes} nodes with {kind}, at an interval of {interval:g} s")


def repeat(began: float, ends: float) -> None:
    """Play seeds and demos in turn."""
    seed, demos, slowest = FIRST_SEED, 0, 0.0
    while time.monotonic() < ends:
        left = ends - time.monotonic()
        half = time.monotonic() + min(120.0, left / 2)
        until = half if left > 2 * max(slowest, DEMO_EXPECTED) else ends
        while time.monotonic() < until:
            try:
                play(generate(seed, nodes=5000 if seed % LARGE == 0 else None))
            except AssertionError as failed:
                words = f"seed {seed} breaks an invariant: python -m tests.soak --seed {seed}"
                raise AssertionError(f"{words}\n{failed}") from failed
            seed += 1
        while time.monotonic() + max(slowest, DEMO_EXPECTED) < min(half + 120.0, ends):
            slowest = max(slowest, demo())
            demos += 1
        say(began, f"{seed - FIRST_SEED} seeds, {demos} demos, the slowest {slowest:.1f} s")


def demo() -> float:
    """Play the demo; how many seconds it took. AssertionError with its words when it fails."""
    started = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler.cli.main", "demo"],
            capture_output=True, text=True, check=False, timeout=DEMO_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise AssertionError(f"a demo did not end within {DEMO_SECONDS:.0f} s") from None
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - started


def say(began: float, words: str) -> None:
    """A line of progress."""
    print(f"{(time.monotonic() - began) / 60:6.1f} min: {words}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
