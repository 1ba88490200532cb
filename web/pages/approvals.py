"""What waits for people: wishes that ask for approvals, with who has given theirs and who may. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.config.approvals import Approvals
from reconciler.db.models import Commit, Environment
from web.pages.attention import Notice

WAITS = frozenset({"W-REL-040", "W-REL-041", "W-REL-042", "W-REL-043", "W-REL-044", "W-REL-045", "W-REL-046"})
"""Reasons for waiting that a person's word would change."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One wish in one environment. `given` are approvals that count, `others` those that do not, each with why;
    `reasons` is what the environment says of it now. `missing` is how many approvals are still needed."""

    environment: str
    digest: str
    commit: Commit | None
    by: str
    why: str
    plan: str
    hotfix: str
    only: str
    asked: Approvals
    given: tuple[Mapping[str, Any], ...]
    others: tuple[Mapping[str, Any], ...]
    reasons: tuple[Mapping[str, Any], ...]

    @property
    def missing(self) -> int:
        """Of the count that the policy asks for; a hotfix may need more, which its reasons say."""
        return max(0, self.asked.count - len({one["person"] for one in self.given}))


def waiting(environments: Iterable[Environment], commits: Mapping[str, Commit]) -> Iterator[Waiting]:
    """The wishes that are not what runs and that wait for somebody's word, in promotion order."""
    for row in environments:
        view = row.view or {}
        wish = view.get("release") or {}
        asked = asked_of(row)
        reasons = tuple(one for one in view.get("waiting") or () if one["code"] in WAITS)
        if not wish.get("digest") or wish["digest"] == view.get("live") or not reasons:
            continue
        ballots = view.get("approvals") or ()
        yield Waiting(
            environment=row.name,
            digest=wish["digest"],
            commit=commits.get(str(wish.get("commit") or "")),
            by=wish.get("by") or "",
            why=wish.get("why") or "",
            plan=view.get("plan") or "",
            hotfix=wish.get("hotfix") or "",
            only=wish.get("only") or "",
            asked=asked,
            given=tuple(one for one in ballots if one["counts"]),
            others=tuple(one for one in ballots if not one["counts"]),
            reasons=reasons,
        )


def notices(environments: Iterable[Environment]) -> Iterator[Notice]:
    """What needs attention: a notice for each wish that waits for somebody's word."""
    for one in waiting(environments, {}):
        words = "1 more approval" if one.missing == 1 else f"{one.missing} more approvals"
        title = f"{one.environment} waits for {words if one.missing else 'a person'}"
        yield Notice(
            "hold", "person", title, one.reasons[0]["message"], one.reasons[0]["code"], None, "approvals"
        )


def asked_of(row: Environment) -> Approvals:
    """What the policy of an environment asks for; nothing when it has none."""
    policy = (row.view or {}).get("policy") or {}
    found = policy.get("approvals")
    return Approvals.from_json(found) if found else Approvals()
