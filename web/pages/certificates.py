"""The certificates that nodes are offered, with how long they hold: rows of a page, notices and samples. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconciler.db.models import Bundle, Pointer
from web.pages.attention import Notice
from web.pages.times import moment
from web.pages.words import CERTIFICATES, State

BASE = "base"
"""The cohort whose name goes without saying."""


@dataclass(frozen=True, slots=True)
class Row:
    """One certificate as some environments have it. `places` are pairs of an environment and the cohorts there, which
    are left out when it is the first alone.

    `days` are whole days until it ends, negative when it has. `versions` are those of its key's values.
    """

    name: str
    subject: str
    issuer: str
    hosts: tuple[str, ...]
    key: str
    secret: str
    versions: tuple[int, ...]
    begins: datetime
    expires: datetime
    days: int
    state: State
    used_by: tuple[str, ...]
    places: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def left(self) -> str:
        """How long it holds, or how long ago it ended, in words."""
        ended = self.state.key == "ended"
        number = -self.days - 1 if ended else self.days
        text = f"{number} {'day' if number == 1 else 'days'}" if number > 0 else "less than a day"
        return f"ended {text} ago" if ended else text


def rows(pointers: Iterable[Pointer], bundles: Mapping[str, Bundle], *, now: datetime) -> list[Row]:
    """The certificates of every digest that a cohort is offered, those that end first before the others."""
    facts: dict[tuple[str, str], dict[str, Any]] = {}
    places: dict[tuple[str, str], dict[str, list[str]]] = {}
    versions: dict[tuple[str, str], set[int]] = {}
    users: dict[tuple[str, str], set[str]] = {}
    for pointer in pointers:
        bundle = bundles.get(pointer.digest)
        for one in ((bundle.certificates or {}) if bundle else {}).get(pointer.environment, ()):
            key = (one["name"], one["sha256"])
            facts[key] = one
            cohorts = places.setdefault(key, {}).setdefault(pointer.environment, [])
            if pointer.cohort not in cohorts:
                cohorts.append(pointer.cohort)
            versions.setdefault(key, set()).add(one["version"])
            users.setdefault(key, set()).update(one["used_by"])
    found = [
        _row(one, places[key], sorted(versions[key]), sorted(users[key]), now) for key, one in facts.items()
    ]
    return sorted((row for row in found if row is not None), key=lambda row: (row.expires, row.name))


def _row(
    one: Mapping[str, Any],
    places: Mapping[str, list[str]],
    versions: list[int],
    used_by: list[str],
    now: datetime,
) -> Row | None:
    begins, expires = moment(one["begins"]), moment(one["expires"])
    if begins is None or expires is None:
        return None
    soon = expires - now <= timedelta(seconds=one["warn_seconds"])
    key = "ended" if now >= expires else "early" if now < begins else "soon" if soon else "holds"
    return Row(
        name=one["name"],
        subject=one["subject"],
        issuer=one["issuer"],
        hosts=tuple(one["hosts"]),
        key=one["key"],
        secret=one["secret"],
        versions=tuple(versions),
        begins=begins,
        expires=expires,
        days=(expires - now) // timedelta(days=1),
        state=CERTIFICATES[key],
        used_by=tuple(used_by),
        places=tuple((name, () if cohorts == [BASE] else tuple(cohorts)) for name, cohorts in places.items()),
    )


def notices(found: Iterable[Row]) -> Iterator[Notice]:
    """What needs attention: a notice for each certificate that does not hold, or not much longer."""
    for row in found:
        if row.state.key == "holds":
            continue
        where = ", ".join(name for name, _ in row.places)
        titles = {
            "ended": f"The certificate {row.name} has ended in {where}",
            "early": f"The certificate {row.name} does not hold yet in {where}",
            "soon": f"The certificate {row.name} ends in {row.left} in {where}",
        }
        words = (
            f"{', '.join(row.hosts[:3]) or row.subject}, issued by {row.issuer}, for {', '.join(row.used_by)}"
        )
        since = row.expires if row.state.key == "ended" else None
        yield Notice(row.state.tone, row.state.icon, titles[row.state.key], words, "", since, "certificates")


def samples(found: Iterable[Row]) -> Iterator[tuple[str, str, int]]:
    """(environment, certificate, when it ends in seconds since the Unix epoch); of several the earliest."""
    earliest: dict[tuple[str, str], int] = {}
    for row in found:
        for environment, _ in row.places:
            ends = int(row.expires.timestamp())
            key = (environment, row.name)
            earliest[key] = min(ends, earliest.get(key, ends))
    for (environment, name), ends in sorted(earliest.items()):
        yield environment, name, ends
