"""Gathers what `release.decide` is told: from the database, and from the predecessors' branches in the mirror."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.config.policy import EnvironmentPolicy
from reconciler.db.drifting import open_drift
from reconciler.db.models import Bundle, Commit, Node
from reconciler.db.session import reading
from reconciler.fleet.observations import Observation
from reconciler.fleet.versions import versions_of
from reconciler.flows.candidates import candidates, once_compiled
from reconciler.flows.context import Context
from reconciler.flows.envbranch import (
    branch_ref,
    commit_keys,
    completed_rollouts,
    is_followed,
    quarantine_at,
)
from reconciler.flows.envrow import find_row
from reconciler.flows.measuring import measure
from reconciler.flows.needs import digests_of, read_needs
from reconciler.flows.promotions.pending import pending_of
from reconciler.release.counting import count
from reconciler.release.facts import Facts, forbidden_of, runs_of
from reconciler.release.state import Completed, EnvironmentState, Ledger, Quarantine


@dataclass(frozen=True, slots=True)
class TrunkPolicies:
    """The policies of the newest valid trunk commit, in promotion order. Empty `commit`: there is none yet."""

    commit: str
    policies: tuple[EnvironmentPolicy, ...]

    def of(self, environment: str) -> EnvironmentPolicy | None:
        """The environment's policy, or None when valid trunk does not have it."""
        return next((policy for policy in self.policies if policy.name == environment), None)

    def position(self, environment: str) -> int:
        """Its place in promotion order; after all others when it is not on trunk."""
        names = [policy.name for policy in self.policies]
        return names.index(environment) if environment in names else len(names)

    def after(self, environment: str) -> tuple[str, ...]:
        """The environments that come directly after it."""
        return tuple(policy.name for policy in self.policies if environment in policy.after)


def read_policies(context: Context) -> TrunkPolicies:
    """The policies as the last valid trunk commit has them, also while its bundle is made again."""
    with reading():
        row = once_compiled(context).order_by(Commit.position.desc()).first()
    if row is None:
        return TrunkPolicies("", ())
    return TrunkPolicies(row.sha, tuple(EnvironmentPolicy.from_json(data) for data in row.policies))


def gather_facts(
    context: Context,
    state: EnvironmentState,
    policy: EnvironmentPolicy,
    refs: Mapping[str, str],
    *,
    now: datetime,
) -> Facts:
    """The facts of this moment. Only what the decision can need is read."""
    files = state.files
    ledger = files.ledger or Ledger()
    wished = files.release.digest if files.release is not None else ""
    with reading():
        trunk = candidates(context, state, policy, now=now)
        digests = {wished, *(pin.digest for pin in files.pins)} - {""}
        bundles = _bundles(context, state.name, digests)
        removed = _removed(context, digests)
        needs = read_needs(context, state.name, digests | digests_of(ledger))
        nodes = read_nodes(context, state.name)
        drifting = _drifting(context, state.name, ledger) if policy.drift.remediate else 0
    counted = count(state, policy, nodes, now=now, needs=needs)
    before = _predecessors(context, policy, refs)
    signals = measure(context, state.name, ledger, nodes, now=now)
    return Facts(
        trunk=trunk,
        bundles=bundles,
        removed=removed,
        predecessors={name: _digests(found.completed) for name, found in before.items()},
        forbidden={
            name: forbidden_of(found.quarantine, sorted({*digests, *_digests(found.completed)}))
            for name, found in before.items()
        },
        runs={name: runs_of(found.completed) for name, found in before.items()}
        if policy.promote == "automatic"
        else {},
        batches=counted.batches,
        returned=counted.returned,
        ranks=counted.ranks,
        left_out=counted.left_out,
        outdated=counted.outdated,
        signals=signals,
        drifting=drifting,
        pending=pending_of(context, state.name) if policy.pull_request else (),
    )


def _drifting(context: Context, environment: str, ledger: Ledger) -> int:
    """How many nodes run something else than what is live, as the last look at them found."""
    rows = open_drift(context.organization.slug, context.project.slug, environment)
    return sum(row.nodes for row in rows if row.desired == ledger.live)


def read_nodes(context: Context, environment: str) -> tuple[Observation, ...]:
    """What is known of each registered node of an environment. Call inside `reading`."""
    rows = Node.select().where(
        Node.organization == context.organization.slug,
        Node.project == context.project.slug,
        Node.environment == environment,
        Node.retired_at.is_null(),
    )
    return tuple(_observation(row) for row in rows.order_by(Node.id))


def _observation(row: Node) -> Observation:
    refusal = row.refusal or {}
    return Observation(
        id=row.id,
        name=row.name,
        registered_at=row.registered_at,
        reported_at=row.reported_at,
        running=row.running,
        running_since=row.running_since,
        health=row.health,
        health_since=row.health_since,
        health_reason=row.health_reason,
        refused=str(refusal.get("digest") or ""),
        refused_sequence=int(refusal.get("sequence") or 0),
        refused_because=f"{refusal.get('code', '')} {refusal.get('message', '')}".strip(),
        labels=row.labels,
        versions=versions_of(row.versions),
    )


def _bundles(context: Context, environment: str, digests: set[str]) -> dict[str, bool]:
    return {row.digest: environment in row.environments for row in _kept(context, digests)}


def _removed(context: Context, digests: set[str]) -> tuple[str, ...]:
    """Those of the digests whose bundle is removed or about to be."""
    gone = _kept(context, digests).where(
        Bundle.condemned_at.is_null(False) | Bundle.removed_at.is_null(False)
    )
    return tuple(row.digest for row in gone)


def _kept(context: Context, digests: set[str]):  # type: ignore[no-untyped-def]
    return (
        Bundle.select()
        .where(
            Bundle.organization == context.organization.slug,
            Bundle.project == context.project.slug,
            Bundle.digest.in_(sorted(digests)),
        )
        .order_by(Bundle.digest)
    )


@dataclass(frozen=True, slots=True)
class _Before:
    """An environment that another one comes after: what completed there, and what is quarantined there now."""

    completed: tuple[Completed, ...] = ()
    quarantine: tuple[Quarantine, ...] = ()


def _predecessors(context: Context, policy: EnvironmentPolicy, refs: Mapping[str, str]) -> dict[str, _Before]:
    """The environments before; one is left out while what completed there is not known.

    Their branches count as far as they are followed: whoever may push to one of them could otherwise put commits of
    ours there that are another environment's.
    """
    found: dict[str, _Before] = {}
    for name in policy.after:
        row = find_row(context, name)
        head = refs.get(branch_ref(context, name))
        if head is None:
            found[name] = _Before()
            continue
        if row is None or not row.head or not is_followed(context.mirror, name, row.head, head):
            continue
        completed = completed_rollouts(context.mirror, head, commit_keys(context))
        if completed is not None:
            found[name] = _Before(completed, quarantine_at(context.mirror, head))
    return found


def _digests(completed: tuple[Completed, ...]) -> tuple[str, ...]:
    return tuple(sorted({entry.digest for entry in completed}))
