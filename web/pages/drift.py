"""Drift as what needs attention: which nodes run something else than they should. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.db.gating import Drift
from web.pages.attention import Notice
from web.pages.times import short_digest

URGENT = frozenset({"high", "critical"})


def notices(rows: Iterable[Drift]) -> Iterator[Notice]:
    """One notice for each pair of digests, however many nodes it is."""
    for row in rows:
        nodes = f"{row.nodes} node{'s' if row.nodes != 1 else ''}"
        examples = f" Such as {'; '.join(row.examples)}." if row.examples else ""
        yield Notice(
            "stop" if row.severity in URGENT else "hold",
            "unhealthy",
            f"{nodes} of {row.environment} drift{'' if row.nodes != 1 else 's'}, which is {row.severity}",
            f"{_name(row.running)} runs instead of {_name(row.desired)}. {row.summary}.{examples}",
            "",
            row.since,
            f"nodes?environment={row.environment}",
        )


def samples(rows: Iterable[Drift]) -> dict[tuple[str, str], int]:
    """(environment, severity) → how many nodes drift, for the metrics."""
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        found[row.environment, row.severity] = found.get((row.environment, row.severity), 0) + row.nodes
    return dict(sorted(found.items()))


def _name(digest: str) -> str:
    if not digest:
        return "Nothing"
    return short_digest(digest) if digest.startswith("sha256:") else "Other bundles"
