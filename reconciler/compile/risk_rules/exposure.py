"""What a change lets through, copies away or gives out that it did not before."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.diff.changes import Action, Difference
from reconciler.compile.diff.model import Model, Part
from reconciler.compile.risk_rules.guards import guards
from reconciler.compile.risk_rules.reading import Hit, changes, fell, higher, paired, sides

_SPENDING = (
    "inference.rate-limit.tokens-per-minute",
    "inference.rate-limit.requests-per-minute",
    "inference.rate-limit.burst-tokens",
    "inference.budget.limit",
    "inference.budget.max-tenants",
)
_PERIODS = ("monthly", "daily", "hourly")
"""Of a budget, rising in what the same number of tokens comes to."""


def headers_let_through(difference: Difference) -> Iterator[Hit]:
    """Headers that clients could not send, because they were taken out or set by us, and that they can send now."""
    old, new = sides(difference)
    for before, after in paired(difference):
        lost = sorted(_kept_from_clients(before, old) - _kept_from_clients(after, new))
        if lost:
            yield f"clients of {after.name} can send {', '.join(lost)} now", (after.name,)


def _kept_from_clients(route: Part, model: Model) -> set[str]:
    found = {name.lower() for name in route.list("policies.request-headers.remove")}
    found |= _set(route, "policies.request-headers.set.")
    for name in route.list("filters"):
        part = model.parts.get(("filter", name))
        if part is None or part.facts.get("type") != "headers":
            continue
        if part.facts.get("phase") in ("request", "both"):
            found |= {header.lower() for header in part.list("remove")} | _set(part, "set.")
    return found


def _set(part: Part, prefix: str) -> set[str]:
    return {key.removeprefix(prefix).lower() for key in part.facts if key.startswith(prefix)}


def shadowed(difference: Difference) -> Iterator[Hit]:
    """Requests that are copied to an upstream that did not get them."""
    for change in changes(difference, "route", Action.changed):
        field = change.field("shadow.upstream")
        if field is not None and field.after is not None:
            yield f"requests of {change.name} are copied to {field.after}", change.routes


def websocket(difference: Difference) -> Iterator[Hit]:
    """Routes behind a WAF whose connections may become websockets, in which it sees nothing."""
    new = sides(difference)[1]
    for change in changes(difference, "route", Action.changed):
        field = change.field("websocket")
        part = new.parts.get(("route", change.name))
        if field is not None and field.after is True and part is not None and guards(part, new, "waf"):
            yield f"connections of {change.name} may become websockets", change.routes


def spending(difference: Difference) -> Iterator[Hit]:
    """Higher limits of what a language model may cost, or none any more."""
    for change in changes(difference, "route", Action.changed):
        for path in _SPENDING:
            field = change.field(path)
            if field is not None and higher(field):
                yield f"{path} of {change.name} goes {fell(field)}", change.routes
        enforced = change.field("inference.budget.enforce")
        if enforced is not None and enforced.before is True:
            yield f"the budget of {change.name} is not enforced any more", change.routes
        period = change.field("inference.budget.period")
        if period is not None and _shorter(period.before, period.after):
            yield f"the budget of {change.name} is for each period anew: {fell(period)}", change.routes


def _shorter(before: object, after: object) -> bool:
    return before in _PERIODS and after in _PERIODS and _PERIODS.index(after) > _PERIODS.index(before)


def trust(difference: Difference) -> Iterator[Hit]:
    """Trust stores with other content under the same name."""
    for change in changes(difference, "file", Action.changed):
        if change.name.startswith("trust/"):
            yield f"{change.name} trusts other issuers", change.routes


def plugins(difference: Difference) -> Iterator[Hit]:
    """Code that runs beside the proxy and is other code, or new."""
    for change in changes(difference, "file", Action.changed, Action.added):
        if change.name.startswith("plugins/"):
            what = "new" if change.action is Action.added else "other code"
            yield f"{change.name} is {what}", change.routes
