"""The freeze windows of a project as data that is kept with a commit, and in the inputs of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Span = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FreezeWindow:
    """What `freeze-window "name" { … }` says. Times are local to `zone`, an IANA name, in the form they are written.

    `environments` empty: all of them. `once` holds local moments, `weekly` times of the week, `yearly` days of the
    year, both ends included, and `holidays` single days. `hotfix_approvals`: how many approvals more than the policy
    asks for let a release that is labelled as a hotfix through; None: nothing is let through.
    """

    name: str
    reason: str
    zone: str
    environments: tuple[str, ...] = ()
    once: tuple[Span, ...] = ()
    weekly: tuple[Span, ...] = ()
    yearly: tuple[Span, ...] = ()
    holidays: tuple[str, ...] = ()
    owner: str = ""
    hotfix_approvals: int | None = None

    def concerns(self, environment: str) -> bool:
        """Whether it freezes that environment."""
        return not self.environments or environment in self.environments

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the names of the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FreezeWindow:
        """The window that `to_json` gave. Raises KeyError and TypeError for anything else."""
        spans = {name: tuple((one[0], one[1]) for one in data[name]) for name in ("once", "weekly", "yearly")}
        lists = {name: tuple(data[name]) for name in ("environments", "holidays")}
        return cls(**{**data, **spans, **lists})


def window_of(name: str, data: Mapping[str, Any]) -> FreezeWindow:
    """The window of a `freeze-window` whose data has its defaults filled in."""

    def spans(field: str) -> tuple[Span, ...]:
        return tuple((item["from"], item["until"]) for item in data.get(field, ()))

    return FreezeWindow(
        name=name,
        reason=data["reason"],
        zone=data["zone"],
        environments=tuple(data.get("environments", ())),
        once=spans("once"),
        weekly=spans("weekly"),
        yearly=spans("yearly"),
        holidays=tuple(data.get("holidays", ())),
        owner=data.get("owner", ""),
        hotfix_approvals=data["hotfix"]["approvals"] if "hotfix" in data else None,
    )
