"""What a node of the proxy's language means: a flat table of facts, with the proxy's own defaults filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.compile.native.grammar.filters import FILTER_TYPES, UNTYPED
from reconciler.compile.native.grammar.upstreams import CHECK_TYPES, SPELLINGS, STICKY
from reconciler.compile.native.nodes import Node
from reconciler.compile.native.shape import Block, Effect, Kind, Repeat, Row
from reconciler.config.kdl import KdlValue

Fact = KdlValue | tuple[KdlValue, ...]
Facts = dict[str, Fact]

ORDERED = frozenset({"filters", "nameservers"})
"""Lists whose order the proxy goes by; all others are sorted."""

ALWAYS_ON = frozenset(
    {
        ("upstream", "timeouts"),
        ("upstream", "circuit-breaker"),
        ("observability", "metrics"),
    }
)
"""Blocks, by that around them, whose absence means their defaults rather than nothing."""

EMPTY = frozenset({"policies", "header policy", "matches"})
"""Blocks that mean nothing when they are empty."""

LEVELS: Mapping[str, int] = {"low": 10, "normal": 50, "high": 100, "critical": 1000}
_LISTS = frozenset({Kind.strings, Kind.integers, Kind.numbers})


def facts_of(node: Node | None, block: Block) -> Facts:
    """The facts of a node by dotted path. What is absent holds the proxy's default, or is left out when there is none.

    What nothing in the proxy reads is left out as well.
    """
    return dict(_block(node, block, ""))


def _block(node: Node | None, block: Block, prefix: str) -> Iterator[tuple[str, Fact]]:
    for row in block.rows:
        if row.effect is Effect.inert:
            continue
        found = [
            child
            for child in (node.nodes if node else ())
            if child.name == row.name and not (block.as_written and child.quoted)
        ]
        if row.repeat is not Repeat.all:
            found = found[:1] if row.repeat is Repeat.first else found[-1:]
        path = f"{prefix}{row.name}"
        special = _SPECIAL.get((block.name, row.name))
        if special is not None:
            yield from special(found, path)
        elif row.kind is Kind.block and row.block is not None:
            yield from _blocks(found, row, block.name, path)
        elif row.kind is Kind.headers:
            for child in found:
                yield from ((f"{path}.{name.lower()}", value) for name, value in _headers(child))
        else:
            value = _value(found, row)
            if value is not None:
                yield path, value


def _blocks(found: list[Node], row: Row, within: str, path: str) -> Iterator[tuple[str, Fact]]:
    block = row.block
    assert block is not None  # noqa: S101 - the caller looked
    if row.repeat is Repeat.all:
        for number, child in enumerate(found, 1):
            key = child.string if block.identified and child.string is not None else number
            yield from _present(child, block, f"{path}[{key}]")
    elif found:
        yield from _present(found[0], block, path)
    elif (within, row.name) in ALWAYS_ON:
        yield from _block(None, block, f"{path}.")


def _present(node: Node, block: Block, path: str) -> Iterator[tuple[str, Fact]]:
    """A block that is there: what it is called, and its facts; one without either is a fact by itself."""
    inner = list(_block(node, block, f"{path}."))
    own = _own(node, block)
    if own is not None or not (inner or block.name in EMPTY):
        yield path, True if own is None else own
    yield from inner


def _own(node: Node, block: Block) -> Fact:
    """What a block is called, such as the path behind unix-socket; None when it says nothing of itself."""
    if block.identified:
        return None
    return node.string or next((value for key in block.properties if (value := node.string_of(key))), None)


def _headers(node: Node) -> Iterator[tuple[str, Fact]]:
    for child in node.nodes:
        if child.string is not None:
            yield child.name, child.string


def _value(found: list[Node], row: Row) -> Fact:
    if row.kind in _LISTS:
        values = [entry.value for node in found for entry in node.entries if _fits(row.kind, entry.value)]
        if not found and row.default:
            values = [_default(word, row.kind) for word in row.default.split()]
        return _listed(values, row.name)
    if row.kind is Kind.pair:
        return _listed([e.value for node in found for e in node.entries], "filters")
    if row.kind is Kind.free:
        return _listed([written(node) for node in found], row.name)
    if row.repeat is Repeat.all:
        return _listed([node.entries[0].value for node in found if node.entries], row.name)
    entry = found[0].first if found else None
    if entry is not None and _fits(row.kind, entry.value):
        return _normal(entry.value, row)
    return _default(row.default, row.kind) if row.default else None


def _listed(values: list[KdlValue], name: str) -> Fact:
    if not values:
        return None
    return tuple(
        values if name in ORDERED else sorted(set(values), key=lambda v: (type(v).__name__, v or ""))
    )


def _fits(kind: Kind, value: KdlValue) -> bool:
    if kind is Kind.boolean:
        return isinstance(value, bool)
    if isinstance(value, bool) or value is None:
        return False
    if kind in (Kind.integer, Kind.integers):
        return isinstance(value, int)
    if kind in (Kind.number, Kind.numbers):
        return isinstance(value, (int, float))
    if kind in (Kind.level, Kind.share):
        return isinstance(value, (int, str))
    return isinstance(value, str)


def _normal(value: KdlValue, row: Row) -> KdlValue:
    if row.kind is Kind.level and isinstance(value, str):
        return LEVELS.get(value.lower(), 50)
    if row.kind is Kind.share and isinstance(value, str):
        try:
            return float(value) if not value.isdigit() else int(value)
        except ValueError:
            return value
    if row.kind is Kind.number and isinstance(value, int):
        return float(value)
    if isinstance(value, str) and row.words is not None:
        folded = value.lower() if row.words.fold else value
        return folded if row.words.has(value) else (row.words.falls_to or folded)
    return value


def _default(text: str, kind: Kind) -> KdlValue:
    if kind is Kind.boolean:
        return text == "#true"
    if kind in (Kind.integer, Kind.integers, Kind.level, Kind.share) and text.isdigit():
        return int(text)
    if kind in (Kind.number, Kind.numbers):
        return float(text)
    return text


def written(node: Node) -> str:
    """A node whose inside has no table, in one line of a form of its own. The order of properties means nothing."""
    parts = [node.name]
    parts += [repr(entry.value) for entry in node.entries if entry.key is None]
    parts += sorted(f"{entry.key}={entry.value!r}" for entry in node.entries if entry.key is not None)
    if node.nodes:
        parts.append("{ " + "; ".join(written(child) for child in node.nodes) + " }")
    return " ".join(parts)


def _methods(found: list[Node], path: str) -> Iterator[tuple[str, Fact]]:
    """Of each method line only the first argument counts."""
    value = _listed([node.string for node in found if node.string is not None], "method")
    if value is not None:
        yield path, value


def _conditions(found: list[Node], path: str) -> Iterator[tuple[str, Fact]]:
    texts = [": ".join(str(entry.value) for entry in node.entries[:2]) for node in found]
    value = _listed(list(texts), "header")
    if value is not None:
        yield path, value


def _balancing(found: list[Node], path: str) -> Iterator[tuple[str, Fact]]:
    name = SPELLINGS.get((found[0].string or "").lower(), "round_robin") if found else "round_robin"
    yield path, name
    if name == "sticky":
        yield from _block(found[0], STICKY, f"{path}.")


def _probe(found: list[Node], path: str) -> Iterator[tuple[str, Fact]]:
    name = (found[0].string or "tcp") if found else "tcp"
    name = name if name in CHECK_TYPES else "tcp"
    yield path, name
    yield from _block(found[0] if found else None, CHECK_TYPES[name], f"{path}.")


def _targets(found: list[Node], path: str) -> Iterator[tuple[str, Fact]]:
    for node in found:
        inner = node.all("target") if node.name == "targets" else (node,)
        for target in inner:
            address = target.string if target.first and target.first.key != "weight" else None
            named = target.property("address")
            address = (named.value if named else None) or address or target.string_of("address")  # type: ignore[assignment]
            weight = target.property("weight")
            value = weight.value if weight else target.integer_of("weight")
            if isinstance(address, str):
                yield f"target[{address}]", value if isinstance(value, int) else 1


def _address(found: list[Node], path: str) -> Iterator[tuple[str, Fact]]:
    """One address on the upstream itself is one target of weight 1."""
    if found and found[0].string is not None:
        yield f"target[{found[0].string}]", 1


_SPECIAL = {
    ("matches", "method"): _methods,
    ("matches", "header"): _conditions,
    ("matches", "query-param"): _conditions,
    ("upstream", "load-balancing"): _balancing,
    ("upstream", "target"): _targets,
    ("upstream", "targets"): _targets,
    ("upstream", "address"): _address,
    ("health-check", "type"): _probe,
}


def filter_block(node: Node) -> Block:
    """The grammar of a filter, which depends on its type."""
    return FILTER_TYPES.get(node.string_of("type") or "", UNTYPED)
