"""The oldest proxy that runs a bundle in an environment, as the bundle's manifest has it."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.db.models import Bundle
from reconciler.flows.context import Context
from reconciler.release.assignment import offers
from reconciler.release.state import Ledger


def digests_of(ledger: Ledger) -> set[str]:
    """What the nodes of an environment are offered, and what an open rollout brings."""
    found = {offer.digest for offer in offers(ledger).values()}
    return found | ({ledger.open_rollout.digest} if ledger.open_rollout is not None else set())


def read_needs(context: Context, environment: str, digests: Iterable[str]) -> dict[str, str]:
    """By digest the oldest proxy. A bundle that is not known, or runs on any proxy, is missing. Call inside `reading`
    or `writing`."""
    rows = Bundle.select(Bundle.digest, Bundle.environments).where(
        Bundle.organization == context.organization.slug,
        Bundle.project == context.project.slug,
        Bundle.digest.in_(sorted(digests)),
    )
    found = {row.digest: row.environments.get(environment, {}).get("proxy-version", "") for row in rows}
    return {digest: version for digest, version in found.items() if version}
