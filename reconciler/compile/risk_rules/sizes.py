"""Numbers that rose or fell: rate limits, limits of size, timeouts."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.diff.changes import Action, Difference
from reconciler.compile.risk_rules.reading import Hit, changes, fell, higher, lower, number

_UPSTREAM = ("timeouts.connect", "timeouts.read", "timeouts.write")
_FILTER = ("connect-timeout-secs", "upstream-timeout-secs")
_LISTENER = ("request-timeout-secs", "keepalive-timeout-secs")
_SIZES = ("max-header-size", "max-header-count", "max-body-size")
_SOFTER = ("log-only", "delay")


def rate_raised(difference: Difference) -> Iterator[Hit]:
    """Rate limits that let more pass."""
    for change in changes(difference, "filter", Action.changed):
        if change.area != "limit":
            continue
        rate = change.field("max-rps")
        if rate is not None and number(rate.after) is not None and higher(rate):
            yield f"{change.name} rises {fell(rate)} requests a second", change.routes
        key = change.field("key")
        if key is not None:
            yield f"{change.name} counts by another key: {fell(key)}", change.routes
        action = change.field("on-limit")
        if action is not None and action.after in _SOFTER:
            yield f"{change.name} does {action.after} instead of {action.before}", change.routes
    for change in changes(difference, "setting", Action.changed):
        rate = change.field("global.max-rps") if change.name == "rate-limits" else None
        if rate is not None and number(rate.after) is not None and higher(rate):
            yield f"the limit over all routes rises {fell(rate)} requests a second", change.routes


def limits_raised(difference: Difference) -> Iterator[Hit]:
    """Larger requests are allowed."""
    for change in changes(difference, "setting", Action.changed):
        for path in _SIZES if change.name == "limits" else ():
            field = change.field(path)
            if field is not None and higher(field):
                yield f"{path} rises {fell(field)}", change.routes


def limits_cut(difference: Difference) -> Iterator[Hit]:
    """Smaller requests than before are refused."""
    for change in changes(difference, "setting", Action.changed):
        for path in _SIZES if change.name == "limits" else ():
            field = change.field(path)
            if field is not None and lower(field):
                yield f"{path} falls {fell(field)}", change.routes


def timeouts_cut(difference: Difference) -> Iterator[Hit]:
    """Timeouts of upstreams, listeners and routes that are shorter, or new where there was none."""
    for kind, paths in (("upstream", _UPSTREAM), ("listener", _LISTENER), ("filter", _FILTER)):
        for change in changes(difference, kind, Action.changed):
            for path in paths:
                field = change.field(path)
                if field is not None and lower(field):
                    yield f"{path} of {kind} {change.name} falls {fell(field)} s", change.routes
    for change in changes(difference, "filter", Action.added):
        kept = _kept(change.routes, difference)
        for path in _FILTER:
            field = change.field(path)
            if field is not None and kept:
                yield f"{path} of {change.name} is new: {number(field.after):g} s", kept


def _kept(routes: tuple[str, ...], difference: Difference) -> tuple[str, ...]:
    """Those of the routes that were there before."""
    before = difference.before.of("route") if difference.before else {}
    return tuple(name for name in routes if name in before)
