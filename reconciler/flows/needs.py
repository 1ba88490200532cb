"""The oldest proxy and agent that run a bundle in an environment, as the bundle's manifest has them."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.db.models import Bundle
from reconciler.fleet.versions import Versions
from reconciler.flows.context import Context
from reconciler.release.assignment import offers
from reconciler.release.state import Ledger


def digests_of(ledger: Ledger) -> set[str]:
    """What the nodes of an environment are offered, and what an open rollout brings."""
    found = {offer.digest for offer in offers(ledger).values()}
    return found | ({ledger.open_rollout.digest} if ledger.open_rollout is not None else set())


def read_needs(context: Context, environment: str, digests: Iterable[str]) -> dict[str, Versions]:
    """By digest the oldest proxy and agent. A bundle that is not known, or runs on any, is missing. Call inside
    `reading` or `writing`."""
    rows = Bundle.select(Bundle.digest, Bundle.environments).where(
        Bundle.organization == context.organization.slug,
        Bundle.project == context.project.slug,
        Bundle.digest.in_(sorted(digests)),
    )
    found = {}
    for row in rows:
        described = row.environments.get(environment, {})
        found[row.digest] = Versions(described.get("proxy-version", ""), described.get("agent-version", ""))
    return {digest: versions for digest, versions in found.items() if any(versions)}
