"""Checks of upstreams: targets, balancing, health checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from reconciler.compile.native.grammar.upstreams import (
    CHECK_TYPES,
    INEFFECTIVE_BALANCING,
    SPELLINGS,
    STICKY,
)
from reconciler.compile.native.nodes import Entry, Node
from reconciler.compile.native.scalars import described, is_integer
from reconciler.compile.native.walking import Check, Walk
from reconciler.config.characters import shown

_DURATION = re.compile(
    r"\s*[0-9]+(?:\.[0-9]+)?\s*(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)\s*", re.IGNORECASE
)
_STATUS = re.compile(r"\+?[0-9]{1,5}")


def target_address(node: Node) -> tuple[str, int] | None:
    """A target's address and its offset, from wherever the proxy takes it; None when it drops the target."""
    first = node.first
    if first is not None and isinstance(first.value, str):
        return first.value, first.value_at
    named = node.property("address")
    if named is not None and isinstance(named.value, str):
        return named.value, named.value_at
    child = node.child("address")
    if child is not None and child.string is not None and child.first is not None:
        return child.string, child.first.value_at
    return None


def targets(upstream: Node) -> list[Node]:
    """Every target node, with those inside `targets`."""
    found: list[Node] = []
    for child in upstream.nodes:
        if child.name == "target":
            found.append(child)
        elif child.name == "targets":
            found.extend(child.all("target"))
    return found


def addresses(upstream: Node) -> list[tuple[Node, str, int]]:
    """The targets that the proxy takes, with their addresses."""
    found = [(node, *address) for node in targets(upstream) if (address := target_address(node)) is not None]
    if found:
        return found
    own = upstream.property("address")
    if own is not None and isinstance(own.value, str):
        return [(upstream, own.value, own.value_at)]
    child = upstream.child("address")
    if child is not None and child.string is not None and child.first is not None:
        return [(child, child.string, child.first.value_at)]
    return []


def check_upstream(walk: Walk, node: Node) -> None:
    """At least one target, and an algorithm that exists."""
    if not addresses(node):
        walk.report.add(
            "E-NAT-006",
            node,
            f"the upstream {shown(node.string or '')} has no target",
            expected="at least one target",
            hint='add target "host:port"',
        )
    for target in targets(node):
        if target_address(target) is None:
            walk.report.add(
                "W-NAT-012",
                target,
                "a target without an address is dropped",
                expected='target "host:port"',
                hint="write the address first, before the properties",
            )
    if targets(node) and node.child("address") is not None:
        walk.report.add(
            "W-NAT-012",
            node.child("address") or node,
            "'address' is ignored beside targets",
            hint="write it as a target",
        )
    algorithm = _check_balancing(walk, node)
    if algorithm == "round_robin":
        for target in targets(node):
            weight = _weight(target)
            if weight is not None and weight[0] != 1:
                walk.report.add(
                    "W-NAT-016",
                    target,
                    "round robin ignores the weight of a target",
                    at=weight[1],
                    hint='add load-balancing "weighted"',
                )


def _weight(target: Node) -> tuple[int, int] | None:
    entry: Entry | None = target.property("weight")
    if entry is None:
        child = target.child("weight")
        entry = child.first if child else None
    if entry is None or not isinstance(entry.value, int):
        return None
    return int(entry.value), entry.at


def check_target(walk: Walk, node: Node) -> None:
    """A weight that is written as a property."""
    weight = node.property("weight")
    if weight is not None and not is_integer(weight.value):
        walk.report.add(
            "W-NAT-002",
            node,
            f"'weight' is {described(weight.value)}; the proxy takes 1 instead",
            at=weight.value_at,
            expected="an integer",
            hint="write weight=2",
        )
    elif weight is not None and isinstance(weight.value, int) and weight.value not in range(2**32):
        walk.report.add(
            "W-NAT-004",
            node,
            f"'weight' is {weight.value}, which wraps around to {weight.value % 2**32}",
            at=weight.value_at,
            expected="a whole number from 0 to 4294967295",
            hint="write a number in that range",
        )


