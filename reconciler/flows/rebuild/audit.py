"""The audit log: which numbers were given, from the object store, and the rows of commits that had one, from git.

The rows of environment branches come back when their branches are read. Rows that only the database had are gone, and
`sentinelctl audit verify` says so; `sentinelctl restore` brings them.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.bundle.auditrow import row_hash
from reconciler.db.audit import AuditLost, AuditRow, commit_row
from reconciler.db.models import PublishedRoot
from reconciler.db.session import reading, writing
from reconciler.flows.audit.sealing import taken
from reconciler.flows.context import Context
from reconciler.flows.roots import trusted_roots

MOST_COMMITS = 100_000
ROWS_AT_ONCE = 150


def bring_numbers(context: Context, say: Callable[[str], None]) -> str:
    """Remember each number whose row the database does not have, and the newest root."""
    organization, now = context.organization.slug, context.now()
    root = trusted_roots(context).newest
    with writing():
        PublishedRoot.insert(
            organization=organization,
            version=root.version,
            epoch=root.epoch,
            expires_at=root.expires,
            noted_at=now,
        ).on_conflict_ignore().execute()
    with reading():
        here = {
            row.number
            for table in (AuditRow, AuditLost)
            for row in table.select(table.number).where(
                table.organization == organization, table.number.is_null(False)
            )
        }
    number, lost = 0, []
    while True:
        number += 1
        if number in here:
            continue
        found = taken(context, number)
        if found is None:
            break
        lost.append({"organization": organization, "number": number, "row_sha256": found[0], "link": found[1],
                     "noticed_at": now})  # fmt: skip
        if number % 1000 == 0:
            say(f"{number} numbers of the audit log are read")
    for start in range(0, len(lost), ROWS_AT_ONCE):
        with writing():
            AuditLost.insert_many(lost[start : start + ROWS_AT_ONCE]).on_conflict_ignore().execute()
    return f"{len(lost)} numbers of the audit log are of rows that are not here"


def bring_commits(context: Context, say: Callable[[str], None]) -> str:
    """Write the rows of trunk's commits that had a number: they take it back when they are sealed."""
    with reading():
        rows = AuditLost.select(AuditLost.row_sha256).where(
            AuditLost.organization == context.organization.slug
        )
        hashes = {row.row_sha256 for row in rows}
    head = context.mirror.refs().get(f"refs/heads/{context.project.trunk}")
    if not hashes or head is None:
        return "no row of a commit is missing"
    made = 0
    for count, info in enumerate(context.mirror.first_parents(head, limit=MOST_COMMITS, stop=None), start=1):
        told = commit_row(
            context.organization.slug,
            context.project.slug,
            context.project.trunk,
            info.sha,
            author=f"{info.author_name} <{info.author_email}>",
            subject=info.subject,
            trailers={},
            at=info.committed_at,
        )
        if row_hash(AuditRow(**told).entry()) in hashes:
            with writing():
                AuditRow.insert(told).on_conflict_ignore().execute()
            made += 1
        if count % 1000 == 0:
            say(f"{count} commits of trunk are read")
    return f"{made} rows of the audit log are derived from trunk again"
