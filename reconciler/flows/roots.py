"""The organization's roots in the object store: reading them, publishing the next one, and the keys they let us use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nacl.signing import SigningKey

from reconciler.bundle import dsse
from reconciler.bundle.chain import Chain, read_chain, read_next
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.root import Root, read_first_root
from reconciler.bundle.succession import check_signed, check_successor, read_proposal
from reconciler.config.installation import Organization
from reconciler.errors import LostRace, Refused, Stalled
from reconciler.flows.context import Context
from reconciler.keys.uri import load_key
from reconciler.store import layout
from reconciler.store.port import BlobStore, Taken


@dataclass(frozen=True, slots=True)
class HeldKey:
    """What is at one URI: a key, or why there is none."""

    uri: str
    key: SigningKey | None
    problem: Stalled | None = None

    @property
    def keyid(self) -> str:
        """The key's id; empty when there is none."""
        return dsse.keyid(bytes(self.key.verify_key)) if self.key is not None else ""


def trusted_roots(context: Context) -> Chain:
    """The organization's roots as the store has them now, each verified. Read once for each version in a context.

    Raises `Stalled`: E-KEY-008 when there is none, E-KEY-009 when they do not follow one from the other.
    """
    organization, store = context.organization.slug, context.store
    versions = stored_versions(store, organization)
    known = context.roots
    if known is None or known.newest.version != max(versions, default=0):
        context.roots = read_stored(store, organization, now=context.now())
    if context.roots is None:
        raise no_root(organization)
    return context.roots


def read_stored(store: BlobStore, organization: str, *, now: datetime) -> Chain | None:
    """The roots in the store, or None when there is none. Raises `Stalled` E-KEY-009 when they do not follow."""
    versions = stored_versions(store, organization)
    if not versions:
        return None
    missing = sorted(set(range(1, versions[-1] + 1)) - set(versions))
    if missing:
        raise _broken(organization, f"root {missing[0]} is missing, and there is a root {versions[-1]}")
    try:
        return read_chain(
            [store.get(layout.root(organization, version), limit=LIMITS.root) for version in versions],
            organization,
            now=now,
        )
    except Refused as refusal:
        raise _broken(organization, str(refusal)) from None


def stored_versions(store: BlobStore, organization: str) -> list[int]:
    """The versions of the roots in the store, rising."""
    return sorted(layout.root_version(key) for key in store.list(layout.roots(organization)))


def publish_root(store: BlobStore, organization: str, envelope: bytes, *, now: datetime) -> tuple[Root, bool]:
    """Put the next root into the store, once enough of the old and of the new root keys have signed it.

    The version number is the lock: of two that publish the same version one wins. Returns the root and whether this
    call put it there. Raises `Stalled` (E-KEY-010 not a root, E-KEY-012 signatures are missing, E-KEY-013 another
    version's turn) and `LostRace` (E-KEY-013) when another root took the version meanwhile.
    """
    new = read_proposal(envelope, organization)
    chain = read_stored(store, organization, now=now)
    known = chain.roots if chain is not None else ()
    if new.version <= len(known):
        return new, _is_there(known[new.version - 1], new)
    if new.version != len(known) + 1:
        raise Stalled(
            "E-KEY-013",
            f"the file holds root {new.version}, and the newest that is published is {len(known) or 'none'}",
            cure=f"Publish root {len(known) + 1} first: nodes take one version after the other",
        )
    old = known[-1] if known else None
    check_signed(envelope, old, new)
    check_successor(old, new, now=now)
    try:
        if old is None:
            read_first_root(envelope, organization)
        else:
            read_next(old, envelope, now=now)
    except Refused as refusal:
        raise Stalled(
            "E-KEY-012", f"nodes would refuse this root: {refusal}", cure="Propose it again"
        ) from None
    try:
        return new, store.put(layout.root(organization, new.version), envelope)
    except Taken:
        found = read_stored(store, organization, now=now)
    if found is None or len(found.roots) < new.version:
        raise LostRace("E-KEY-013", f"root {new.version} was published by somebody else in this moment")
    return new, _is_there(found.roots[new.version - 1], new)


def held_keys(
    organization: Organization, role: str, *, folder: Path, environ: Mapping[str, str]
) -> tuple[HeldKey, ...]:
    """What is at each URI that control-plane.kdl names for a role, as this process finds it."""
    found = []
    for uri in organization.keys.of(role):
        try:
            found.append(HeldKey(uri, load_key(uri, folder=folder, environ=environ)))
        except Stalled as problem:
            found.append(HeldKey(uri, None, problem))
    return tuple(found)


def signers(context: Context, role: str, root: Root) -> tuple[SigningKey, ...]:
    """The keys of this process that sign for a role of `root`: enough of them, sorted by their ids.

    Raises `Stalled`: what the loading of the only key raised, or E-KEY-007 when those that could be loaded are too few
    of those that the root names.
    """
    held = held_keys(context.organization, role, folder=context.folder, environ=context.environ)
    named = {h.keyid: h.key for h in held if h.key is not None and h.keyid in root.roles[role].keyids}
    if len(named) >= root.roles[role].threshold:
        return tuple(named[keyid] for keyid in sorted(named))
    if len(held) == 1 and held[0].problem is not None:
        raise held[0].problem
    words = "; ".join(_why_not(found, role, root) for found in held if found.keyid not in named)
    raise Stalled(
        "E-KEY-007",
        f"{root.roles[role].threshold} of the keys that root {root.version} of '{root.organization}' names for "
        f"'{role}' have to sign, and this process holds {len(named)}: {words}",
        cure="Put the right key at the URI in control-plane.kdl, or publish a root that names this one",
    )


def no_root(organization: str) -> Stalled:
    """Nothing can be signed or believed before there is a root."""
    return Stalled(
        "E-KEY-008",
        f"the organization '{organization}' has no root in the object store",
        cure="Make one with `sentinelctl keys init` and publish it with `sentinelctl keys publish`; docs/keys.md",
    )


def _why_not(held: HeldKey, role: str, root: Root) -> str:
    if held.problem is not None:
        return f"{held.uri} ({held.problem.code})"
    gone = "revoked" if held.keyid in root.revoked else "not one of them"
    return f"{held.uri} is {held.keyid[:16]}, {gone}"


def _is_there(found: Root, wanted: Root) -> bool:
    """False, when that very root is published already."""
    if found == wanted:
        return False
    raise Stalled(
        "E-KEY-013",
        f"another root {wanted.version} is published already",
        cure="Propose yours again, on top of it",
    )


def _broken(organization: str, words: str) -> Stalled:
    return Stalled(
        "E-KEY-009",
        f"the roots of '{organization}' in the object store do not follow one from the other: {words}",
        cure="Restore what is missing or remove what was put there by hand; nodes keep what they run meanwhile",
    )
