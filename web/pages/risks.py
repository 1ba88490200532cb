"""How dangerous a bundle is to an environment, from the rows that the trunk flow wrote. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.db.models import Commit, Environment
from reconciler.db.risk import Risk
from web.pages.words import RISKS, State, state_of

MARKED = frozenset({"medium", "high", "critical", "unknown"})
"""Levels that the matrix marks; low is what people expect."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The risk of one bundle to one environment. `current`: it is judged against what runs there now."""

    environment: str
    digest: str
    against: str
    state: State
    reasons: tuple[Mapping[str, Any], ...]
    changes: Mapping[str, int]
    current: bool
    difference: tuple[Mapping[str, Any], ...] = ()


def running(environment: Environment) -> str:
    """The digest that an environment runs, or an empty string."""
    return str((environment.view or {}).get("live") or "")


def of_digest(digest: str, environments: Sequence[Environment], rows: Iterable[Risk]) -> list[Shown]:
    """For each environment, in promotion order, what is known of a bundle's risk: against what runs there now, or
    else what was judged last. Environments that run the bundle itself, or of which nothing is known, are absent."""
    known = [row for row in rows if row.digest == digest]
    found = []
    for environment in environments:
        live = running(environment)
        mine = [row for row in known if row.environment == environment.name]
        now = next((row for row in mine if row.against == live), None)
        row = now or max(mine, key=lambda one: one.judged_at, default=None)
        if row is not None and digest != live:
            found.append(_shown(row, current=now is not None))
    return found


def marks(
    commits: Iterable[Commit], environments: Sequence[Environment], rows: Iterable[Risk]
) -> dict[tuple[str, str], State]:
    """What the matrix marks: state by digest and environment, judged against what runs there now."""
    live = {environment.name: running(environment) for environment in environments}
    digests = {commit.digest for commit in commits if commit.digest}
    return {
        (row.digest, row.environment): state_of(RISKS, row.level)
        for row in rows
        if row.level in MARKED and row.digest in digests and live.get(row.environment) == row.against
    }


def coming(environment: Environment, ahead: Sequence[Commit], rows: Iterable[Risk]) -> list[Shown]:
    """What an environment may be brought to next: what is wished for, and the newest commit."""
    known = list(rows)
    wished = str(((environment.view or {}).get("release") or {}).get("digest") or "")
    newest = next((commit.digest for commit in ahead if commit.state == "compiled"), "")
    digests = [digest for digest in dict.fromkeys([wished, newest]) if digest]
    return [one for digest in digests for one in of_digest(digest, [environment], known) if one.current]


def _shown(row: Risk, *, current: bool) -> Shown:
    return Shown(
        row.environment,
        row.digest,
        row.against,
        state_of(RISKS, row.level),
        tuple(row.reasons),
        dict(row.changes),
        current,
        tuple(row.difference or ()),
    )
