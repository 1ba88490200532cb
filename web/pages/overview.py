"""The state of one project as both the first page and the project page need it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from reconciler.db.evidence import Reproduction
from reconciler.db.live import live_bundles
from reconciler.db.models import Commit, Environment, Rollout
from web.pages import (
    approvals,
    attention,
    certificates,
    drift,
    log_alarms,
    node_reads,
    reads,
    reproductions,
    roots,
)
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
    certificates: list[certificates.Row]

    @property
    def nodes(self) -> dict[str, int]:
        """Status → nodes of all environments."""
        return node_reads.total(self.tallies)


def overview(scope: Scope, *, now: datetime) -> Overview:
    """Read it. A dozen queries, none of which lists nodes."""
    environments = reads.environments(scope)
    newest = reads.commits(scope, limit=1)
    under_way = reads.rollouts_under_way(scope)
    newest_rollouts = reads.newest_rollouts(scope, environments)
    fleet = node_reads.fleet(scope, environments)
    tallies = node_reads.counts(scope, fleet, now=now)
    first = newest[0] if newest else None
    offered = offered_certificates(scope, environments, now=now)
    return Overview(
        newest=first,
        environments=environments,
        under_way=under_way,
        newest_rollouts=newest_rollouts,
        fleet=fleet,
        tallies=tallies,
        notices=attention.notices(
            first,
            environments,
            under_way,
            newest_rollouts,
            tallies,
            (
                *approvals.notices(environments),
                *log_alarms.notices(reads.log_alarms(scope)),
                *reproductions.notices(live_reproductions(scope)),
                *certificates.notices(offered),
                *drift.notices(reads.drift(scope)),
                *roots.notices(reads.root(scope.organization), now=now),
            ),
        ),
        certificates=offered,
    )


def live_reproductions(scope: Scope) -> list[Reproduction]:
    """How rebuilding the bundles that are alive ended."""
    return reads.reproductions(scope, live_bundles(scope.organization, scope.project))


def offered_certificates(
    scope: Scope, environments: Iterable[Environment], *, now: datetime
) -> list[certificates.Row]:
    """The certificates of what the cohorts of a project are offered, with places in the order of the environments."""
    order = {row.name: number for number, row in enumerate(environments)}
    pointers = sorted(reads.pointers(scope), key=lambda one: order.get(one.environment, len(order)))
    bundles = reads.bundles_of(scope, (pointer.digest for pointer in pointers))
    return certificates.rows(pointers, bundles, now=now)
