"""What happened to upstreams."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.diff.changes import Action, Difference
from reconciler.compile.diff.model import upstreams_of
from reconciler.compile.risk_rules.reading import Hit, changes, fell, higher, number, sides

_BREAKER = ("circuit-breaker.failure-threshold", "circuit-breaker.half-open-max-requests")


def emptied(difference: Difference) -> Iterator[Hit]:
    """Upstreams without targets, and upstreams that are gone while a route still names them."""
    old, new = sides(difference)
    used = {name for route in new.of("route").values() for name in upstreams_of(route)}
    for name, before in old.of("upstream").items():
        after = new.parts.get(("upstream", name))
        routes = new.routes_with("upstream", name)
        if after is None and name in used:
            yield f"the upstream {name} is gone, and routes still use it", routes
        elif after is not None and before.targets and not after.targets:
            yield f"the upstream {name} has no target left", routes


def replaced(difference: Difference) -> Iterator[Hit]:
    """Upstreams of whose targets none stays."""
    for name, before, after, routes in _targets(difference):
        if after and not before & after:
            yield f"none of the {len(before)} targets of {name} stays", routes


def halved(difference: Difference) -> Iterator[Hit]:
    """Upstreams that lose half of their targets or more, and keep some."""
    for name, before, after, routes in _targets(difference):
        gone = len(before - after)
        if before & after and gone * 2 >= len(before):
            yield f"{gone} of the {len(before)} targets of {name} are gone", routes


def _targets(difference: Difference) -> Iterator[tuple[str, set[str], set[str], tuple[str, ...]]]:
    old, new = sides(difference)
    for name, before in old.of("upstream").items():
        after = new.parts.get(("upstream", name))
        if after is not None and before.targets and before.targets != after.targets:
            yield name, set(before.targets), set(after.targets), new.routes_with("upstream", name)


def balancing(difference: Difference) -> Iterator[Hit]:
    """Another algorithm, or other weights of targets that stay."""
    for change in changes(difference, "upstream", Action.changed):
        field = change.field("load-balancing")
        if field is not None:
            yield f"the load balancing of {change.name} goes {fell(field)}", change.routes
        weights = [
            f
            for f in change.fields
            if f.path.startswith("target[") and f.before is not None and f.after is not None
        ]
        if weights:
            yield f"weights of {len(weights)} targets of {change.name} are others", change.routes


def breaker(difference: Difference) -> Iterator[Hit]:
    """Circuit breakers that open later."""
    for change in changes(difference, "upstream", Action.changed):
        for path in _BREAKER:
            field = change.field(path)
            if field is not None and number(field.after) is not None and higher(field):
                yield f"{path} of {change.name} rises {fell(field)}", change.routes
