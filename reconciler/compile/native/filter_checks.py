"""Checks of filters: keys and types that do not do what they say."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.compile.native.grammar.filters import INEFFECTIVE_TYPES
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.walking import Check, Walk
from reconciler.config.characters import shown

_ALGORITHMS = ("gzip", "br", "brotli", "deflate", "zstd")


def check_rate_limit(walk: Walk, node: Node) -> None:
    """Keys of the client are asked for before anything is known of the client."""
    key = node.child("key")
    value = key.string if key is not None else None
    if value in ("route", "path"):
        return
    what = value if value is not None and value.startswith("header:") else "client-ip"
    walk.report.add(
        "W-NAT-016",
        key or node,
        f"a rate limit by {shown(what)} has one bucket for all: the client is not known yet when it is asked",
        expected='key "route" or key "path"',
        hint='write key "route", or use an agent',
    )


def check_backend(walk: Walk, node: Node) -> None:
    """Counting elsewhere is accepted and not done."""
    check_rate_limit(walk, node)
    backend = node.child("backend")
    if backend is not None and backend.string in ("redis", "memcached", "memcache"):
        walk.report.add(
            "W-NAT-016",
            backend,
            f"the backend {backend.string} is never asked: each proxy counts for itself",
            expected="local",
            hint="divide the limit by the number of proxies, or use an agent",
        )


def check_compress(walk: Walk, node: Node) -> None:
    """Algorithms stand in one string with commas."""
    child = node.child("algorithms")
    if child is None or child.string is None:
        return
    for name in child.string.split(","):
        if name.strip() not in _ALGORITHMS:
            walk.report.add(
                "W-NAT-003",
                child,
                f"the algorithm {shown(name.strip())} is left out",
                at=child.first.value_at if child.first else None,
                expected="gzip, br, deflate or zstd, in one string with commas",
                hint='write algorithms "gzip,br"',
            )


def check_geo(walk: Walk, node: Node) -> None:
    """The whole type has no effect."""
    walk.report.add(
        "W-NAT-016",
        node.child("type") or node,
        f"a filter of type geo does not do what it says: {INEFFECTIVE_TYPES['geo']}",
        hint="use an agent",
    )


def check_replace(walk: Walk, node: Node) -> None:
    """Two replacements of one path."""
    if node.child("replace-full-path") is not None and node.child("replace-prefix-match") is not None:
        walk.report.add(
            "W-NAT-012",
            node.child("replace-prefix-match") or node,
            "of replace-full-path and replace-prefix-match only one can count",
            hint="remove one of the two",
        )


FILTER_CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "filter of type rate-limit": check_backend,
        "filter of type compress": check_compress,
        "filter of type geo": check_geo,
        "filter of type redirect": check_replace,
        "filter of type url-rewrite": check_replace,
    }
)