def _check_balancing(walk: Walk, upstream: Node) -> str:
    node = upstream.child("load-balancing")
    if node is None:
        return "round_robin"
    if node.string is None or node.first is None:
        walk.report.add(
            "W-NAT-002",
            node,
            "'load-balancing' has no string; the proxy takes round_robin instead",
            expected="a string",
            hint='write load-balancing "weighted"',
        )
        return "round_robin"
    algorithm = SPELLINGS.get(node.string.lower())
    if algorithm is None:
        walk.report.add(
            "W-NAT-003",
            node,
            f"'load-balancing' is {shown(node.string)}, which the proxy takes for round_robin",
            at=node.first.value_at,
            expected="one of " + ", ".join(sorted(set(SPELLINGS.values()))),
            hint=walk.report.meant(node.string.replace("-", "_"), tuple(SPELLINGS), "write round_robin"),
        )
        return "round_robin"
    if algorithm in INEFFECTIVE_BALANCING:
        walk.report.add(
            "W-NAT-016",
            node,
            f"{algorithm} does not do what it says: {INEFFECTIVE_BALANCING[algorithm]}",
            at=node.first.value_at,
            hint="use weighted, random, p2c or peak_ewma",
        )
    _check_sticky(walk, node, algorithm)
    return algorithm


def _check_sticky(walk: Walk, node: Node, algorithm: str) -> None:
    if algorithm != "sticky":
        if node.children is not None:
            walk.report.add(
                "W-NAT-012",
                node,
                f"the block of load-balancing {algorithm} is ignored",
                hint="remove the block",
            )
        return
    if node.children is None:
        walk.report.add(
            "W-NAT-011",
            node,
            "load-balancing sticky has no block: the proxy's test passes, and then it does not start",
            expected="a block, even an empty one",
            hint="add { }",
        )
        return
    walk.block(node, STICKY)
    fallback = node.child("fallback")
    if fallback is not None and SPELLINGS.get((fallback.string or "").lower()) == "sticky":
        walk.report.add(
            "W-NAT-011",
            fallback,
            "the fallback of sticky is sticky: the proxy's test passes, and then it does not start",
            expected="another algorithm",
            hint='write fallback "round_robin"',
        )


def check_sticky(walk: Walk, node: Node) -> None:
    """`cookie-ttl`: the one place with units."""
    ttl = node.child("cookie-ttl")
    if ttl is not None and ttl.string is not None and not _DURATION.fullmatch(ttl.string):
        walk.report.add(
            "W-NAT-003",
            ttl,
            f"'cookie-ttl' is {shown(ttl.string)}, which the proxy takes for 3600",
            at=ttl.first.value_at if ttl.first else None,
            expected='seconds, or a string such as "30m" or "1h"',
            hint='write cookie-ttl "1h"',
        )


def check_health_check(walk: Walk, node: Node) -> None:
    """The block of the type belongs to the type."""
    kind = node.child("type")
    if kind is None:
        return
    name = kind.string
    block = CHECK_TYPES.get((name or "tcp").lower())
    if name is None or block is None:
        walk.report.add(
            "W-NAT-003",
            kind,
            f"'type' is {described(kind.first.value) if kind.first else 'empty'}, which the proxy takes for tcp",
            at=kind.first.value_at if kind.first else None,
            expected="one of " + ", ".join(CHECK_TYPES),
            hint=walk.report.meant(name or "", tuple(CHECK_TYPES), "write tcp"),
        )
        return
    walk.block(kind, block)


def check_http_check(walk: Walk, node: Node) -> None:
    """The status is a string that holds a number."""
    status = node.child("expected-status")
    if status is None or status.string is None:
        return
    if not _STATUS.fullmatch(status.string) or int(status.string) > 65535:
        walk.report.add(
            "W-NAT-003",
            status,
            f"'expected-status' is {shown(status.string)}, which the proxy takes for 200",
            at=status.first.value_at if status.first else None,
            expected="one status code, as a string",
            hint='write expected-status "200"',
        )


UPSTREAM_CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "upstream": check_upstream,
        "target": check_target,
        "load-balancing": check_sticky,
        "health-check": check_health_check,
        "health check of type http": check_http_check,
    }
)
