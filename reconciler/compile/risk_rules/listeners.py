"""What happened to listeners, to TLS, and to the environment as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.diff.changes import Action, Difference
from reconciler.compile.risk_rules.reading import Hit, changes, fell, own_routes, sides

_WAY_IN = ("address", "protocol", "namespace")
_UNCHECKED = "tls.insecure-skip-verify"


def removed(difference: Difference) -> Iterator[Hit]:
    """Listeners that are gone."""
    for change in changes(difference, "listener", Action.removed):
        if change.area == "listener" and difference.after is not None:
            yield f"the listener {change.name} is gone", change.routes


def changed(difference: Difference) -> Iterator[Hit]:
    """Listeners at another place, or speaking something else."""
    for change in changes(difference, "listener", Action.changed):
        for path in _WAY_IN:
            field = change.field(path)
            if field is not None:
                yield f"the {path} of the listener {change.name} goes {fell(field)}", change.routes


def added(difference: Difference) -> Iterator[Hit]:
    """New listeners."""
    for change in changes(difference, "listener", Action.added):
        if change.area == "listener":
            field = change.field("address")
            yield f"{change.name} listens on {field.after if field else 'an address'}", change.routes


def tls_removed(difference: Difference) -> Iterator[Hit]:
    """TLS that is gone, https that became http, certificates that nobody checks any more."""
    for kind in ("listener", "upstream"):
        for change in changes(difference, kind):
            if change.area == "tls" and change.action is Action.removed:
                yield f"the {kind} {change.name} speaks no TLS any more", change.routes
            field = change.field(_UNCHECKED)
            if change.action is Action.changed and field is not None and field.after is True:
                yield f"the certificate of the {kind} {change.name} is not checked any more", change.routes
    for change in changes(difference, "listener", Action.changed):
        field = change.field("protocol")
        if field is not None and field.before == "https":
            yield f"the listener {change.name} speaks {field.after}", change.routes


def tls_changed(difference: Difference) -> Iterator[Hit]:
    """TLS that is another, or new where plain text was spoken."""
    for change in difference.changes:
        of_these = change.area == "tls" and change.kind in ("listener", "upstream")
        if not of_these or change.action is Action.removed:
            continue
        paths = ", ".join(
            field.path.removeprefix("tls.") for field in change.fields if field.path != _UNCHECKED
        )
        what = "is new" if change.action is Action.added else f"is another: {paths}"
        if paths:
            yield f"TLS of the {change.kind} {change.name} {what}", change.routes


def restart(difference: Difference) -> Iterator[Hit]:
    """A proxy that has to start anew."""
    if difference.restart and difference.after is not None:
        yield "the proxy has to be restarted, which cuts its connections", tuple(own_routes(difference.after))


def environment_removed(difference: Difference) -> Iterator[Hit]:
    """An environment that is gone."""
    if difference.after is None:
        yield "the environment is gone", tuple(own_routes(sides(difference)[0]))
