"""After a new root: every bundle's statement is made to hold under it, so that nodes take what they are pointed at.

A statement by a key that was replaced gets our signature too. One that only a revoked key signed is worth nothing: its
bundle is compiled again from its commit, and when it comes out the same, a new statement is signed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from reconciler.bundle.limits import LIMITS
from reconciler.db.models import Bundle, Event, Pointer
from reconciler.db.owed import ask
from reconciler.db.session import reading, writing
from reconciler.errors import Refused
from reconciler.flows.context import Context
from reconciler.flows.publishing import log_statement, sign_stated, statement_of
from reconciler.flows.reproduction import Verdict, reproduce
from reconciler.flows.roots import trusted_roots
from reconciler.flows.statements import Standing, StoredBundle, judge, sign_again
from reconciler.store import layout
from reconciler.store.port import Missing

CHUNK = 50
REBUILDS = 5
"""Bundles that are compiled again in one run. The rest is asked for once more, so that a push need not wait for all."""


def resign(context: Context, renew: Callable[[], None]) -> bool:
    """Sign again what a replaced bundle key vouches for, and say whether there was anything to sign.

    Raises `Stalled` when this process lacks the new key.
    """
    with reading():
        known = _bundles(context).exists()
    if not known:
        return False
    roots = trusted_roots(context)
    seen, signed = 0, False
    while rows := _behind(context, roots.newest.version, after=seen):
        renewed = []
        for row in rows:
            key = layout.statement(context.organization.slug, context.project.slug, row.digest)
            standing, envelope = _standing(context, key, row)
            if standing is Standing.replaced:
                sign_again(context, key, envelope, roots)
                signed = True
            if standing is not Standing.revoked:
                renewed.append(row.id)
        _mark(renewed, roots.newest.version)
        seen = rows[-1].id
        renew()
    return signed


def rebuild_revoked(
    context: Context, renew: Callable[[], None], before: Callable[[], None] = lambda: None
) -> bool:
    """Compile again what only a revoked key vouches for, a few bundles in one run, those that nodes run first. `before`
    is called before a key is loaded for it.

    True when one was signed: this process has held a key, and must not compile any more.
    """
    with reading():
        known = _bundles(context).exists()
    if not known:
        return False
    version = trusted_roots(context).newest.version
    rows = sorted(_behind(context, version, after=0, limit=None), key=_urgency(context), reverse=True)
    for row in rows[:REBUILDS]:
        before()
        signed = _rebuild(context, row, version)
        renew()
        if signed:
            return True
    if rows[REBUILDS:]:
        ask(context.organization.slug, context.project.slug, "trunk", now=context.now())
    return False


def _rebuild(context: Context, row: Bundle, version: int) -> bool:
    owner = {"organization": context.organization.slug, "project": context.project.slug}
    vouched, because = False, f"the repository has no commit {row.commit[:12]}"
    if context.mirror.has_commit(row.commit):
        stated = statement_of(context, _stored(row), context.mirror.commit(row.commit))
        found = reproduce(context.mirror, replace(stated, compiler=row.compiler), None, now=context.now())
        vouched, because = found.verdict is Verdict.identical, found.because
        if vouched:
            key = layout.statement(owner["organization"], owner["project"], row.digest)
            context.store.replace(key, sign_stated(context, stated))
            log_statement(context, row.digest)
    holds = (
        f"it was signed again under root {version}"
        if vouched
        else f"its statement does not hold under root {version}, and nodes that do not run it refuse it"
    )
    # A bundle that is not signed again is not looked at again either, until there is another root.
    mark = {"root_version": version} if vouched else {"distrusted_version": version}
    with writing():
        Bundle.update(mark).where(Bundle.id == row.id).execute()
        Event.create(
            **owner,
            kind="bundle.vouched" if vouched else "bundle.distrusted",
            subject=row.digest,
            message=f"the key that signed {row.digest[:19]} is revoked: {because}; {holds}",
            details={"commit": row.commit, "root": version},
            at=context.now(),
        )
    return vouched


def _standing(context: Context, key: str, row: Bundle) -> tuple[Standing, bytes]:
    """Who vouches for the statement in the store; what is no statement of this bundle counts as nobody's."""
    try:
        envelope = context.store.get(key, limit=LIMITS.statement)
        return judge(envelope, _stored(row), trusted_roots(context))[1], envelope
    except (Missing, Refused):
        return Standing.revoked, b""


def _stored(row: Bundle) -> StoredBundle:
    return StoredBundle(row.digest, row.length, row.blob_sha256, row.blob_length)


def _bundles(context: Context) -> Any:
    return Bundle.select().where(
        Bundle.organization == context.organization.slug, Bundle.project == context.project.slug
    )


def _behind(context: Context, version: int, *, after: int, limit: int | None = CHUNK) -> list[Bundle]:
    with reading():
        query = _bundles(context).where(
            Bundle.root_version < version, Bundle.distrusted_version < version, Bundle.id > after
        )
        return list(query.order_by(Bundle.id).limit(limit))


def _mark(bundles: list[int], version: int) -> None:
    if bundles:
        with writing():
            Bundle.update(root_version=version).where(Bundle.id.in_(bundles)).execute()


def _urgency(context: Context) -> Callable[[Bundle], tuple[bool, int]]:
    with reading():
        query = Pointer.select(Pointer.digest).where(
            Pointer.organization == context.organization.slug, Pointer.project == context.project.slug
        )
        live = {row.digest for row in query}
    return lambda row: (row.digest in live, row.id)
