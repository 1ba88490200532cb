"""Listeners: as proxy nodes, and whether they can all be opened on one machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.compile.reserved import LOOPBACK
from reconciler.compile.resolving import Pair
from reconciler.config.durations import seconds
from reconciler.config.kdl import KdlNode
from reconciler.config.network import split_address
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.report import Problem
from reconciler.config.resources import Resource


def listener_node(name: str, data: Mapping[str, Any], pairs: Mapping[str, Pair]) -> KdlNode:
    """One listener of the proxy. Of TLS the certificate is all that it applies, so nothing else is written."""
    children = [
        KdlNode("address", (data["address"],)),
        KdlNode("protocol", (data["protocol"],)),
        KdlNode("request-timeout-secs", (seconds(data["request-timeout"]),)),
        KdlNode("keepalive-timeout-secs", (seconds(data["keepalive-timeout"]),)),
    ]
    for certificate in data.get("certificate", ()):
        pair = pairs[certificate]
        files = (KdlNode("cert-file", (pair.chain,)), KdlNode("key-file", (pair.key,)))
        children.append(KdlNode("tls", children=files))
    return KdlNode("listener", (name,), children=tuple(children))


class Taken:
    """The addresses of one machine that something listens on."""

    def __init__(self, policy: EnvironmentPolicy) -> None:
        self._ports: dict[int, list[tuple[str, str]]] = {}
        for port, use in ((policy.admin_port, "admin listener"), (policy.admin_port + 1, "metrics")):
            self._ports.setdefault(port, []).append((LOOPBACK, f"the control plane's {use}"))

    def take(self, host: str, port: int, address: str, owner: str) -> Problem | None:
        """Note an address; the problem when it could not be opened beside those before it."""
        others = self._ports.setdefault(port, [])
        other = next(((at, whose) for at, whose in others if _overlap(host, at)), None)
        others.append((host, owner))
        if other is None:
            return None
        at, whose = other
        return Problem(
            "E-CMP-003",
            f"the address {address} collides with {whose} on {_joined(at, port)}",
            "an address that nothing else listens on",
            "choose another port" + (", or set admin-port" if whose.startswith("the control") else ""),
        )


def address_conflicts(
    listeners: tuple[tuple[Resource, Mapping[str, Any]], ...], taken: Taken
) -> Iterator[tuple[Resource, str, Problem]]:
    """(listener, its address, problem) for each that could not be opened beside those before it; all are taken then."""
    for resource, data in listeners:
        host, port = split_address(data["address"])
        problem = taken.take(str(host), port, data["address"], f"the listener '{resource.name}'")
        if problem is not None:
            yield resource, data["address"], problem


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _overlap(one: str, other: str) -> bool:
    # The IPv6 wildcard takes IPv4 as well on Linux unless told otherwise, and the proxy does not tell it.
    return one == other or "::" in (one, other) or ("0.0.0.0" in (one, other) and ":" not in one + other)  # noqa: S104
