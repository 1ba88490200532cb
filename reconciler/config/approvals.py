"""Whose approvals an environment asks for, as data that is kept with a commit and in the inputs of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reconciler.config.people import TEAM_PREFIX


@dataclass(frozen=True, slots=True)
class Approvals:
    """What `approvals 2 { from … }` says. `count` 0: none are asked for.

    `people` and `teams` (name, members) both empty: anybody who can show who they are. `reviews`: whether reviews of
    the pull requests that a release brings are approvals of it.
    """

    count: int = 0
    people: tuple[str, ...] = ()
    teams: tuple[tuple[str, tuple[str, ...]], ...] = ()
    reviews: bool = False

    @property
    def restricted(self) -> bool:
        """Whether only certain people count."""
        return bool(self.people or self.teams)

    @property
    def everybody(self) -> frozenset[str]:
        """Everybody who is named, by themselves or in a team."""
        return frozenset(self.people).union(*(members for _, members in self.teams))

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the names of the fields."""
        teams = [[name, list(members)] for name, members in self.teams]
        return {**asdict(self), "people": list(self.people), "teams": teams}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Approvals:
        """What `to_json` gave. Raises KeyError, TypeError and ValueError for anything else."""
        teams = tuple((name, tuple(members)) for name, members in data["teams"])
        return cls(**{**data, "people": tuple(data["people"]), "teams": teams})


NO_APPROVALS = Approvals()


def approvals_of(data: Mapping[str, Any], teams: Mapping[str, tuple[str, ...]]) -> Approvals:
    """The approvals of a policy's data. `teams` are the members of each team; one that is missing has none."""
    names = data.get("from", ())
    found = [name.removeprefix(TEAM_PREFIX) for name in names if name.startswith(TEAM_PREFIX)]
    return Approvals(
        count=data["count"],
        people=tuple(name for name in names if not name.startswith(TEAM_PREFIX)),
        teams=tuple((name, teams.get(name, ())) for name in found),
        reviews=data.get("reviews", False),
    )


def stricter_approvals(own: Approvals, former: Approvals) -> Approvals:
    """The larger number, from the smaller circle; circles of which neither lies in the other leave the former one.
    Reviews count only where both let them."""
    if not former.count:
        return own
    if not own.count:
        return former
    narrower = own.everybody <= former.everybody if own.restricted and former.restricted else own.restricted
    circle = own if narrower or not former.restricted else former
    reviews = own.reviews and former.reviews
    return Approvals(max(own.count, former.count), circle.people, circle.teams, reviews)
