"""What the compiler writes so that agents see the requests of services: agents, filters, body inspection, files.

Agents reach a request only through an `agent` filter that its route names. Each policy that a service names has an
agent process of its own at a socket of its own, because the filter can tell the agent nothing about the route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.compile.auth import agent_files
from reconciler.compile.waf.policy import inspects, rule_file
from reconciler.config.durations import seconds
from reconciler.config.kdl import KdlNode
from reconciler.config.sizes import size_in_bytes
from reconciler.config.snapshot import Rendering

SOCKETS = "/run/zentinel"
"""The folder of the agents' sockets; the proxy refuses a configuration when it does not exist."""

PREFIX = "sentinel-"


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the routes of one environment.

    `guards` are the filters of each service, in the order in which they see a request: first the WAF, so that what
    attacks the authentication is seen too. `inspected_bytes` is how much of a body agents want, by "request" and
    "response". `files` are by their path in the bundle.
    """

    agents: tuple[KdlNode, ...]
    filters: tuple[KdlNode, ...]
    guards: Mapping[str, tuple[str, ...]]
    inspected_bytes: Mapping[str, int]
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class _Agent:
    id: str
    type: str
    timeout_ms: int
    failure_mode: str
    body_bytes: int | None
    path: str
    file: bytes

    def nodes(self) -> tuple[KdlNode, KdlNode]:
        """The agent and the filter of the same name."""
        events = ("request_headers",) if self.body_bytes is None else ("request_headers", "request_body")
        children = [
            KdlNode("unix-socket", (f"{SOCKETS}/{self.id}.sock",)),
            KdlNode("events", events),
            KdlNode("timeout-ms", (self.timeout_ms,)),
            KdlNode("failure-mode", (self.failure_mode,)),
        ]
        if self.body_bytes is not None:
            children.append(KdlNode("max-request-body-bytes", (self.body_bytes,)))
        parts = (
            KdlNode("type", ("agent",)),
            KdlNode("agent", (self.id,)),
            KdlNode("failure-mode", (self.failure_mode,)),
        )
        return (
            KdlNode("agent", (self.id,), {"type": self.type}, tuple(children)),
            KdlNode("filter", (self.id,), children=parts),
        )


def beside(rendering: Rendering) -> Beside:
    """The agents that the services of an environment need. A policy that no service names needs none."""
    if not rendering.of("waf-policy") and not rendering.of("auth-policy"):
        return Beside((), (), {}, {}, {})
    environment = rendering.policy.name
    wafs = _used(rendering, "waf")
    auths = _used(rendering, "auth")
    by_waf = {name: _waf(environment, name, data) for name, data in wafs.items()}
    by_auth = {name: _auth(environment, name, data) for name, data in auths.items()}
    guards = {}
    for service, data in rendering.of("service"):
        named = (*by_waf.get(data.get("waf", ""), ()), *by_auth.get(data.get("auth", ""), ()))
        if named:
            guards[service.name] = tuple(agent.id for agent in named)
    agents = [agent for group in (*by_auth.values(), *by_waf.values()) for agent in group]
    nodes = [agent.nodes() for agent in agents]
    bodies = [agent.body_bytes for agent in agents if agent.body_bytes is not None]
    return Beside(
        agents=tuple(agent for agent, _ in nodes),
        filters=tuple(one for _, one in nodes),
        guards=guards,
        inspected_bytes={"request": max(bodies)} if bodies else {},
        files={agent.path: agent.file for agent in agents},
    )


def _used(rendering: Rendering, field: str) -> dict[str, Mapping[str, Any]]:
    """Name → data of the policies that a field of services names, in the order of their names."""
    names = {data[field] for _, data in rendering.of("service") if field in data}
    return {policy.name: data for policy, data in rendering.of(f"{field}-policy") if policy.name in names}


def _waf(environment: str, name: str, data: Mapping[str, Any]) -> tuple[_Agent, ...]:
    if not inspects(data):
        return ()
    return (
        _Agent(
            id=f"{PREFIX}waf-{name}",
            type="waf",
            timeout_ms=seconds(data["timeout"]) * 1000,
            failure_mode=data["failure-mode"],
            body_bytes=size_in_bytes(data["inspect-body-size"]) if data["inspect-body"] else None,
            path=f"agents/{environment}/waf/{name}.conf",
            file=rule_file(name, data),
        ),
    )


def _auth(environment: str, name: str, data: Mapping[str, Any]) -> tuple[_Agent, ...]:
    return tuple(
        _Agent(
            id=f"{PREFIX}auth-{agent}",
            type="auth",
            timeout_ms=seconds(data["timeout"]) * 1000,
            failure_mode="closed",
            body_bytes=None,
            path=f"agents/{environment}/auth/{agent}.json",
            file=file,
        )
        for agent, file in agent_files(name, data).items()
    )
