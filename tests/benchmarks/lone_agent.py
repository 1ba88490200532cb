"""`python -m tests.benchmarks.lone_agent URL HOME BINARY PORT ROUNDS`: the agent without its rests, in its own process.

It prints what the kernel says of its memory after the last round: resident now, and the most there ever was.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from reconciler.node import main
from reconciler.node.assembly import Options, assemble
from reconciler.node.driver import drive

SHOWN = ("VmRSS", "VmHWM")


def memory() -> dict[str, float]:
    """In MB of a million bytes."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {
        words[0].rstrip(":"): int(words[1]) * 1024 / 1e6 for words in lines if words[0].rstrip(":") in SHOWN
    }


def run(url: str, home: str, binary: str, port: str, rounds: str) -> None:
    options = Options(
        control_plane=url,
        home=Path(home),
        project="shop",
        name="edge-1",
        labels={},
        proxy_binary=binary,
        admin_port=int(port),
        # Every round is a poll, as a parked one is that is answered at once.
        wait=1,
        join_token="sjt_token",
        secrets_on_disk=True,
    )
    # The same modules as those of the program, whether this needs them or not.
    assert main.group
    agent, hands = assemble(options, lambda said: None)
    never = threading.Event()
    before = memory()
    for _ in range(int(rounds)):
        drive(agent.cycle(), hands, never)
    active = agent.state.active if agent.state is not None else None
    print(json.dumps({"before": before, "after": memory(), "active": active.digest if active else None}))
    hands.proxy.stop()  # type: ignore[attr-defined]


if __name__ == "__main__":
    run(*sys.argv[1:])
