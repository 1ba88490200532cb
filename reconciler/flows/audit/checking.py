"""Holds every row of the audit log against the organization's log, the chain and the seals, and names what is wrong.

Who changes a row in the database is found by the log, which is in the object store, and whose checkpoints nodes and
clones have seen; who changes both is found by those (`sentinelctl log verify`), also with the secret of the seals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from reconciler.bundle.auditrow import FIRST_LINK, is_sealed_by, link_after, row_hash
from reconciler.bundle.leaves import AuditLeaf, decode_leaf
from reconciler.db.audit import AuditRow
from reconciler.db.session import reading
from reconciler.errors import Refused
from reconciler.flows.audit.sealing import audit_keys, taken
from reconciler.flows.context import Context
from reconciler.flows.log.checking import Check
from reconciler.flows.log.signing import open_log

SOON = timedelta(minutes=10)
"""A row that was not sealed within this is one that no worker seals."""

SHOWN = 20


@dataclass(slots=True)
class _Found:
    """What is wrong with the rows, in order."""

    rows: list[str] = field(default_factory=list)
    chain: list[str] = field(default_factory=list)
    seals: list[str] = field(default_factory=list)


def check_audit(context: Context, progress: Callable[[int], None]) -> list[Check]:
    """Every question about the audit log, answered. Writes nothing."""
    entered, twice = _entered(context)
    with reading():
        rows = list(
            AuditRow.select()
            .where(AuditRow.organization == context.organization.slug)
            .order_by(AuditRow.number, AuditRow.id)
        )
    numbered = [(int(row.number), row) for row in rows if row.number is not None]
    found, keys = _Found(), audit_keys(context)
    numbers = {sha: number for number, sha in entered.items()}
    links: dict[int, str] = {0: FIRST_LINK}
    for count, (number, row) in enumerate(numbered, start=1):
        _check_row(context, number, row, entered, numbers, links, keys, found)
        if count % 1000 == 0:
            progress(count)
    missing = sorted(set(entered) - {number for number, _ in numbered})
    late = [
        row.id for row in rows if row.number is None and context.now() - row.at > SOON and not _derived(row)
    ]
    gone = [f"row {number} is gone" for number in missing]
    return [
        Check("numbers", not twice, _several(twice) or f"{len(entered)} rows are in the log, each once"),
        Check(
            "rows", not found.rows, _several(found.rows) or f"{len(numbered)} rows are as they were entered"
        ),
        Check("gone", not gone, _several(gone) or "no row is missing"),
        Check("chain", not found.chain, _several(found.chain) or "each row goes on from the one before it"),
        Check("seals", not found.seals, _several(found.seals) or _sealed(keys)),
        Check(
            "waiting",
            not late,
            f"{len(late)} rows have waited for more than 10 minutes for a worker that seals them"
            if late
            else f"{len(rows) - len(numbered)} rows wait to be sealed",
        ),
    ]


def _entered(context: Context) -> tuple[dict[int, str], list[str]]:
    """The audit rows in the log, by number, and the numbers of which it says two things."""
    files, index = open_log(context), 0
    entered: dict[int, str] = {}
    twice = []
    while (entry := files.entry(index)) is not None:
        index += 1
        try:
            leaf = decode_leaf(entry)
        except Refused:
            # `log verify` names entries that cannot be read.
            continue
        if not isinstance(leaf, AuditLeaf):
            continue
        if entered.setdefault(leaf.number, leaf.row_sha256) != leaf.row_sha256:
            twice.append(f"the log has two rows of the number {leaf.number}")
    return entered, twice


def _check_row(
    context: Context,
    number: int,
    row: AuditRow,
    entered: dict[int, str],
    numbers: dict[str, int],
    links: dict[int, str],
    keys: Sequence[bytes],
    found: _Found,
) -> None:
    name = f"row {number} ({row.action} by {row.actor})"
    try:
        hashed = row_hash(row.entry())
    except (ValueError, OverflowError):
        found.rows.append(f"{name} cannot be what was written")
        return
    if number not in entered:
        found.rows.append(f"{name} was never entered in the log")
    elif entered[number] != hashed:
        other = numbers.get(hashed)
        words = f"stands in the place of row {other}" if other is not None else "was changed"
        found.rows.append(f"{name} {words}")
    before = links.get(number - 1)
    if before is None:
        lost = taken(context, number - 1)
        before = lost[1] if lost is not None else None
    links[number] = str(row.link)
    if before is None or link_after(before, number, hashed) != row.link:
        found.chain.append(f"{name} does not go on from the row before it")
    if keys and not any(is_sealed_by(key, str(row.link), str(row.mac)) for key in keys):
        found.seals.append(f"{name} is not sealed with a secret of ours")


def _derived(row: AuditRow) -> bool:
    return str(row.source).startswith("commit:")


def _sealed(keys: Sequence[bytes]) -> str:
    return "each row is sealed" if keys else "no secret is named, so rows are not sealed"


def _several(wrong: Sequence[str]) -> str:
    return "; ".join(_first(wrong)) + (f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else "")


def _first(wrong: Sequence[str]) -> Iterator[str]:
    yield from wrong[:SHOWN]
