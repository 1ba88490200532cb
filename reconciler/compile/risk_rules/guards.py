"""What happened to what stands between a request and an upstream: auth, WAF and rate limits."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.diff.changes import Action, Change, Difference
from reconciler.compile.diff.model import Model, Part, upstreams_of
from reconciler.compile.risk_rules.reading import Hit, changes, fell, lower, paired, sides


def auth_removed(difference: Difference) -> Iterator[Hit]:
    """Routes with fewer auth filters than before."""
    yield from _fewer(difference, "auth", "is no longer guarded by")


def waf_removed(difference: Difference) -> Iterator[Hit]:
    """Routes with fewer WAF filters than before."""
    yield from _fewer(difference, "waf", "is no longer behind")


def limit_removed(difference: Difference) -> Iterator[Hit]:
    """Routes with fewer rate limits than before, and the limit over all routes."""
    yield from _fewer(difference, "limit", "is no longer limited by")
    for change in changes(difference, "setting", Action.removed, Action.changed):
        field = change.field("global.max-rps") if change.name == "rate-limits" else None
        if field is not None and field.after is None:
            yield "the rate limit over all routes is gone", change.routes


def _fewer(difference: Difference, role: str, verb: str) -> Iterator[Hit]:
    """A guard that took another's place is no loss; which guard it is, is another rule's matter."""
    old, new = sides(difference)
    for before, after in paired(difference):
        had, has = guards(before, old, role), guards(after, new, role)
        if len(has) < len(had):
            lost = ", ".join(sorted(set(had) - set(has)) or had)
            yield f"{after.name} {verb} {lost}", (after.name,)


def guards(route: Part, model: Model, role: str) -> list[str]:
    """Names of a route's filters of that role, in order."""
    return [name for name in route.list("filters") if model.role(name) == role]


def auth_weakened(difference: Difference) -> Iterator[Hit]:
    """Auth that opens when it fails, or hears less."""
    yield from _weakened(difference, "auth")


def waf_weakened(difference: Difference) -> Iterator[Hit]:
    """A WAF that opens when it fails, or sees less."""
    yield from _weakened(difference, "waf")
    for change in changes(difference, "setting"):
        if change.name != "waf":
            continue
        if change.action is Action.removed:
            yield "agents no longer see the bodies of requests", change.routes
            continue
        inspect = change.field("body-inspection.inspect-request-body")
        if inspect is not None and inspect.before is True:
            yield "agents no longer see the bodies of requests", change.routes
        size = change.field("body-inspection.max-inspection-bytes")
        if size is not None and size.before is not None and lower(size):
            yield f"agents see less of a request's body: {fell(size)} bytes", change.routes


def _weakened(difference: Difference, role: str) -> Iterator[Hit]:
    for change in difference.changes:
        if (
            change.area != role
            or change.kind not in ("filter", "agent")
            or change.action is not Action.changed
        ):
            continue
        mode = change.field("failure-mode")
        if mode is not None and str(mode.after).endswith("open"):
            yield f"{change.kind} {change.name} lets requests pass when it fails", change.routes
        events = change.field("events")
        if events is not None:
            before = events.before if isinstance(events.before, tuple) else ()
            after = events.after if isinstance(events.after, tuple) else ()
            lost = sorted(str(event) for event in before if event not in after)
            if lost:
                yield f"agent {change.name} no longer hears of {', '.join(lost)}", change.routes


def changed(difference: Difference) -> Iterator[Hit]:
    """Other files of agents, other agents behind a filter, another guard in the place of one."""
    for change in changes(difference, "file", Action.removed, Action.changed):
        yield f"the file {change.name} is {'gone' if change.action is Action.removed else 'another'}", ()
    for change in difference.changes:
        if change.area not in ("auth", "waf") or change.action is not Action.changed:
            continue
        if change.kind == "route":
            yield f"other guards stand before {change.name}", change.routes
        for path in ("agent", "type", "unix-socket", "grpc"):
            field = change.field(path)
            if field is not None:
                yield f"the {path} of {_named(change)} goes {fell(field)}", change.routes


def _named(change: Change) -> str:
    return f"{change.kind} {change.name}"


def unguarded(difference: Difference) -> Iterator[Hit]:
    """New routes that lead around the auth of others."""
    new = sides(difference)[1]
    guarded = {
        name
        for route in new.of("route").values()
        if guards(route, new, "auth")
        for name in upstreams_of(route)
    }
    for change in changes(difference, "route", Action.added):
        part = new.parts.get(("route", change.name))
        if change.area != "route" or part is None or guards(part, new, "auth"):
            continue
        around = sorted(upstreams_of(part) & guarded)
        if around:
            yield f"{change.name} leads to {', '.join(around)} without auth", change.routes
