"""Secrets by name, version and age, environment by environment. There is no value here to show. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from reconciler.config.secret_age import age_in_days
from reconciler.outline.outline import Outline
from web.pages.words import SECRETS, State


@dataclass(frozen=True, slots=True)
class Cell:
    """One secret in one environment. `age` is in days, None when it is not known; `left` how many remain until it is
    due. `needed`: what runs there names it."""

    environment: str
    state: State
    version: int | None
    age: int | None
    left: int | None
    needed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One secret in all environments. `users` are the resources that name it in any of them."""

    name: str
    description: str
    days: int | None
    file: str
    users: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def needed(self) -> bool:
        """Whether anything needs it anywhere."""
        return any(cell.needed for cell in self.cells)


def rows(
    outlines: Mapping[str, Outline | None], needed: Mapping[str, Iterable[str]], *, today: date
) -> list[Row]:
    """The secrets of every environment's configuration, those that are due or missing somewhere first."""
    names: dict[str, Row] = {}
    for outline in outlines.values():
        for one in outline.secrets if outline is not None else ():
            names.setdefault(one.name, Row(one.name, one.description, one.days, one.file, (), ()))
    found = []
    for row in names.values():
        cells = tuple(
            _cell(row.name, place, outline, set(needed.get(place, ())), today)
            for place, outline in outlines.items()
        )
        found.append(replace(row, users=_users(row.name, outlines), cells=cells))
    order = list(SECRETS)
    return sorted(found, key=lambda row: (min(order.index(c.state.key) for c in row.cells), row.name))


def _cell(name: str, place: str, outline: Outline | None, needed: set[str], today: date) -> Cell:
    one = next((s for s in outline.secrets if s.name == name), None) if outline is not None else None
    wanted = name in needed
    if one is None or one.version is None:
        return Cell(place, SECRETS["missing" if wanted else "absent"], None, None, None, wanted)
    if one.rotated is None:
        return Cell(place, SECRETS["undated"], one.version, None, None, wanted)
    age = age_in_days(one.rotated, today)
    left = None if one.days is None else (one.rotated + timedelta(days=one.days) - today).days
    state = SECRETS["due" if left is not None and left <= 0 else "sealed"]
    return Cell(place, state, one.version, age, left, wanted)


def _users(name: str, outlines: Mapping[str, Outline | None]) -> tuple[str, ...]:
    edges = (edge for outline in outlines.values() if outline is not None for edge in outline.graph.edges)
    return tuple(
        sorted(
            {f"{e.start.kind} {e.start.name}" for e in edges if (e.end.kind, e.end.name) == ("secret", name)}
        )
    )
