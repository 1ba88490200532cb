"""`make soak MINUTES=n`: the tests that get better the longer they run.

It begins with up to ten thousand pushes over every forge whose deliveries get lost, and with real agents over real
HTTP, with polls that follow reports and with long polls, as many as the minutes allow. Half of what is left of the time
plays seeds of the release simulation that `make test` does not reach, half plays the demo again and again. The first
failure ends it, with the seed or the demo's folder. What the minutes do not reach is said.
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
from tests.soak_fleet import INTERVAL, MOST, NODES_A_MINUTE, soak

FIRST_SEED = 100_000
SEEDS_IN_A_ROUND = 200
PUSHES = 10_000
PUSHES_A_MINUTE = 1_000
"""Of the whole: they take a fifth of it."""

FLEET_MINUTES = 15
"""Whatever their size, two fleets want some ten minutes for their reports, an outage and the return."""

MOST_PARKED = 5_000
"""Each holds a connection and a thread of this machine."""

LARGE = 25
"""One seed of so many has 5,000 nodes."""


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
    began, minutes = time.monotonic(), arguments.minutes
    pushes = min(PUSHES, round(PUSHES_A_MINUTE * minutes))
    play_alone(seed=int(began), pushes=pushes)
    say(began, f"{pushes} pushes of {PUSHES}, and what was lost of them is known")
    if minutes < FLEET_MINUTES:
        say(began, f"no fleet: that wants {FLEET_MINUTES} minutes")
    else:
        for most, wait in ((MOST, 0), (MOST_PARKED, round(INTERVAL))):
            with tempfile.TemporaryDirectory() as folder:
                soak(min(most, round(NODES_A_MINUTE * minutes)), INTERVAL, Path(folder), wait=wait)
        say(began, "two fleets' rollout, outage and return")
    ends = began + minutes * 60
    seed, demos, slowest = FIRST_SEED, 0, 0.0
    while time.monotonic() < ends:
        half = time.monotonic() + min(120.0, (ends - time.monotonic()) / 2)
        while time.monotonic() < half:
            for _ in range(SEEDS_IN_A_ROUND):
                try:
                    play(generate(seed, nodes=5000 if seed % LARGE == 0 else None))
                except AssertionError:
                    print(
                        f"seed {seed} breaks an invariant: python -m tests.soak --seed {seed}",
                        file=sys.stderr,
                    )
                    raise
                seed += 1
                if time.monotonic() > half:
                    break
        while time.monotonic() < min(half + 120.0, ends):
            started = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", "reconciler.cli.main", "demo"],
                capture_output=True,
                text=True,
                check=False,
            )
            demos += 1
            slowest = max(slowest, time.monotonic() - started)
            if done.returncode != 0:
                print(done.stdout + done.stderr, file=sys.stderr)
                return 1
        say(began, f"{seed - FIRST_SEED} seeds, {demos} demos, the slowest {slowest:.1f} s")
    return 0


def say(began: float, words: str) -> None:
    """A line of progress."""
    print(f"{(time.monotonic() - began) / 60:6.1f} min: {words}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
