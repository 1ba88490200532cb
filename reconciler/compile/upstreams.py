"""Upstreams as proxy nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.compile.resolving import Pair
from reconciler.config.durations import seconds
from reconciler.config.kdl import KdlNode
from reconciler.config.kinds.upstream import WEIGHTED

BALANCING = {
    "round-robin": "round_robin",
    "random": "random",
    "weighted": "weighted",
    "power-of-two-choices": "power_of_two_choices",
    "peak-ewma": "peak_ewma",
    "weighted-least-connections": "weighted_least_connections",
}
"""Our words → the proxy's. A spelling it does not know would silently mean round robin."""


def upstream_node(name: str, data: Mapping[str, Any]) -> KdlNode:
    """One upstream of the proxy, from its resolved data."""
    weighted = data["load-balancing"] in WEIGHTED
    children = [
        KdlNode("target", (t["address"],), {"weight": t.get("weight", 1)} if weighted else {})
        for t in data["target"]
    ]
    children.append(KdlNode("load-balancing", (BALANCING[data["load-balancing"]],)))
    if "health-check" in data:
        children.append(health_check(data["health-check"]))
    if "timeouts" in data:
        timeouts = data["timeouts"]
        parts = tuple(KdlNode(part, (seconds(timeouts[part]),)) for part in ("connect", "read", "write"))
        children.append(KdlNode("timeouts", children=parts))
    if "circuit-breaker" in data:
        children.append(_circuit_breaker(data["circuit-breaker"]))
    if "tls" in data:
        children.append(_tls(data["tls"], data.get("pair")))
    return KdlNode("upstream", (name,), children=tuple(children))


def health_check(check: Mapping[str, Any]) -> KdlNode:
    """The probe. The proxy ignores what stands outside the `type` block, and a status that is a number."""
    kind = KdlNode("type", (check["type"],))
    if check["type"] == "http":
        parts = [
            KdlNode("path", (check.get("path", "/health"),)),
            KdlNode("expected-status", (str(check.get("expected-status", 200)),)),
        ]
        if "host" in check:
            parts.append(KdlNode("host", (check["host"],)))
        kind = KdlNode("type", ("http",), children=tuple(parts))
    return KdlNode(
        "health-check",
        children=(
            kind,
            KdlNode("interval-secs", (seconds(check["interval"]),)),
            KdlNode("timeout-secs", (seconds(check["timeout"]),)),
            KdlNode("healthy-threshold", (check["healthy-threshold"],)),
            KdlNode("unhealthy-threshold", (check["unhealthy-threshold"],)),
        ),
    )


def _tls(tls: Mapping[str, Any], pair: Pair | None) -> KdlNode:
    """The block whose presence turns TLS on. A trust store is left out, because the proxy does not apply `ca-cert`."""
    parts = [KdlNode("sni", (tls["sni"],))]
    if pair is not None:
        parts += [KdlNode("client-cert", (pair.chain,)), KdlNode("client-key", (pair.key,))]
    if tls["insecure-skip-verify"]:
        parts.append(KdlNode("insecure-skip-verify", (True,)))
    return KdlNode("tls", children=tuple(parts))


def _circuit_breaker(breaker: Mapping[str, Any]) -> KdlNode:
    return KdlNode(
        "circuit-breaker",
        children=(
            KdlNode("failure-threshold", (breaker["failure-threshold"],)),
            KdlNode("success-threshold", (breaker["success-threshold"],)),
            KdlNode("timeout-seconds", (seconds(breaker["timeout"]),)),
            KdlNode("half-open-max-requests", (breaker["half-open-requests"],)),
        ),
    )
