"""Checks of `matches`: conditions that are dropped, that never hold together, and expressions that do not compile."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.compile.native import limits
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.regexes import regex_trouble
from reconciler.compile.native.scalars import described
from reconciler.compile.native.walking import Check, Walk
from reconciler.config.characters import shown

CONDITIONS = ("path", "path-prefix", "path-regex", "host", "method", "header", "query-param")
_ONE_ROUTE = "write one route for each alternative"


def conditions(matches: Node | None) -> list[Node]:
    """The conditions that the proxy takes: of a known name, with a string as first entry."""
    if matches is None:
        return []
    return [node for node in matches.nodes if node.name in CONDITIONS and node.string is not None]


def check_matches(walk: Walk, node: Node) -> None:
    """All conditions of a route have to hold at once, except that one host is enough."""
    taken = conditions(node)
    for child in node.nodes:
        if child.name in ("method", "header", "query-param"):
            _check_entries(walk, child)
    for child in taken:
        if child.name == "path-regex":
            _check_regex(walk, child)
        elif child.name == "query-param":
            _never(
                walk,
                child,
                "a query-param never matches: the query is cut off before",
                "match by path or header",
            )
        elif child.name == "host" and child.string is not None and child.string != child.string.lower():
            _never(
                walk,
                child,
                "a host with capitals never matches: clients send small letters",
                "write it in small letters",
            )
    _check_together(walk, [child for child in taken if child.name == "method"], "method")
    _check_together(walk, [child for child in taken if child.name == "path"], "path")
    _check_prefixes(walk, [child for child in taken if child.name in ("path", "path-prefix")])
    _check_headers(walk, [child for child in taken if child.name == "header"])


def _never(walk: Walk, node: Node, message: str, hint: str) -> None:
    at = node.first.value_at if node.first else None
    walk.report.add("W-NAT-008", node, message, at=at, hint=hint)


def _check_entries(walk: Walk, node: Node) -> None:
    if node.string is None:
        got = described(node.first.value) if node.first else "nothing"
        walk.report.add(
            "W-NAT-002",
            node,
            f"'{node.name}' holds {got}; the proxy goes on as if it were absent",
            at=node.first.value_at if node.first else None,
            expected="a string",
            hint=f'write {node.name} "…"',
        )
        return
    if node.name == "method":
        for entry in node.entries[1:2]:
            walk.report.add(
                "W-NAT-008",
                node,
                f"of the methods only {node.string} is read",
                at=entry.value_at,
                expected="one method",
                hint=_ONE_ROUTE,
            )
        return
    for entry in node.entries[1:2]:
        if not isinstance(entry.value, str):
            walk.report.add(
                "W-NAT-002",
                node,
                f"the value of '{node.name}' is {described(entry.value)}; the proxy only looks whether it is there",
                at=entry.value_at,
                expected="a string",
                hint="put it in quotes",
            )
    for entry in node.entries[2:3]:
        walk.report.add(
            "W-NAT-012",
            node,
            f"of the values of '{node.name}' only one is read",
            at=entry.value_at,
            hint=_ONE_ROUTE,
        )


def _check_regex(walk: Walk, node: Node) -> None:
    trouble = regex_trouble(node.string or "")
    if trouble is not None:
        walk.report.add(
            "W-NAT-009",
            node,
            f"the expression {shown(node.string or '')} {trouble[0]}: the test passes, and the proxy does not start",
            at=node.first.value_at if node.first else None,
            expected="an expression of Rust's regex crate",
            hint=trouble[1],
        )


def _check_together(walk: Walk, nodes: list[Node], name: str) -> None:
    for node in nodes[1:]:
        if node.string != nodes[0].string:
            _never(
                walk,
                node,
                f"the route never matches: no request has two values of '{name}', and both are asked for",
                _ONE_ROUTE,
            )
            return


def _below(prefix: str, path: str) -> bool:
    stem = prefix.rstrip("/")
    return path in (prefix, stem) or path.startswith(f"{stem}/")


def _check_prefixes(walk: Walk, nodes: list[Node]) -> None:
    different = list({(node.name, node.string): node for node in nodes}.values())[: limits.CONDITIONS]
    for index, node in enumerate(different):
        for other in different[:index]:
            mine, theirs = node.string or "", other.string or ""
            if node.name == other.name == "path":
                continue
            if node.name == "path":
                possible = _below(theirs, mine)
            elif other.name == "path":
                possible = _below(mine, theirs)
            else:
                possible = _below(theirs, mine) or _below(mine, theirs)
            if not possible:
                _never(
                    walk,
                    node,
                    f"the route never matches: no path fits both {shown(theirs)} and {shown(mine)}",
                    _ONE_ROUTE,
                )
                return


def _check_headers(walk: Walk, nodes: list[Node]) -> None:
    values: dict[str, str] = {}
    for node in nodes:
        entry = node.entries[1] if len(node.entries) > 1 else None
        if entry is None or not isinstance(entry.value, str):
            continue
        name = (node.string or "").lower()
        if values.setdefault(name, entry.value) != entry.value:
            _never(
                walk,
                node,
                f"the route never matches: two values of the header {shown(name)} are asked for",
                _ONE_ROUTE,
            )


MATCH_CHECKS: Mapping[str, Check] = MappingProxyType({"matches": check_matches})
