"""What services and their middlewares need of the proxy as a whole: shared filters, agents, the cache, limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.compile.middlewares import AGENTS, agent_node, events_of, middleware_filters
from reconciler.compile.resolving import Applied, applied_of
from reconciler.config.kdl import KdlNode
from reconciler.config.sizes import size_in_bytes

Data = Mapping[str, Any]

CACHE_BYTES = 104_857_600
"""Memory of the cache, for all services together. The proxy's own default."""

INSPECTED_BYTES = 1_048_576
"""How much of a body an agent gets when its middleware does not say. The proxy's own default."""


def used_upstreams(services: Iterable[Data]) -> frozenset[str]:
    """Names of the upstreams that the routes of resolved services name. The parts of a split are none of them."""
    found: set[str] = set()
    for data in services:
        if "upstream" in data:
            found.add(data["upstream"])
        if "shadow" in data:
            found.add(data["shadow"]["upstream"])
        if "inference" in data:
            found.update(_inferred(data["inference"]))
    return frozenset(found)


def _inferred(inference: Data) -> Iterator[str]:
    routing = inference.get("model-routing", {})
    yield from (model["upstream"] for model in routing.get("model", ()))
    if "default" in routing:
        yield routing["default"]
    yield from (one["name"] for one in inference.get("fallback", {}).get("upstream", ()))


def applied_once(services: Iterable[Data]) -> tuple[Applied, ...]:
    """Every middleware that applies to any of the resolved services, once for each way it applies, by filter id."""
    found = {one.filter_id(): one for data in services for one in data.get("applied", ())}
    return tuple(found[key] for key in sorted(found))


def shared_filters(applied: Iterable[Applied]) -> tuple[KdlNode, ...]:
    """The filters of middlewares that apply as they are. Those that a service changed are the service's own."""
    return tuple(node for one in applied if one.owner is None for node in middleware_filters(one))


def agent_nodes(applied: Iterable[Applied]) -> tuple[KdlNode, ...]:
    """The agents behind the middlewares."""
    return tuple(agent_node(one) for one in applied if one.type in AGENTS)


def inspected_bytes(applied: Iterable[Applied]) -> dict[str, int]:
    """ "request" and "response" → how much of such a body agents want; nothing for a side that none wants."""
    found: dict[str, int] = {}
    for one in applied:
        if one.type not in AGENTS:
            continue
        size = size_in_bytes(one.data["max-body"]) if "max-body" in one.data else INSPECTED_BYTES
        for side in ("request", "response"):
            if f"{side}_body" in events_of(one):
                found[side] = max(size, found.get(side, 0))
    return found


def inspection(wanted: Mapping[str, int]) -> KdlNode | None:
    """The block without which no agent gets bodies. Every mode but off is refused: the proxy has no WAF itself."""
    if not wanted:
        return None
    parts = (
        KdlNode("inspect-request-body", ("request" in wanted,)),
        KdlNode("inspect-response-body", ("response" in wanted,)),
        KdlNode("max-inspection-bytes", (max(wanted.values()),)),
    )
    return KdlNode("waf", children=(KdlNode("mode", ("off",)), KdlNode("body-inspection", children=parts)))


def limits_nodes(services: Iterable[Data]) -> tuple[KdlNode, ...]:
    """The limit of bodies that all services have in common; the checks have refused anything else."""
    sizes = {block["size"] for data in services if (block := applied_of(data, "body-limit")) is not None}
    return tuple(
        KdlNode("limits", children=(KdlNode("max-body-size", (size_in_bytes(size),)),))
        for size in sorted(sizes)[:1]
    )


def cache_nodes(services: Iterable[Data]) -> Iterator[KdlNode]:
    """The cache itself, when any service keeps answers."""
    if any(applied_of(data, "cache") is not None for data in services):
        parts = (
            KdlNode("enabled", (True,)),
            KdlNode("backend", ("memory",)),
            KdlNode("max-size", (CACHE_BYTES,)),
        )
        yield KdlNode("cache", children=parts)
