"""What a node's proxy counted lately, for its page: whole and by service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.db.signals import traffic, traffic_by_service
from reconciler.fleet.signals import WHOLE, Traffic, error_permille, percentile

LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One service. `failed_permille` and the percentiles in milliseconds are None where nothing says what they are."""

    service: str
    requests: int
    failed_permille: int | None
    p50: int | None
    p99: int | None


@dataclass(frozen=True, slots=True)
class Counted:
    """The services that had requests, the busiest first, and the highest load of the machine."""

    services: tuple[Row, ...]
    cpu_permille: int | None
    memory_permille: int | None
    open_breakers: int | None


def counted(node_id: str, *, now: datetime) -> Counted:
    """What a node counted in the last hour, whatever it ran."""
    since = now - LATELY
    whole = traffic([node_id], None, since, now)
    services = traffic_by_service([node_id], None, since, now)
    rows = [_row("the proxy itself" if name == WHOLE else name, found) for name, found in services.items()]
    return Counted(
        tuple(sorted(rows, key=lambda row: (-row.requests, row.service))),
        whole.cpu_permille,
        whole.memory_permille,
        whole.open_breakers,
    )


def _row(name: str, found: Traffic) -> Row:
    return Row(name, found.requests, error_permille(found), percentile(found, 50), percentile(found, 99))
