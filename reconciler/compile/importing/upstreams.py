"""Upstreams and listeners of the proxy, as resources."""

from __future__ import annotations

from reconciler.compile.importing.proposing import (
    Data,
    NotSaid,
    flags,
    numbers,
    only,
    strings,
    without_defaults,
)
from reconciler.compile.native.grammar.upstreams import SPELLINGS
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.upstream_checks import addresses
from reconciler.compile.upstreams import BALANCING
from reconciler.config.kinds.upstream import WEIGHTED

_OURS = {theirs: ours for ours, theirs in BALANCING.items()}
_PARTS = (
    "target",
    "targets",
    "address",
    "load-balancing",
    "health-check",
    "timeouts",
    "tls",
    "circuit-breaker",
)


def upstream(node: Node) -> Data:
    """An upstream."""
    only(node, _PARTS)
    balancing = node.child("load-balancing")
    algorithm = SPELLINGS.get((balancing.string or "").lower(), "round_robin") if balancing else "round_robin"
    ours = _OURS.get(algorithm)
    if ours is None:
        raise NotSaid(f"the proxy accepts the load balancing {algorithm} and does not do it")
    data: Data = {"target": _targets(node, weighted=ours in WEIGHTED)}
    if ours != "round-robin":
        data["load-balancing"] = ours
    check = node.child("health-check")
    if check is not None:
        data["health-check"] = _health_check(check)
    timeouts = node.child("timeouts")
    if timeouts is not None:
        found: Data = {}
        numbers(timeouts, ((part, part) for part in ("connect", "read", "write")), found, "s")
        if found:
            data["timeouts"] = found
    breaker = node.child("circuit-breaker")
    if breaker is not None:
        found = {}
        names = ("failure-threshold", "success-threshold")
        numbers(breaker, (*((n, n) for n in names), ("half-open-max-requests", "half-open-requests")), found)
        numbers(breaker, (("timeout-seconds", "timeout"),), found, "s")
        if found:
            data["circuit-breaker"] = found
    tls = node.child("tls")
    if tls is not None:
        data["tls"] = _tls(tls)
    return data


def _targets(node: Node, *, weighted: bool) -> list[Data]:
    found: list[Data] = []
    for target, address, _ in addresses(node):
        weight = target.property("weight")
        value = weight.value if weight else target.integer_of("weight")
        plain: Data = {"address": address}
        found.append({**plain, "weight": value} if weighted and value not in (None, 1) else plain)
    return found


def _health_check(node: Node) -> Data:
    kind = node.child("type")
    name = (kind.string if kind else None) or "tcp"
    if name not in ("http", "tcp"):
        raise NotSaid(f"the language has no health check of type {name}")
    data: Data = {"type": name}
    if kind is not None and name == "http":
        strings(kind, (("path", "path"), ("host", "host")), data)
        status = kind.string_of("expected-status")
        if status is not None:
            if not status.isascii() or not status.isdigit():
                raise NotSaid("the status that a health check expects is no number")
            data["expected-status"] = int(status)
    numbers(node, (("interval-secs", "interval"), ("timeout-secs", "timeout")), data, "s")
    numbers(node, ((name, name) for name in ("healthy-threshold", "unhealthy-threshold")), data)
    defaults = {"interval": "10s", "timeout": "5s", "healthy-threshold": 2, "unhealthy-threshold": 3}
    return without_defaults(data, {**defaults, "path": "/health", "expected-status": 200})


def _tls(node: Node) -> Data:
    only(node, ("sni", "insecure-skip-verify"))
    if node.string_of("sni") is None:
        raise NotSaid(
            "tls without sni takes the target's address for the name, and the language wants a name"
        )
    data: Data = {}
    strings(node, (("sni", "sni"),), data)
    flags(node, (("insecure-skip-verify", "insecure-skip-verify"),), data)
    return without_defaults(data, {"insecure-skip-verify": False})


_INERT = ("default-route", "max-concurrent-streams")
"""What the proxy reads of a listener and never uses."""


def listener(node: Node) -> Data:
    """A listener. Certificates in files of the node are not the language's: it has certificates of its own."""
    if node.child("tls") is not None or (node.string_of("protocol") or "http").lower() != "http":
        raise NotSaid(
            "its certificate is a file of the node, and the language seals keys: sentinelctl certificate add"
        )
    only(node, ("address", "protocol", "request-timeout-secs", "keepalive-timeout-secs", *_INERT))
    data: Data = {"address": node.string_of("address")}
    words = (("request-timeout-secs", "request-timeout"), ("keepalive-timeout-secs", "keepalive-timeout"))
    numbers(node, words, data, "s")
    return without_defaults(data, {"request-timeout": "1m", "keepalive-timeout": "75s"})
