"""What happened to certificates in use. That one came or went is told of what uses it."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.diff.changes import Action, Change, Difference
from reconciler.compile.risk_rules.reading import Hit, changes, fell


def names_lost(difference: Difference) -> Iterator[Hit]:
    """Certificates that are no longer for a name."""
    for change in _changed(difference):
        field = change.field("names")
        if field is not None and isinstance(field.before, tuple):
            gone = set(field.before) - set(field.after if isinstance(field.after, tuple) else ())
            if gone:
                names = ", ".join(sorted(map(str, gone)))
                yield f"the certificate {change.name} is not for {names} any more", change.routes


def issuer_changed(difference: Difference) -> Iterator[Hit]:
    """Certificates of another issuer."""
    for change in _changed(difference):
        field = change.field("issuer")
        if field is not None:
            yield f"the issuer of the certificate {change.name} goes {fell(field)}", change.routes


def ends_earlier(difference: Difference) -> Iterator[Hit]:
    """Certificates that end before those that they replace: perhaps an old one came back."""
    for change in _changed(difference):
        field = change.field("ends")
        # Both are written in UTC, so that their order is that of the texts.
        if field is not None and str(field.after) < str(field.before):
            yield f"the end of the certificate {change.name} goes {fell(field)}", change.routes


def renewed(difference: Difference) -> Iterator[Hit]:
    """Certificates with another chain or another key."""
    for change in _changed(difference):
        paths = [path for path in ("chain", "key", "key-version", "secret") if change.field(path) is not None]
        if paths:
            yield f"the certificate {change.name} is another: {', '.join(paths)}", change.routes


def _changed(difference: Difference) -> Iterator[Change]:
    return changes(difference, "certificate", Action.changed)
