"""Native parts that collide with what other resources become, with each other's settings, or with what is reserved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.compile.listeners import Taken
from reconciler.compile.middlewares import AGENTS
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.scopes import Configuration
from reconciler.config.characters import shown
from reconciler.config.kinds.middleware import type_of
from reconciler.config.network import split_address
from reconciler.config.report import Problem
from reconciler.config.snapshot import Rendering

RESERVED = "sentinel"
SINGLE = ("system", "waf", "limits", "cache", "rate-limits", "observability")


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block of a native part, with the name of the proxy resource that it stands in."""

    owner: str
    node: Node


Collision = tuple[Node, int, Problem]
"""A node, the offset of what is meant of it, and what is wrong."""


def collisions(
    blocks: tuple[Block, ...], configuration: Configuration, rendering: Rendering, taken: Taken
) -> Iterator[Collision]:
    """Every collision, at the native side of it. `taken` are the addresses of the environment's listeners."""
    yield from _names(configuration, rendering)
    yield from _reserved(configuration)
    yield from _settings(blocks)
    yield from _addresses(configuration, taken)


def _names(configuration: Configuration, rendering: Rendering) -> Iterator[Collision]:
    owners = _owners(rendering)
    groups = {
        "listener": configuration.root.listeners,
        **{
            kind: list(configuration.root.of(block))
            for block, kind in (
                ("routes", "route"),
                ("upstreams", "upstream"),
                ("filters", "filter"),
                ("agents", "agent"),
            )
        },
    }
    for kind, nodes in groups.items():
        for node in nodes:
            name = node.string or ""
            first = name.partition(".")[0]
            owner = owners[kind].get(name) or (owners["."].get(first) if "." in name else None)
            if owner is None:
                continue
            said = "is called like" if owner.startswith(kind) else "has the name of a part of"
            problem = Problem(
                "E-CMP-040",
                f"the native {kind} {shown(name)} {said} the {owner}",
                "a name that no other resource needs",
                f"rename the native {kind}, or the {owner.partition(' ')[0]}",
            )
            yield node, _at(node), problem


def _owners(rendering: Rendering) -> Mapping[str, Mapping[str, str]]:
    """By kind of native part, the names that are taken, with whose they are; "." is for names with a dot in them."""

    def of(*kinds: str) -> dict[str, str]:
        return {r.name: f"{kind} '{r.name}'" for kind in kinds for r, _ in rendering.of(kind)}

    middlewares = {resource.name: type_of(data) for resource, data in rendering.of("middleware")}
    return {
        "listener": of("listener"),
        "route": of("service"),
        "upstream": of("upstream"),
        "filter": {name: f"middleware '{name}'" for name, kind in middlewares.items() if kind != "native"},
        "agent": {name: f"middleware '{name}'" for name, kind in middlewares.items() if kind in AGENTS},
        ".": of("middleware", "service"),
    }


def _reserved(configuration: Configuration) -> Iterator[Collision]:
    for scope in configuration:
        defined = [node for block in scope.blocks for node in scope.of(block)]
        for node in [*([scope.node] if scope.node else []), *scope.listeners, *defined]:
            name = node.string or ""
            if name == RESERVED or name.startswith(f"{RESERVED}-"):
                problem = Problem(
                    "E-CMP-042",
                    f"the name {shown(name)} is reserved for what the control plane adds",
                    f"a name that does not begin with '{RESERVED}'",
                    "choose another name",
                )
                yield node, _at(node), problem


def _settings(blocks: tuple[Block, ...]) -> Iterator[Collision]:
    first: dict[str, str] = {}
    for block in blocks:
        name = block.node.name
        if name not in SINGLE:
            continue
        owner = first.setdefault(name, block.owner)
        if owner != block.owner:
            yield block.node, block.node.at, twice(name, f"the proxy '{owner}'")
        if name == "system":
            yield from _auto_reload(block.node)
        if name == "observability":
            for metrics in block.node.all("metrics"):
                problem = Problem(
                    "E-CMP-042",
                    "the metrics are the control plane's: on 127.0.0.1, at the port behind admin-port",
                    "logging and tracing alone",
                    "remove the block; scrape the environment's metrics port",
                )
                yield metrics, metrics.at, problem


def twice(name: str, other: str) -> Problem:
    """The problem of a block that another resource gives as well."""
    return Problem(
        "E-CMP-041",
        f"the block '{name}' is given by {other} as well, and it holds for the whole proxy",
        "one of the two",
        "remove one of the two, or put the settings into one",
    )


def _auto_reload(system: Node) -> Iterator[Collision]:
    child = system.child("auto-reload")
    if child is not None and child.first is not None and child.first.value is True:
        problem = Problem(
            "E-CMP-042",
            "the node agent says when the proxy reloads; with auto-reload it would do so on its own",
            "auto-reload #false",
            "remove the line",
        )
        yield child, child.first.value_at, problem


def _addresses(configuration: Configuration, taken: Taken) -> Iterator[Collision]:
    for node in configuration.root.listeners:
        child = node.child("address")
        if child is None or child.string is None or child.first is None:
            continue
        try:
            host, port = split_address(child.string)
        except ValueError:
            # The native check tells of it: the proxy would not be able to bind it.
            continue
        problem = taken.take(str(host), port, child.string, f"the native listener {shown(node.string or '')}")
        if problem is not None:
            yield child, child.first.value_at, problem


def _at(node: Node) -> int:
    return node.first.value_at if node.first else node.at
