"""From one root to the next: what a change makes of it, what it changes in plain words, and who has still to sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.bundle.dsse import Envelope, check_signatures, keyid, read_envelope
from reconciler.bundle.fields import instant
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.root import PAYLOAD_TYPE, ROLES, Root, decode_root, make_root
from reconciler.errors import Refused, Stalled


def first_root(
    organization: str,
    keys: Mapping[str, Sequence[bytes]],
    *,
    expires: datetime,
    thresholds: Mapping[str, int] | None = None,
) -> Root:
    """Root 1 with these public keys for each role. Raises `Stalled` (E-KEY-011) when a role has too few."""
    wanted = {name: (thresholds or {}).get(name, 1) for name in ROLES}
    for name in ROLES:
        if len(set(keys.get(name, ()))) < wanted[name]:
            raise _too_few(name, len(set(keys.get(name, ()))), wanted[name])
    return make_root(
        version=1,
        organization=organization,
        epoch=1,
        expires=expires,
        roles={name: (sorted(set(keys[name])), wanted[name]) for name in ROLES},
    )


RENEW_BEFORE = timedelta(days=30)
"""From when on a root's expiry is warned of: time for several people to find their keys."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the next root does. `add` maps a role to public keys, `remove` a role to key ids; `revoke` takes key ids out
    of every role for good; `thresholds` says what changes of them; `epoch` is added to the epoch."""

    expires: datetime
    add: Mapping[str, tuple[bytes, ...]]
    remove: Mapping[str, tuple[str, ...]]
    revoke: tuple[str, ...] = ()
    thresholds: Mapping[str, int] | None = None
    epoch: int = 0


def next_root(old: Root, change: Change) -> Root:
    """The root after `old`. Raises `Stalled` (E-KEY-011) when the change cannot be made."""
    revoked = {*old.revoked, *change.revoke}
    thresholds = {
        name: (change.thresholds or {}).get(name, role.threshold) for name, role in old.roles.items()
    }
    roles: dict[str, tuple[Iterable[bytes], int]] = {}
    for name in ROLES:
        keys = old.keys_of(name)
        for gone in change.remove.get(name, ()):
            if keys.pop(gone, None) is None:
                raise _impossible(
                    f"the key {gone[:16]} does not have the role '{name}' in root {old.version}"
                )
        for public in change.add.get(name, ()):
            if keyid(public) in revoked:
                raise _impossible(f"the key {keyid(public)[:16]} is revoked, and stays so")
            keys[keyid(public)] = public
        keys = {held: public for held, public in keys.items() if held not in revoked}
        if len(keys) < thresholds[name]:
            raise _too_few(name, len(keys), thresholds[name])
        roles[name] = (list(keys.values()), thresholds[name])
    for gone in change.revoke:
        if gone not in old.keys:
            raise _impossible(f"root {old.version} has no key {gone[:16]}")
    return make_root(
        version=old.version + 1,
        organization=old.organization,
        epoch=old.epoch + change.epoch,
        expires=change.expires,
        roles=roles,
        revoked=revoked,
    )


def differences(old: Root | None, new: Root) -> tuple[str, ...]:
    """What `new` changes, one sentence each; with `old` None everything that it says."""
    lines = []
    if old is None:
        lines.append(f"It is root {new.version} of '{new.organization}', of epoch {new.epoch}.")
    elif new.epoch != old.epoch:
        lines.append(
            f"The epoch rises from {old.epoch} to {new.epoch}: nodes take pointers of any sequence again."
        )
    for name in ROLES:
        before = old.roles[name] if old is not None else None
        role = new.roles[name]
        had, has = set(before.keyids if before is not None else ()), set(role.keyids)
        lines += [f"The key {added} may sign for '{name}'." for added in sorted(has - had)]
        lines += [f"The key {gone} may not sign for '{name}' any more." for gone in sorted(had - has)]
        if before is None or before.threshold != role.threshold:
            was = f", so far {before.threshold}" if before else ""
            lines.append(f"{role.threshold} of {len(role.keyids)} keys have to sign for '{name}'{was}.")
    revoked = set(new.revoked) - set(old.revoked if old is not None else ())
    lines += [f"The key {gone} is revoked: what it alone signed counts no more." for gone in sorted(revoked)]
    was = f", so far on {instant(old.expires)}" if old is not None else ""
    lines.append(f"It expires on {instant(new.expires)}{was}.")
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class Signing:
    """How far the root keys of one root have signed: those that did, those that may still, and how many have to."""

    root: int
    threshold: int
    signed: tuple[str, ...]
    open: tuple[str, ...]

    @property
    def missing(self) -> int:
        """How many signatures have still to come."""
        return max(0, self.threshold - len(self.signed))


def signing(envelope: Envelope, old: Root | None, new: Root) -> tuple[Signing, ...]:
    """How far a proposed root is signed, by the root keys of `old` and by its own."""
    return tuple(_signing(envelope, root) for root in (old, new) if root is not None)


def read_proposal(envelope: bytes, organization: str | None) -> Root:
    """The root in a file, whoever signed it. Raises `Stalled` E-KEY-010."""
    try:
        root = decode_root(read_envelope(envelope, "the root", limit=LIMITS.root).payload)
    except Refused as refusal:
        raise Stalled("E-KEY-010", f"the file is not a root: {refusal}", cure="Name a root-N.json") from None
    if organization is not None and root.organization != organization:
        raise Stalled(
            "E-KEY-010",
            f"the file is a root of the organization '{root.organization}', not of '{organization}'",
            cure="Name the other file, or the other --organization",
        )
    return root


def check_signed(envelope: bytes, old: Root | None, new: Root) -> None:
    """Return when enough root keys have signed. Raises `Stalled` E-KEY-012 that says who has still to."""
    read = read_envelope(envelope, "the root", limit=LIMITS.root)
    for found in signing(read, old, new):
        if found.missing:
            names = ", ".join(name[:16] for name in found.open)
            raise Stalled(
                "E-KEY-012",
                f"root {new.version} has {len(found.signed)} of the {found.threshold} signatures that the root keys of "
                f"root {found.root} have to give",
                cure=f"Let the holder of one of {names} run `sentinelctl keys sign-root`",
            )


def check_successor(old: Root | None, new: Root, *, now: datetime) -> None:
    """Return when `new` is one that we would publish after `old`. Raises `Stalled` E-KEY-011."""
    if new.expires <= now:
        raise Stalled(
            "E-KEY-011",
            f"root {new.version} expired on {instant(new.expires)}",
            cure="Propose it again with a later --expires",
        )
    lost = sorted(set(old.revoked) - set(new.revoked)) if old is not None else []
    if lost:
        raise Stalled(
            "E-KEY-011",
            f"root {new.version} does not revoke the key {lost[0][:16]} any more",
            cure="A revoked key stays revoked: propose the root again with `sentinelctl keys`",
        )
    if not new.roles["commit"].keyids:
        raise Stalled(
            "E-KEY-011", f"root {new.version} names no commit key", cure="Add one: the control plane needs it"
        )


def _signing(envelope: Envelope, root: Root) -> Signing:
    keys = root.keys_of("root")
    signed = []
    for name in {signature.keyid for signature in envelope.signatures} & keys.keys():
        try:
            check_signatures(envelope, PAYLOAD_TYPE, {name: keys[name]}, 1, what="the root", code="E-VER-002")
        except Refused:
            continue
        signed.append(name)
    return Signing(
        root.version,
        root.roles["root"].threshold,
        tuple(sorted(signed)),
        tuple(sorted(keys.keys() - set(signed))),
    )


def _too_few(role: str, found: int, threshold: int) -> Stalled:
    return _impossible(
        f"the role '{role}' would have {found} keys, and {threshold} have to sign",
        cure=f"Add a key to '{role}' in the same change, or lower its threshold",
    )


def _impossible(message: str, cure: str = "See `sentinelctl keys show`") -> Stalled:
    return Stalled("E-KEY-011", message, cure=cure)
