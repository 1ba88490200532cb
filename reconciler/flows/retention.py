"""Removes bundles that nobody can come to need again: first condemned, an hour later removed if nothing has changed.

A condemned bundle may not be promoted any more, so no promotion can be overtaken by its removal. Statement, row and log
keep it: its commit gives the same bytes again, and whoever pushes that commit to trunk has it back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from reconciler.bundle.limits import LIMITS
from reconciler.db.live import live_bundles
from reconciler.db.models import Bundle, Environment, Event, Node
from reconciler.db.node_keys import WrappedKey
from reconciler.db.session import reading, writing
from reconciler.flows.context import Context
from reconciler.flows.envbranch import commit_keys, read_branch
from reconciler.flows.outcome import Outcome
from reconciler.release.retention import needed, superfluous
from reconciler.release.state import BranchFiles
from reconciler.store import layout
from reconciler.store.port import Missing

RESPITE = timedelta(hours=1)
"""Between the two steps: every look at an environment that began before the first has ended long before the second."""


def run(context: Context, renew: Callable[[], None]) -> Outcome:
    """Condemn, spare and remove. Raises `Stalled` and `Transient` as git, database and store do; nothing is lost."""
    now = context.now()
    environments = _environments(context, renew)
    wanted = needed(
        environments,
        live_bundles(context.organization.slug, context.project.slug),
        keep=context.settings.keep_bundles,
    )
    with reading():
        rows = list(Bundle.select().where(*_of(context), Bundle.removed_at.is_null()))
    doomed = superfluous({row.digest: row.created_at for row in rows}, wanted, now=now)
    condemned = {row.digest for row in rows if row.condemned_at is not None}
    ripe = [row for row in rows if row.condemned_at is not None and now - row.condemned_at >= RESPITE]
    with writing():
        _mark(context, sorted(condemned - doomed), None)
        _mark(context, sorted(doomed - condemned), now)
    removed = 0
    for row in ripe:
        if row.digest in doomed:
            renew()
            removed += _remove(context, row, now)
    if removed:
        _forget_keys(context)
    if removed or doomed != condemned:
        return Outcome("changed", f"{removed} bundles removed, {len(doomed) - removed} about to be")
    return Outcome("unchanged", f"{len(rows)} bundles stay, {len(doomed)} of them for the next hour")


def _environments(context: Context, renew: Callable[[], None]) -> list[BranchFiles]:
    """What every environment that was ever looked at says at the head that is known of it."""
    with reading():
        heads = {
            row.name: row.head
            for row in Environment.select(Environment.name, Environment.head).where(
                Environment.organization == context.organization.slug,
                Environment.project == context.project.slug,
            )
        }
    refs = context.mirror.fetch()
    keys = commit_keys(context)
    found = []
    for name, known in sorted(heads.items()):
        renew()
        # The forge may be ahead of what was looked at; both are asked, so that neither wish is overlooked.
        there = refs.get(f"refs/heads/{context.project.branch_prefix}env/{name}")
        heads_of = sorted({head for head in (known, there) if head})
        found += [read_branch(context.mirror, head, name, keys).state.files for head in heads_of]
    return found


def _mark(context: Context, digests: list[str], moment: datetime | None) -> None:
    if digests:
        Bundle.update(condemned_at=moment).where(*_of(context), Bundle.digest.in_(digests)).execute()


def revive(context: Context, digest: str) -> None:
    """Trunk compiles to this bundle again. Called before its blob is put, so that a removal under way notices."""
    with writing():
        Bundle.update(condemned_at=None, removed_at=None).where(
            *_of(context),
            Bundle.digest == digest,
            Bundle.condemned_at.is_null(False) | Bundle.removed_at.is_null(False),
        ).execute()


def _remove(context: Context, row: Bundle, now: datetime) -> bool:
    """Remove one blob; False when the bundle was revived meanwhile, and then its blob is put back."""
    key = layout.bundle(context.organization.slug, context.project.slug, row.digest)
    try:
        blob = context.store.get(key, limit=LIMITS.blob)
    except Missing:
        blob = None
    context.store.delete(key)
    with writing():
        changed = (
            Bundle.update(removed_at=now)
            .where(*_of(context), Bundle.digest == row.digest, Bundle.condemned_at == row.condemned_at)
            .execute()
        )
        if changed:
            Event.create(
                organization=context.organization.slug,
                project=context.project.slug,
                kind="bundle.removed",
                subject=row.digest,
                message=f"bundle {row.digest[:19]} was removed: nothing points to it any more",
                details={},
                at=now,
            )
    if not changed and blob is not None:
        context.store.put(key, blob)
    return bool(changed)


def _forget_keys(context: Context) -> None:
    """Delete data keys that were wrapped for nodes and that no bundle needs which is still there.

    Should one come back, they are wrapped again.
    """
    organization, project = context.organization.slug, context.project.slug
    with reading():
        bundles = Bundle.select(Bundle.environments).where(*_of(context), Bundle.removed_at.is_null())
        wanted = {
            (environment, name, pinned["version"])
            for row in bundles
            for environment, own in row.environments.items()
            for name, pinned in own.get("secrets", {}).items()
        }
        wrapped: Any = (
            WrappedKey.select(Node.environment, WrappedKey.name, WrappedKey.version)
            .join(Node, on=WrappedKey.node == Node.id)
            .where(Node.organization == organization, Node.project == project)
            .distinct()
            .tuples()
        )
        forgotten: set[tuple[str, str, int]] = set(wrapped) - wanted
    for environment, name, version in sorted(forgotten):
        nodes = Node.select(Node.id).where(
            Node.organization == organization, Node.project == project, Node.environment == environment
        )
        with writing():
            WrappedKey.delete().where(
                WrappedKey.name == name, WrappedKey.version == version, WrappedKey.node.in_(nodes)
            ).execute()


def _of(context: Context) -> tuple[object, ...]:
    return (
        Bundle.organization == context.organization.slug,
        Bundle.project == context.project.slug,
    )
