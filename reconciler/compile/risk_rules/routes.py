"""What happened to routes."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.diff.changes import Action, Difference
from reconciler.compile.diff.model import Model, Part
from reconciler.compile.risk_rules.reading import Hit, changes, fell, higher, own_routes, paired, sides, told

EVERYTHING = frozenset({"", "/", "^", "^/", ".*", "^.*", "^/.*", "^.*$", "^/.*$", "^(.*)$"})
SECURITY_HEADERS = (
    "strict-transport-security",
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
)
MANY_PERCENT = 20
MANY_AT_LEAST = 3
DESTINATIONS = ("upstream", "builtin-handler", "static-files.root")


def removed(difference: Difference) -> Iterator[Hit]:
    """Routes that are gone."""
    for change in changes(difference, "route", Action.removed):
        if change.area == "route":
            yield f"the route {change.name} is gone", change.routes


def host_removed(difference: Difference) -> Iterator[Hit]:
    """Hosts that a route no longer answers for. A route that takes every host now has lost none."""
    for before, after in paired(difference):
        hosts = after.list("matches.host")
        lost = [host for host in before.list("matches.host") if hosts and host not in hosts]
        if not before.list("matches.host") and hosts:
            yield (
                f"{after.name} answers for {told(tuple(hosts))} alone, and not for every host",
                (after.name,),
            )
        elif lost:
            yield f"{after.name} no longer answers for {told(tuple(lost))}", (after.name,)


def match_changed(difference: Difference) -> Iterator[Hit]:
    """Other conditions than hosts."""
    for change in changes(difference, "route", Action.changed):
        for field in change.fields:
            if field.path.startswith("matches.") and field.path != "matches.host":
                yield f"{change.name} matches another {field.path[8:]}: {fell(field)}", change.routes


def catch_all(difference: Difference) -> Iterator[Hit]:
    """Routes that take everything and were not there, or did not take everything."""
    old = {after.name: before for before, after in paired(difference)}
    for name, part in sides(difference)[1].of("route").items():
        if ":" in name or not takes_everything(part):
            continue
        before = old.get(name)
        if before is None or not takes_everything(before):
            yield f"{name} matches every request of every host", (name,)


def takes_everything(route: Part) -> bool:
    """Whether a route has no condition that a request could fail."""
    if any(route.facts.get(f"matches.{name}") for name in ("method", "header", "query-param", "path")):
        return False
    hosts = route.list("matches.host")
    if hosts and not {"*", ".*"} & set(hosts):
        return False
    paths = (*route.list("matches.path-prefix"), *route.list("matches.path-regex"))
    return all(path in EVERYTHING for path in paths)


def priority(difference: Difference) -> Iterator[Hit]:
    """Another priority."""
    for change in changes(difference, "route", Action.changed):
        field = change.field("priority")
        if field is not None:
            yield f"the priority of {change.name} goes {fell(field)}", change.routes


def destination(difference: Difference) -> Iterator[Hit]:
    """Another upstream, handler or folder."""
    for change in changes(difference, "route", Action.changed):
        for path in DESTINATIONS:
            field = change.field(path)
            if field is not None:
                yield f"the {path} of {change.name} goes {fell(field)}", change.routes


def many(difference: Difference) -> Iterator[Hit]:
    """A large share of all routes."""
    own = own_routes(sides(difference)[0])
    total = len(own)
    touched = own.keys() & {
        change.was or change.name
        for change in changes(difference, "route", Action.removed, Action.changed)
        if change.fields or change.action is Action.removed
    }
    if len(touched) >= MANY_AT_LEAST and len(touched) * 100 > total * MANY_PERCENT:
        share = len(touched) * 100 // total
        yield f"{len(touched)} of {total} routes ({share} %) are changed or gone", tuple(sorted(touched))


def retries(difference: Difference) -> Iterator[Hit]:
    """More attempts."""
    for change in changes(difference, "route", Action.changed):
        field = change.field("retry-policy.max-attempts")
        if field is not None and (field.before is None or higher(field)) and field.after is not None:
            yield f"{change.name} tries {told(field.after)} times", change.routes


def cors(difference: Difference) -> Iterator[Hit]:
    """A CORS filter where there was none. A new route with one opens nothing that was closed."""
    old, new = sides(difference)
    for before, after in paired(difference):
        if _filters(after, new, "cors") and not _filters(before, old, "cors"):
            yield f"{after.name} answers every origin", (after.name,)


def _filters(route: Part, model: Model, kind: str) -> list[Part]:
    found = [model.parts.get(("filter", name)) for name in route.list("filters")]
    return [part for part in found if part is not None and part.facts.get("type") == kind]


def security_headers(difference: Difference) -> Iterator[Hit]:
    """Headers that answers had, by a policy or a filter, and have no longer."""
    old, new = sides(difference)
    for before, after in paired(difference):
        lost = sorted(_headers(before, old) - _headers(after, new))
        if lost:
            yield f"answers of {after.name} lose {', '.join(lost)}", (after.name,)


def _headers(route: Part, model: Model) -> set[str]:
    found = {
        header
        for header in SECURITY_HEADERS
        for verb in ("set", "add")
        if f"policies.response-headers.{verb}.{header}" in route.facts
    }
    for part in _filters(route, model, "headers"):
        if part.facts.get("phase") in ("response", "both"):
            found |= {h for h in SECURITY_HEADERS for v in ("set", "add") if f"{v}.{h}" in part.facts}
    return found


def cache(difference: Difference) -> Iterator[Hit]:
    """A cache where there was none."""
    for change in changes(difference, "route", Action.changed):
        field = change.field("cache.enabled")
        if field is not None and field.after is True:
            yield f"answers of {change.name} are cached", change.routes
