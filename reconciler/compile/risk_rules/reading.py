"""Short ways to ask a difference something."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.compile.diff.changes import Action, Change, Difference, FieldChange
from reconciler.compile.diff.meaning import Fact
from reconciler.compile.diff.model import Model, Part
from reconciler.compile.reserved import NAMESPACE
from reconciler.config.characters import shown

Hit = tuple[str, tuple[str, ...]]


def changes(difference: Difference, kind: str, *actions: Action) -> Iterator[Change]:
    """The changes of parts of a kind, whatever their area, of these actions or of all."""
    for change in difference.changes:
        if change.kind == kind and (not actions or change.action in actions):
            yield change


def own_routes(model: Model) -> dict[str, Part]:
    """The routes of a configuration without those of the control plane itself."""
    return {name: part for name, part in model.of("route").items() if not name.startswith(f"{NAMESPACE}:")}


def sides(difference: Difference) -> tuple[Model, Model]:
    """Both configurations; an empty one where there is none."""
    empty = Model({})
    return difference.before or empty, difference.after or empty


def paired(difference: Difference) -> Iterator[tuple[Part, Part]]:
    """Each route that exists before and after, also under another name."""
    old, new = sides(difference)
    former = {c.name: c.was for c in difference.changes if c.kind == "route" and c.was}
    taken = set(former.values())
    gone = {c.name for c in difference.changes if c.area == c.kind == "route" and c.action is Action.removed}
    fresh = {c.name for c in difference.changes if c.area == c.kind == "route" and c.action is Action.added}
    for name, part in new.of("route").items():
        before = former.get(name) or (name if name not in taken else "")
        if name not in fresh and before and (before not in gone or name in former):
            other = old.parts.get(("route", before))
            if other is not None:
                yield other, part


def number(fact: Fact) -> float | None:
    """The fact as a number, or None when it is none."""
    return fact if isinstance(fact, (int, float)) and not isinstance(fact, bool) else None


def lower(field: FieldChange) -> bool:
    """Whether a number became smaller, or appeared where there was no bound."""
    before, after = number(field.before), number(field.after)
    return after is not None and (before is None or after < before)


def higher(field: FieldChange) -> bool:
    """Whether a number became larger, or a bound disappeared."""
    before, after = number(field.before), number(field.after)
    return before is not None and (after is None or after > before)


def fell(field: FieldChange) -> str:
    """A change in words: "from 30 to 5"."""
    return f"from {told(field.before)} to {told(field.after)}"


def told(fact: Fact) -> str:
    """A fact in words."""
    if fact is None:
        return "none"
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, tuple):
        return ", ".join(told(item) for item in fact)
    return shown(fact) if isinstance(fact, str) else str(fact)
