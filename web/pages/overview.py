"""The state of one project as both the first page and the project page need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.db.models import Commit, Environment, Rollout
from web.pages import attention, node_reads, reads
from web.pages.scope import Scope


@dataclass(frozen=True, slots=True)
class Overview:
    """Rows and tallies of one project, read once. `tallies` is environment → status → nodes."""

    newest: Commit | None
    environments: list[Environment]
    under_way: list[Rollout]
    newest_rollouts: dict[str, Rollout]
    fleet: node_reads.Fleet
    tallies: dict[str, dict[str, int]]
    notices: list[attention.Notice]

    @property
    def nodes(self) -> dict[str, int]:
        """Status → nodes of all environments."""
        return node_reads.total(self.tallies)


def overview(scope: Scope, *, now: datetime) -> Overview:
    """Read it. Half a dozen queries, none of which lists nodes."""
    environments = reads.environments(scope)
    newest = reads.commits(scope, limit=1)
    under_way = reads.rollouts_under_way(scope)
    newest_rollouts = reads.newest_rollouts(scope, environments)
    fleet = node_reads.fleet(scope, environments)
    tallies = node_reads.counts(scope, fleet, now=now)
    alarms = reads.log_alarms(scope)
    first = newest[0] if newest else None
    return Overview(
        newest=first,
        environments=environments,
        under_way=under_way,
        newest_rollouts=newest_rollouts,
        fleet=fleet,
        tallies=tallies,
        notices=attention.notices(first, environments, under_way, newest_rollouts, tallies, alarms),
    )
