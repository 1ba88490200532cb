"""What happened to secrets, by their versions. That one came or went is told of what names it."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.diff.changes import Action, Difference
from reconciler.compile.risk_rules.reading import Hit, changes, fell, lower


def rotated(difference: Difference) -> Iterator[Hit]:
    """Secrets with a newer version."""
    yield from _moved(difference, back=False)


def went_back(difference: Difference) -> Iterator[Hit]:
    """Secrets with an older version."""
    yield from _moved(difference, back=True)


def _moved(difference: Difference, *, back: bool) -> Iterator[Hit]:
    for change in changes(difference, "secret", Action.changed):
        field = change.field("version")
        if field is not None and lower(field) is back:
            yield f"the secret {change.name} goes {fell(field)}", change.routes
