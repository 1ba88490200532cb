"""A difference as people read it in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.diff.changes import AREAS, Action, Change, Difference, FieldChange
from reconciler.compile.diff.meaning import Fact
from reconciler.config.characters import shown

_SIGNS = {Action.removed: "-", Action.changed: "~", Action.added: "+"}
MAX_ROUTES = 6
"""Names of routes told behind a change; of more only the number."""


def difference_text(difference: Difference, *, raw: bool = True) -> str:
    """The changes by action and area, deletions first; then the unified diff unless `raw` is off."""
    return "\n".join(_lines(difference, raw=raw)) + "\n"


def _lines(difference: Difference, *, raw: bool) -> Iterator[str]:
    yield f"environment {difference.environment}"
    if difference.before is None:
        yield "  is new"
    if difference.after is None:
        yield "  is gone"
    if not difference.changes:
        yield "  the same by meaning, and differently written" if difference.raw else "  no difference"
    for action in Action:
        for area, heading in AREAS.items():
            of = [c for c in difference.changes if c.action is action and c.area == area]
            if of:
                yield f"  {heading} {action}:"
            for change in of:
                yield from _change(change)
    if difference.restart:
        yield "  the proxy has to be restarted for this"
    if raw and difference.raw:
        yield "\n" + raw_text(difference).removesuffix("\n")


def raw_text(difference: Difference) -> str:
    """The unified diff, with nothing in it that could steer a terminal."""
    return "".join(c if c.isprintable() or c in "\t\n" else "\ufffd" for c in difference.raw)


def _change(change: Change) -> Iterator[str]:
    was = f" (was {change.was})" if change.was else ""
    what = "" if change.kind == change.area else f"{change.kind} "
    routes = ""
    if change.kind != "route" and change.routes:
        listed = (
            ", ".join(change.routes) if len(change.routes) <= MAX_ROUTES else f"{len(change.routes)} of them"
        )
        routes = f"  [routes: {listed}]"
    if change.kind == "secret":
        yield f"    {_SIGNS[change.action]} {change.name} {_versions(change)}{routes}"
        return
    yield f"    {_SIGNS[change.action]} {what}{change.name}{was}{routes}"
    if change.area == change.kind == "route" and change.action is not Action.changed:
        return
    if change.action is Action.changed or change.kind == "route" or change.area == "tls":
        yield from (f"        {field_text(field)}" for field in change.fields)


def _versions(change: Change) -> str:
    """What happened to a secret: its value is nowhere, so its version is all there is."""
    (field,) = change.fields
    if change.action is not Action.changed:
        return f"(v{field.before if change.action is Action.removed else field.after})"
    back = isinstance(field.before, int) and isinstance(field.after, int) and field.after < field.before
    return f"{'went back' if back else 'rotated'} (v{field.before} → v{field.after})"


def field_text(field: FieldChange) -> str:
    """One fact that changed, as "path: before → after"."""
    if isinstance(field.before, tuple) or isinstance(field.after, tuple):
        before = field.before if isinstance(field.before, tuple) else ()
        after = field.after if isinstance(field.after, tuple) else ()
        gone = [f"-{_value(item)}" for item in before if item not in after]
        come = [f"+{_value(item)}" for item in after if item not in before]
        if gone or come:
            return f"{field.path}: {' '.join([*gone, *come])}"
    return f"{field.path}: {_value(field.before)} → {_value(field.after)}"


def _value(fact: Fact) -> str:
    if fact is None:
        return "none"
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, tuple):
        return " ".join(_value(item) for item in fact)
    return shown(fact) if isinstance(fact, str) else str(fact)
