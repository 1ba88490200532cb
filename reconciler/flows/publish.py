"""Signed pointers, derived from the ledger of a commit that is on the forge: they can always be made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.bundle.fields import instant
from reconciler.bundle.pointer import Pointer as SignedPointer
from reconciler.bundle.pointer import sign_pointer
from reconciler.bundle.root import Root
from reconciler.db.models import Bundle, Pointer
from reconciler.db.session import reading
from reconciler.errors import NotYet, Stalled
from reconciler.fleet.cohorts import BASE, NEXT
from reconciler.flows.context import Context
from reconciler.flows.roots import signers, trusted_roots
from reconciler.release.state import Ledger
from reconciler.store import layout

LIFE = timedelta(hours=24)
WAIT_FOR_STATEMENTS = timedelta(seconds=2)
REDATE = timedelta(hours=1)
"""A pointer older than this is signed again with a new date, so that nodes notice when nobody is there to do so."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed pointer, ready to be stored. `withdrawn`: nobody is in the cohort any more; no row is kept for it."""

    cohort: str
    sequence: int
    digest: str
    data: bytes
    issued_at: datetime
    root_version: int
    withdrawn: bool = False


def desired_pointers(ledger: Ledger) -> dict[str, str]:
    """Digest by cohort: `base` is what completed last, `next` what an open or paused rollout brings."""
    found = {}
    if ledger.live:
        found[BASE] = ledger.live
    if ledger.open_rollout is not None:
        found[NEXT] = ledger.open_rollout.digest
    return found


def prepare(context: Context, environment: str, ledger: Ledger, *, now: datetime) -> tuple[Envelope, ...]:
    """Sign what is missing, differs from the ledger or is older than `REDATE`. Stores nothing.

    A cohort that is withdrawn gets a last pointer that leads back to the live digest, for whoever still reads it.
    A new root is a reason too: nodes hear of it by the pointers that its keys sign. Raises `Stalled` E-REL-005 when the
    database does not know a bundle that the ledger names, E-KEY-014 when the root has expired, and `NotYet` E-REL-008
    while a bundle's statement is not signed under this root.
    """
    desired = desired_pointers(ledger)
    rows = {row.cohort: row for row in pointer_rows(context, environment)}
    root = _root(context, now)
    wanted = [
        (cohort, digest, False)
        for cohort, digest in desired.items()
        if not _is_current(rows.get(cohort), ledger.sequence, digest, root, now)
    ]
    if ledger.live:
        wanted += [(cohort, ledger.live, True) for cohort in sorted(rows.keys() - desired.keys())]
    if not wanted:
        return ()
    bundles = _bundles(context, {digest for _, digest, _ in wanted}, root)
    return tuple(
        Envelope(
            cohort,
            ledger.sequence,
            digest,
            _sign(context, environment, cohort, root, ledger.sequence, bundles[digest], now),
            now,
            root.version,
            withdrawn,
        )
        for cohort, digest, withdrawn in wanted
    )


def redate(context: Context, environment: str, *, now: datetime) -> tuple[Envelope, ...]:
    """Sign published pointers again that are older than `REDATE` or than the root. The environment's branch is not
    consulted. Raises as `prepare`.
    """
    published = pointer_rows(context, environment)
    if not published:
        return ()
    root = _root(context, now)
    rows = [row for row in published if not _is_current(row, row.sequence, row.digest, root, now)]
    bundles = _bundles(context, {row.digest for row in rows}, root)
    return tuple(
        Envelope(
            row.cohort,
            row.sequence,
            row.digest,
            _sign(context, environment, row.cohort, root, row.sequence, bundles[row.digest], now),
            now,
            root.version,
        )
        for row in rows
    )


def store_pointers(context: Context, environment: str, envelopes: Iterable[Envelope]) -> None:
    """Put the envelopes into store and table. Call inside the transaction that has taken the environment's row."""
    organization, project = context.organization.slug, context.project.slug
    for envelope in envelopes:
        context.store.replace(
            layout.pointer(organization, project, environment, envelope.cohort), envelope.data
        )
        key = {
            Pointer.organization: organization,
            Pointer.project: project,
            Pointer.environment: environment,
            Pointer.cohort: envelope.cohort,
        }
        if envelope.withdrawn:
            condition = [field == value for field, value in key.items()]
            Pointer.delete().where(*condition).execute()
            continue
        values = {
            Pointer.sequence: envelope.sequence,
            Pointer.digest: envelope.digest,
            Pointer.envelope: envelope.data.decode(),
            Pointer.etag: hashlib.sha256(envelope.data).hexdigest(),
            Pointer.issued_at: envelope.issued_at,
            Pointer.root_version: envelope.root_version,
        }
        Pointer.insert({**key, **values}).on_conflict(conflict_target=list(key), update=values).execute()


def redate_at(context: Context, environment: str) -> datetime | None:
    """When the oldest pointer has to be signed again; None when there is none."""
    return min((row.issued_at + REDATE for row in pointer_rows(context, environment)), default=None)


def pointer_rows(context: Context, environment: str) -> list[Pointer]:
    """The environment's published pointers."""
    with reading():
        return list(
            Pointer.select()
            .where(
                Pointer.organization == context.organization.slug,
                Pointer.project == context.project.slug,
                Pointer.environment == environment,
            )
            .order_by(Pointer.cohort)
        )


def _root(context: Context, now: datetime) -> Root:
    root = trusted_roots(context).newest
    if root.expires <= now:
        raise Stalled(
            "E-KEY-014",
            f"root {root.version} of '{root.organization}' expired on {instant(root.expires)}. Nodes keep what they "
            "run and take nothing new",
            cure="Renew it: `sentinelctl keys rotate --publish`; docs/keys.md",
        )
    return root


def _is_current(row: Pointer | None, sequence: int, digest: str, root: Root, now: datetime) -> bool:
    return (
        row is not None
        and (row.sequence, row.digest, row.root_version) == (sequence, digest, root.version)
        and now - row.issued_at < REDATE
    )


def _bundles(context: Context, digests: set[str], root: Root) -> Mapping[str, Bundle]:
    with reading():
        rows = Bundle.select().where(
            Bundle.organization == context.organization.slug,
            Bundle.project == context.project.slug,
            Bundle.digest.in_(sorted(digests)),
        )
        found = {row.digest: row for row in rows}
    for digest in sorted(digests - found.keys()):
        raise Stalled(
            "E-REL-005",
            f"the ledger names the bundle {digest}, which the database does not know",
            cure="Let the trunk commit that compiles to it be built again",
        )
    behind = sorted(row.digest for row in found.values() if row.root_version < root.version)
    if behind:
        # The workers of the other queue hold the key for it. Nodes keep what they run with the pointers they have.
        raise NotYet(
            "E-REL-008",
            f"the statement of {behind[0][:19]} is not signed under root {root.version} yet, which the next look at "
            "trunk does",
            after=WAIT_FOR_STATEMENTS,
        )
    return found


def _sign(
    context: Context, environment: str, cohort: str, root: Root, sequence: int, bundle: Bundle, now: datetime
) -> bytes:
    issued = now.replace(microsecond=0)
    pointer = SignedPointer(
        organization=context.organization.slug,
        project=context.project.slug,
        environment=environment,
        cohort=cohort,
        epoch=root.epoch,
        sequence=sequence,
        digest=bundle.digest,
        length=bundle.length,
        blob_sha256=bundle.blob_sha256,
        blob_length=bundle.blob_length,
        issued=issued,
        expires=issued + LIFE,
    )
    return sign_pointer(pointer, *signers(context, "pointer", root))
