"""`sentinelctl demo`: play the whole road once, in a temporary directory on free ports."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import click

from reconciler.embedded.road import LEGS, Road
from reconciler.embedded.system import EmbeddedSystem
from reconciler.errors import ReconcilerError

POLL_SECONDS = 0.5


@dataclass(slots=True)
class Timeline:
    """What was played so far, and how long each leg took."""

    say: Callable[[str], None]
    legs: list[dict[str, object]] = field(default_factory=list)
    failure: str | None = None

    def play(self, name: str, leg: Callable[[], str]) -> bool:
        """Play one leg; False when it failed, which ends the demo."""
        began = time.monotonic()
        try:
            words = leg()
        except ReconcilerError as error:
            self.failure = str(error)
        seconds = round(time.monotonic() - began, 2)
        if self.failure is not None:
            self.legs.append({"name": name, "seconds": seconds, "ok": False})
            self.say(f"  ✗ {seconds:6.2f} s  {name}: {self.failure}")
            return False
        self.legs.append({"name": name, "seconds": seconds, "ok": True})
        self.say(f"  ✓ {seconds:6.2f} s  {name}: {words}")
        return True


@click.command()
@click.option(
    "--json", "as_json", is_flag=True, help="End with one JSON line: ok, and each leg with its seconds."
)
@click.option("--keep", is_flag=True, help="Keep the temporary directory and say where it is.")
def command(as_json: bool, keep: bool) -> None:
    """Play the whole road once, without a person, and print a timeline.

    Push → dev runs it → promote → rolling rollout in production → a broken commit is refused with its file and line →
    a commit that makes nodes unhealthy is rolled back by a commit. Exits 1 when a leg fails.
    """
    home = Path(tempfile.mkdtemp(prefix="sentinel-demo-"))
    timeline = Timeline(say=click.echo)
    began = time.monotonic()
    system: EmbeddedSystem | None = None
    road: Road | None = None
    try:

        def start() -> str:
            nonlocal system, road
            system = EmbeddedSystem(
                home / "system", free_ports=True, poll_seconds=POLL_SECONDS, say=click.echo
            )
            system.start()
            road = Road(system, home / "clone")
            return f"every process answers; pages at {system.layout.url('pages')}"

        if timeline.play("start", start) and road is not None:
            for name, leg in LEGS:
                if not timeline.play(name, partial(leg, road)):
                    break
    finally:
        if system is not None:
            system.stop()
        if timeline.failure is not None or keep:
            click.echo(f"everything is kept in {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    ok = timeline.failure is None
    click.echo(f"{'done' if ok else 'failed'} in {time.monotonic() - began:.1f} s")
    if as_json:
        click.echo(json.dumps({"ok": ok, "legs": timeline.legs}))
    sys.exit(0 if ok else 1)
