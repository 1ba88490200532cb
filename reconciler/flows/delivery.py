"""Wraps the data keys of an environment's secrets again, once for each of its nodes. No value is opened.

A data key is wrapped only where the sealed value in the object store is the one that the bundle's manifest lists:
whoever can write there could seal another one for the environment's public key.

Every wrapped key is a unique row, so a run may die anywhere and the next one goes on, and two at once end with one row
each. Nodes are taken in batches; a large fleet takes several runs, between which other work has its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from nacl.public import PrivateKey

from reconciler.bundle.sealed import LONGEST, NONCE, TAG, WRAPPED, unwrap, written
from reconciler.db.models import Bundle, Node, Pointer, Rollout
from reconciler.db.node_keys import WrappedKey
from reconciler.db.session import reading, writing
from reconciler.errors import Refused, Stalled
from reconciler.flows.context import Context
from reconciler.flows.outcome import Outcome
from reconciler.keys.sealing import wrap
from reconciler.pinned import Pinned
from reconciler.store import layout
from reconciler.store.port import Missing

BATCH = 200
"""Nodes of one transaction."""

KEYS_OF_A_RUN = 20_000
"""A few seconds of work, so that rollouts do not wait for it; looking for what is missing takes a tenth of that."""

ROLLOUTS = 20
"""Rollouts back to which secrets are wrapped before anybody asks for them."""

ROWS_AT_ONCE = 200
"""SQLite takes at most 999 variables in one statement on old builds, and a row has four."""

Secret = tuple[str, int, str]
"""Name, version, and the SHA-256 of the sealed value that a manifest lists."""


def needed(context: Context, environment: str) -> frozenset[Secret]:
    """What the bundles need that the environment points at, or did not long ago. Call inside `reading`."""
    scope = (context.organization.slug, context.project.slug, environment)
    digests: set[str] = set()
    for table, limit in ((Pointer, None), (Rollout, ROLLOUTS)):
        rows = table.select(table.digest).where(
            table.organization == scope[0], table.project == scope[1], table.environment == scope[2]
        )
        digests.update(row.digest for row in rows.order_by(table.id.desc()).limit(limit))
    bundles = Bundle.select(Bundle.environments).where(
        Bundle.organization == scope[0], Bundle.project == scope[1], Bundle.digest.in_(sorted(digests))
    )
    return frozenset(
        (name, pinned["version"], pinned["sha256"])
        for row in bundles
        for name, pinned in row.environments.get(environment, {}).get("secrets", {}).items()
    )


def run(context: Context, environment: str, renew: Callable[[], None]) -> Outcome:
    """Wrap what is missing. `renew` is called between batches.

    Raises `Stalled` after all others are wrapped: E-SEC-021 when a sealed value is another one than its bundle lists,
    E-SEC-020 when it is sealed for a key that is not held.
    """
    with reading():
        wanted = needed(context, environment)
    if not wanted:
        return Outcome("unchanged", f"no bundle of '{environment}' needs a secret")
    opened = _DataKeys(context, environment)
    last, made = "", 0
    while made < KEYS_OF_A_RUN:
        with reading():
            nodes = _nodes(context, environment, last)
            missing = _missing(nodes, wanted)
        if not nodes:
            _forget_retired(context, environment)
            opened.complain()
            return Outcome(
                "changed" if made else "unchanged", f"{made} data keys wrapped, {len(wanted)} a node in all"
            )
        last = nodes[-1].id
        made += _store(opened, missing)
        renew()
    return Outcome("changed", f"{made} data keys wrapped, and more to do", context.now())


class _DataKeys:
    """Data keys of the environment's secrets, unwrapped when first used and kept for one run in this process alone."""

    def __init__(self, context: Context, environment: str) -> None:
        self._context = context
        self._environment = environment
        self._scope = (context.organization.slug, context.project.slug, environment)
        self._keys: Mapping[str, PrivateKey] = context.sealing_keys(environment)
        self._known: dict[Secret, bytes | None] = {}
        self._replaced: set[Secret] = set()

    def get(self, secret: Secret) -> bytes | None:
        """The data key, or None when no private key that is held opens it or its value is not the one that is meant."""
        if secret not in self._known:
            if not self._stands(secret):
                self._replaced.add(secret)
            self._known[secret] = None if secret in self._replaced else self._unwrap(secret)
        return self._known[secret]

    def complain(self) -> None:
        """Raise `Stalled` when a data key that was asked for could not be had."""
        if self._replaced:
            raise Stalled(
                "E-SEC-021",
                f"the object store has other values of '{self._environment}' than its bundles were made with, or "
                f"none: {_listed(self._replaced)}",
                cure="Find out who can write to the object store, and restore these values from a backup",
            )
        lost = _listed(secret for secret, key in self._known.items() if key is None)
        if lost:
            raise Stalled(
                "E-SEC-020",
                f"no sealing key that is held for '{self._environment}' opens {lost}",
                cure="Name the private key in control-plane.kdl, or run `sentinelctl secret rewrap` with the old key",
            )

    def _stands(self, secret: Secret) -> bool:
        name, version, sha256 = secret
        try:
            value = self._context.store.get(
                layout.sealed_value(*self._scope, name, version), limit=NONCE + LONGEST + TAG
            )
        except (Missing, Refused):
            return False
        return Pinned(version, sha256).names(value)

    def _unwrap(self, secret: Secret) -> bytes | None:
        name, version, _ = secret
        for key_id, key in self._keys.items():
            try:
                place = layout.wrapped_key(*self._scope, name, version, key_id)
                wrapped = self._context.store.get(place, limit=WRAPPED)
                return unwrap(wrapped, key)
            except (Missing, Refused):
                continue
        return None


