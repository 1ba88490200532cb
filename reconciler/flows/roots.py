"""The organization's roots in the object store: the newest one, made when there is none."""

from __future__ import annotations

from datetime import timedelta

from reconciler.bundle.limits import LIMITS
from reconciler.bundle.root import Root, make_root, read_first_root, sign_root
from reconciler.errors import Refused
from reconciler.flows.context import Context
from reconciler.store import layout
from reconciler.store.port import BlobStore

LIFE = timedelta(days=365)


def ensure_root(context: Context) -> bytes:
    """The newest root's envelope; version 1 is made, signed and stored when the store has none.

    Making it needs all of the organization's keys, as `sentinelctl init` leaves them. Two that make it at once end
    with one root. Raises `Stalled` when a key cannot be loaded.
    """
    newest = newest_root(context.store, context.organization.slug)
    if newest is not None:
        return newest
    return _make(context)


def newest_root(store: BlobStore, organization: str) -> bytes | None:
    """The envelope of the highest version that the store has, or None."""
    keys = list(store.list(layout.roots(organization)))
    if not keys:
        return None
    return store.get(max(keys, key=layout.root_version), limit=LIMITS.root)


def read_root(envelope: bytes, organization: str) -> Root:
    """The root in an envelope from our own store. Raises `Refused` when it is not one of this organization."""
    return read_first_root(envelope, organization)


def _make(context: Context) -> bytes:
    organization = context.organization.slug
    signer = context.key("root")
    publics = {role: bytes(context.key(role).verify_key) for role in ("bundle", "pointer")}
    root = make_root(
        version=1,
        organization=organization,
        epoch=1,
        expires=context.now() + LIFE,
        roles={
            "root": ([bytes(signer.verify_key)], 1),
            "bundle": ([publics["bundle"]], 1),
            "pointer": ([publics["pointer"]], 1),
        },
    )
    key = layout.root(organization, 1)
    try:
        context.store.put(key, sign_root(root, [signer]))
    except Refused:
        # Another process made it in the same moment, with another second in its expiry. Its root counts.
        read_root(context.store.get(key, limit=LIMITS.root), organization)
    return context.store.get(key, limit=LIMITS.root)
