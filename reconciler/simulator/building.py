"""Builds a fleet from a specification. The same folders give the same nodes again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from reconciler import clock
from reconciler.errors import Stalled
from reconciler.node.assembly import Options, join, open_files, open_run_folder
from reconciler.node.driver import Hands
from reconciler.node.effects import Say
from reconciler.node.http import ControlPlane
from reconciler.node.machine import Agent
from reconciler.simulator.counting import Meter
from reconciler.simulator.fakeproxy import FakeProxy
from reconciler.simulator.fleet import THREADS, Event, Fleet, SimulatedNode
from reconciler.simulator.image import Image
from reconciler.simulator.line import Line
from reconciler.simulator.temperament import TEMPERAMENTS

_PART = re.compile(r"([a-z0-9][a-z0-9-]{0,62})=([0-9]{1,6})(?::([a-z]+))?")


@dataclass(frozen=True, slots=True)
class Group:
    """`count` nodes of one environment and temperament."""

    environment: str
    count: int
    temperament: str = "steady"
    labels: Mapping[str, str] = field(default_factory=dict)


def read_spec(text: str) -> tuple[Group, ...]:
    """`dev=3,production=4,production=1:slow` as groups. Raises `Stalled` that names the part."""
    groups = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise Stalled(
                "E-NOD-030",
                f"'{part.strip()}' does not say how many nodes an environment has",
                cure="Write environment=count, and environment=count:temperament for others than steady",
            )
        temperament = match[3] or "steady"
        if temperament not in TEMPERAMENTS:
            raise Stalled(
                "E-NOD-031",
                f"there is no temperament '{temperament}'",
                cure=f"Use one of {', '.join(TEMPERAMENTS)}",
            )
        groups.append(Group(match[1], int(match[2]), temperament))
    return tuple(groups)


def build_fleet(
    groups: tuple[Group, ...],
    *,
    home: Path,
    url: str,
    project: str,
    token_of: Callable[[str], str | None],
    say: Callable[[str], None],
    prefix: str = "sim",
    mirrors: tuple[str, ...] = (),
    wait: int = 0,
    threads: int = THREADS,
    events: tuple[Event, ...] = (),
    quiet: bool = False,
) -> Fleet:
    """A fleet whose nodes live below `home`, registered there already or to be registered with `token_of(environment)`.

    Each opens its secrets in a folder of its own, in memory where there is such a thing. `wait`: seconds that their
    polls may be parked. `quiet`: what nodes log is not passed on.
    Raises `Stalled` when a folder cannot be used or a node's files are damaged.
    """
    # A parked poll keeps its connection to itself.
    connections = threads + (sum(group.count for group in groups) if wait else 0)
    plane, meter = ControlPlane(url, mirrors, connections=connections), Meter(time.monotonic)
    nodes: list[SimulatedNode] = []
    numbers: dict[str, int] = {}
    for group in groups:
        for _ in range(group.count):
            number = numbers[group.environment] = numbers.get(group.environment, 0) + 1
            name = f"{prefix}-{group.environment}-{number}"
            options = Options(
                control_plane=url,
                home=home / name,
                project=project,
                name=name,
                labels={**group.labels, "simulated": "true", "temperament": group.temperament},
                proxy_binary="",
                admin_port=0,
                wait=wait,
                join_token=token_of(group.environment),
                secrets_on_disk=True,
                mirrors=mirrors,
            )
            nodes.append(_node(options, group, Line(plane, meter), (lambda line: None) if quiet else say))
    return Fleet(nodes, say, meter, threads, events)


def _node(options: Options, group: Group, line: Line, say: Callable[[str], None]) -> SimulatedNode:
    temperament = TEMPERAMENTS[group.temperament]
    files = open_files(options.home)
    proxy = FakeProxy(files.link, temperament)

    def tell(said: Say) -> None:
        say(
            f"{options.name} {said.event} " + " ".join(f"{key}={value}" for key, value in said.fields.items())
        )

    def now() -> datetime:
        return clock.now() + timedelta(seconds=temperament.skew_seconds)

    def boot() -> tuple[Agent, Hands]:
        agent, hands = join(options, files, open_run_folder(options), proxy, line, tell)
        proxy.weight = lambda: hands.board.weight
        if temperament.skew_seconds:
            agent.now = agent.credentials.now = now
        return agent, hands

    agent, hands = boot()
    image = Image(options.home, temperament.restores) if temperament.restores else None
    return SimulatedNode(options.name, group.environment, agent, hands, proxy, line, boot, image)
