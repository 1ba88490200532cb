"""Builds a fleet from a specification. The same folders give the same nodes again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import Stalled
from reconciler.node.assembly import Options, join, open_files, open_run_folder
from reconciler.node.effects import Say
from reconciler.node.http import ControlPlane
from reconciler.simulator.fakeproxy import FakeProxy
from reconciler.simulator.fleet import THREADS, Fleet, SimulatedNode
from reconciler.simulator.temperament import TEMPERAMENTS

_PART = re.compile(r"([a-z0-9][a-z0-9-]{0,62})=([0-9]{1,6})(?::([a-z]+))?")


@dataclass(frozen=True, slots=True)
class Group:
    """`count` nodes of one environment and temperament."""

    environment: str
    count: int
    temperament: str = "steady"


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
) -> Fleet:
    """A fleet whose nodes live below `home`, registered there already or to be registered with `token_of(environment)`.

    Each opens its secrets in a folder of its own, in memory where there is such a thing.
    Raises `Stalled` when a folder cannot be used or a node's files are damaged.
    """
    plane = ControlPlane(url, mirrors, connections=THREADS)
    nodes: list[SimulatedNode] = []
    numbers: dict[str, int] = {}
    for group in groups:
        for _ in range(group.count):
            number = numbers[group.environment] = numbers.get(group.environment, 0) + 1
            name = f"{prefix}-{group.environment}-{number}"
            nodes.append(
                _node(
                    name, group, home / name, plane, url, mirrors, project, token_of(group.environment), say
                )
            )
    return Fleet(nodes, say)


def _node(
    name: str,
    group: Group,
    home: Path,
    plane: ControlPlane,
    url: str,
    mirrors: tuple[str, ...],
    project: str,
    token: str | None,
    say: Callable[[str], None],
) -> SimulatedNode:
    files = open_files(home)
    proxy = FakeProxy(files.link, TEMPERAMENTS[group.temperament])
    options = Options(
        control_plane=url,
        home=home,
        project=project,
        name=name,
        labels={"simulated": "true", "temperament": group.temperament},
        proxy_binary="",
        admin_port=0,
        wait=0,
        join_token=token,
        secrets_on_disk=True,
        mirrors=mirrors,
    )

    def tell(said: Say) -> None:
        say(f"{name} {said.event} " + " ".join(f"{key}={value}" for key, value in said.fields.items()))

    agent, hands = join(options, files, open_run_folder(options), proxy, plane, tell)
    return SimulatedNode(name, agent, hands, proxy)