def _listed(secrets: Iterable[Secret]) -> str:
    return ", ".join(sorted(f"{name} v{version}" for name, version, _ in secrets)[:5])


def _nodes(context: Context, environment: str, after: str) -> Sequence[Node]:
    """The next living nodes that can be given secrets, by id."""
    return list(
        Node.select(Node.id, Node.sealing_key)
        .where(
            Node.organization == context.organization.slug,
            Node.project == context.project.slug,
            Node.environment == environment,
            Node.retired_at.is_null(),
            Node.sealing_key.is_null(False),
            Node.id > after,
        )
        .order_by(Node.id)
        .limit(BATCH)
    )


def _missing(nodes: Sequence[Node], wanted: frozenset[Secret]) -> list[tuple[Node, Secret]]:
    rows = WrappedKey.select(WrappedKey.node, WrappedKey.name, WrappedKey.version)
    present = {
        (row.node, row.name, row.version)
        for row in rows.where(WrappedKey.node.in_([node.id for node in nodes]))
    }
    return [
        (node, secret) for node in nodes for secret in sorted(wanted) if (node.id, *secret[:2]) not in present
    ]


def _store(opened: _DataKeys, missing: Sequence[tuple[Node, Secret]]) -> int:
    rows = [
        {"node": node.id, "name": secret[0], "version": secret[1], "wrapped": written(wrapped)}
        for node, secret in missing
        if (wrapped := _wrap(opened, node, secret)) is not None
    ]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        with writing():
            WrappedKey.insert_many(rows[start : start + ROWS_AT_ONCE]).on_conflict_ignore().execute()
    return len(rows)


def _wrap(opened: _DataKeys, node: Node, secret: Secret) -> bytes | None:
    data_key = opened.get(secret)
    return None if data_key is None else wrap(data_key, bytes.fromhex(str(node.sealing_key)))


def _forget_retired(context: Context, environment: str) -> None:
    """Delete what was wrapped for nodes that are retired: they are given nothing any more."""
    retired = Node.select(Node.id).where(
        Node.organization == context.organization.slug,
        Node.project == context.project.slug,
        Node.environment == environment,
        Node.retired_at.is_null(False),
    )
    with writing():
        WrappedKey.delete().where(WrappedKey.node.in_(retired)).execute()
