"""What happened to what stands between a request and an upstream: auth, WAF and rate limits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.compile.diff.agent_files import REMOVED
from reconciler.compile.diff.changes import Action, Change, Difference, FieldChange
from reconciler.compile.diff.model import Model, Part, upstreams_of
from reconciler.compile.risk_rules.reading import Hit, changes, fell, higher, lower, paired, sides

_ASKED = ("issuer", "audience", "required-scopes", "jwt-algorithm")
_EXCLUSION = re.compile(r"ctl:ruleRemove[A-Za-z]+=[^,\"]+")
_METHODS = ("oidc.enabled", "jwt-secret", "api-keys", "basic-auth-users")


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
    """Auth that opens when it fails, hears less, asks for less, or is content with something else."""
    yield from _weakened(difference, "auth")
    for change in _guard_files(difference, "auth"):
        for field in change.fields:
            agent = f"{change.name} "
            if field.path.endswith("fail-open") and field.after is True:
                yield f"{agent}lets requests pass when it fails", change.routes
            elif field.path.endswith(_ASKED) and _asks_less(field):
                yield f"{agent}asks for less: {field.path} goes {fell(field)}", change.routes
            elif field.path in _METHODS and field.before is None:
                yield f"{agent}is content with {field.path} too", change.routes


def waf_weakened(difference: Difference) -> Iterator[Hit]:
    """A WAF that opens when it fails, or sees less."""
    yield from _weakened(difference, "waf")
    for change in _guard_files(difference, "waf"):
        for field in change.fields:
            why = _less_strict(field)
            if why:
                yield f"{change.name}: {why}", change.routes
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


def _guard_files(difference: Difference, role: str) -> Iterator[Change]:
    return (c for c in changes(difference, "file", Action.changed) if c.area == role)


def _asks_less(field: FieldChange) -> bool:
    if isinstance(field.before, tuple):
        after = field.after if isinstance(field.after, tuple) else ()
        return not set(field.before) <= set(after)
    return field.before is not None and field.after is None


def _less_strict(field: FieldChange) -> str:
    """Why a fact of a WAF's rule file is less strict than before; nothing when it is not."""
    if field.path == "SecRuleEngine" and field.before == "On":
        return f"the rule engine is {field.after}, so nothing is blocked"
    if field.path in ("SecRequestBodyAccess", "SecResponseBodyAccess") and field.before == "On":
        return f"{field.path} is {field.after}"
    if field.path == "tx.inbound_anomaly_score_threshold" and higher(field):
        return f"the anomaly score that blocks rises {fell(field)}"
    if field.path == "tx.blocking_paranoia_level" and lower(field):
        return f"the paranoia level falls {fell(field)}"
    before = [str(item) for item in field.before] if isinstance(field.before, tuple) else []
    after = [str(item) for item in field.after] if isinstance(field.after, tuple) else []
    if field.path == REMOVED:
        new = [item for item in after if not any(_covers(other, item) for other in before)]
        return f"rules are off: {', '.join(new)}" if new else ""
    if field.path == "rules" and _exclusions(after) - _exclusions(before):
        return "there are more exclusions"
    return ""


def _covers(outer: str, inner: str) -> bool:
    """Whether a rule id or a range of them, such as 942000-942999, holds all of another."""
    first, _, last = outer.partition("-")
    low, _, high = inner.partition("-")
    numbers = (first, last or first, low, high or low)
    if not all(number.isdigit() for number in numbers):
        return outer == inner
    return int(numbers[0]) <= int(numbers[2]) and int(numbers[3]) <= int(numbers[1])


def _exclusions(lines: list[str]) -> set[str]:
    return {found for line in lines for found in _EXCLUSION.findall(line)}


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
        if not change.name.startswith("agents/"):
            continue
        what = "gone" if change.action is Action.removed else "another"
        yield f"the file {change.name} is {what}", change.routes
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
