"""Signed pointers, derived from the ledger of a commit that is on the forge: they can always be made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.bundle.checkpoint import read_checkpoint
from reconciler.bundle.fields import instant
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.pointer import Pointer as SignedPointer
from reconciler.bundle.pointer import peek_pointer, sign_pointer
from reconciler.bundle.root import Root
from reconciler.db.models import Bundle, Pointer
from reconciler.db.owed import ask
from reconciler.db.session import reading
from reconciler.errors import LostRace, NotYet, Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.epoch import check_epoch
from reconciler.flows.log.signing import place
from reconciler.flows.roots import signers, trusted_roots
from reconciler.release.assignment import Offer, offers
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
    offer: Offer
    data: bytes
    issued_at: datetime
    root_version: int
    withdrawn: bool = False


def prepare(context: Context, environment: str, ledger: Ledger, *, now: datetime) -> tuple[Envelope, ...]:
    """Sign all of them when one is missing, differs from the ledger or is older than `REDATE`. Stores no pointer.

    They are signed together, so that all cohorts of an environment show a node the same checkpoint of the log. A cohort
    that is withdrawn gets a last pointer that leads back to the live digest, for whoever still reads it. A new root is
    a reason too: nodes hear of it by the pointers that its keys sign.
    Raises `Stalled` E-REL-005 when the database does not know a bundle that the ledger names, E-KEY-014 when the root
    has expired, E-BAK-108 when it is of no higher epoch than a backup that was restored, and `NotYet` E-REL-009 while a
    bundle's statement is not signed under this root.
    """
    desired = offers(ledger)
    rows = {row.cohort: row for row in pointer_rows(context, environment)}
    root = _root(context, now)
    withdrawn = sorted(rows.keys() - desired.keys()) if ledger.live else []
    current = all(
        _is_current(rows.get(cohort), ledger.sequence, offer, root, now) for cohort, offer in desired.items()
    )
    if current and not withdrawn:
        return ()
    wanted = [
        Envelope(cohort, ledger.sequence, offer, b"", now, root.version, cohort in withdrawn)
        for cohort, offer in {**desired, **dict.fromkeys(withdrawn, Offer(ledger.live))}.items()
    ]
    return _signed(context, environment, root, wanted, now)


def redate(context: Context, environment: str, *, now: datetime) -> tuple[Envelope, ...]:
    """Sign published pointers again when one is older than `REDATE` or than the root. The environment's branch is not
    consulted. Raises as `prepare`.
    """
    rows = pointer_rows(context, environment)
    if not rows:
        return ()
    root = _root(context, now)
    if all(_is_current(row, row.sequence, _offered(row), root, now) for row in rows):
        return ()
    wanted = [Envelope(row.cohort, row.sequence, _offered(row), b"", now, root.version) for row in rows]
    return _signed(context, environment, root, wanted, now)


def store_pointers(context: Context, environment: str, envelopes: Iterable[Envelope]) -> None:
    """Put the envelopes into store and table. Call inside the transaction that has taken the environment's row.

    Raises `LostRace` (E-REL-007) when somebody else has published pointers with a newer checkpoint of the log: nodes
    that saw those would refuse ours.
    """
    organization, project = context.organization.slug, context.project.slug
    envelopes = list(envelopes)
    rows = {row.cohort: row for row in pointer_rows(context, environment)}
    for envelope in envelopes:
        row = rows.get(envelope.cohort)
        if row is not None and _log_age(row.envelope.encode()) > _log_age(envelope.data):
            raise LostRace("E-REL-007", f"somebody else has published newer pointers of '{environment}'")
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
            Pointer.digest: envelope.offer.digest,
            Pointer.weight: envelope.offer.weight,
            Pointer.envelope: envelope.data.decode(),
            Pointer.etag: hashlib.sha256(envelope.data).hexdigest(),
            Pointer.issued_at: envelope.issued_at,
            Pointer.root_version: envelope.root_version,
        }
        Pointer.insert({**key, **values}).on_conflict(conflict_target=list(key), update=values).execute()
        before = rows.get(envelope.cohort)
        if before is None or before.digest != envelope.offer.digest:
            ask(organization, project, "outlines", now=context.now())


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
    check_epoch(root)
    return root


def _offered(row: Pointer) -> Offer:
    return Offer(row.digest, row.weight)


def _is_current(row: Pointer | None, sequence: int, offer: Offer, root: Root, now: datetime) -> bool:
    return (
        row is not None
        and (row.sequence, _offered(row), row.root_version) == (sequence, offer, root.version)
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
    # One that nobody vouches for was looked at: nodes that run it stay on it, and the others refuse it.
    behind = sorted(
        row.digest for row in found.values() if max(row.root_version, row.distrusted_version) < root.version
    )
    if behind:
        # The workers of the other queue hold the key for it. Nodes keep what they run with the pointers they have.
        raise NotYet(
            "E-REL-009",
            f"the statement of {behind[0][:19]} is not signed under root {root.version} yet, which the next look at "
            "trunk does",
            after=WAIT_FOR_STATEMENTS,
        )
    return found


def _log_age(envelope: bytes) -> tuple[int, int]:
    """Epoch, and how many entries the log had that a pointer shows; zeros when it cannot be read, and is replaced."""
    try:
        pointer = peek_pointer(envelope, limit=LIMITS.pointer)
        return pointer.epoch, read_checkpoint(pointer.log.checkpoint).size
    except Refused:
        return 0, 0


def _signed(
    context: Context, environment: str, root: Root, wanted: list[Envelope], now: datetime
) -> tuple[Envelope, ...]:
    """The envelopes with their pointers, each an entry of the log, under one checkpoint."""
    bundles = _bundles(context, {envelope.offer.digest for envelope in wanted}, root)
    issued = now.replace(microsecond=0)
    pointers = [
        SignedPointer(
            organization=context.organization.slug,
            project=context.project.slug,
            environment=environment,
            cohort=envelope.cohort,
            epoch=root.epoch,
            sequence=envelope.sequence,
            digest=envelope.offer.digest,
            length=bundles[envelope.offer.digest].length,
            blob_sha256=bundles[envelope.offer.digest].blob_sha256,
            blob_length=bundles[envelope.offer.digest].blob_length,
            issued=issued,
            expires=issued + LIFE,
            weight=envelope.offer.weight,
        )
        for envelope in wanted
    ]
    places = place(context, [pointer.leaf for pointer in pointers])
    keys = signers(context, "pointer", root)
    return tuple(
        replace(envelope, data=sign_pointer(replace(pointer, log=found), *keys))
        for envelope, pointer, found in zip(wanted, pointers, places, strict=True)
    )
