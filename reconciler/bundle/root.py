"""The root: which keys an organization has and what each may sign. TUF's root role, kept small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nacl.signing import SigningKey

from reconciler.bundle import canonical, dsse
from reconciler.bundle.dsse import Envelope, check_signatures, read_envelope
from reconciler.bundle.fields import HEX64, SLUG, Fields, instant
from reconciler.bundle.limits import LIMITS
from reconciler.errors import Refused

PAYLOAD_TYPE = "application/vnd.sentinel.root+json"
ROLES = ("bundle", "commit", "pointer", "root")
MAX_KEYS = 64
MAX_REVOKED = 256


@dataclass(frozen=True, slots=True)
class Role:
    """`threshold` distinct keys of `keyids` have to sign."""

    keyids: tuple[str, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class Root:
    """One version of an organization's key set.

    `version` counts from 1 without gaps. `epoch` is the only way to let sequences start again. `keys` maps a keyid to
    32 raw public bytes, `roles` each of `ROLES` to who may sign for it. `revoked` names keys whose signatures count no
    more, not even those from before; a key that has merely left its role was replaced, and its old ones still count.
    """

    version: int
    organization: str
    epoch: int
    expires: datetime
    keys: Mapping[str, bytes]
    roles: Mapping[str, Role]
    revoked: tuple[str, ...] = ()

    def keys_of(self, role: str) -> dict[str, bytes]:
        """Keyid to public bytes of the keys that may sign for `role`."""
        return {keyid: self.keys[keyid] for keyid in self.roles[role].keyids}


def make_root(
    *,
    version: int,
    organization: str,
    epoch: int,
    expires: datetime,
    roles: Mapping[str, tuple[Iterable[bytes], int]],
    revoked: Iterable[str] = (),
) -> Root:
    """A root from public keys: `roles` maps each role to its public keys and threshold.

    `commit` may be left out: nodes never look at it.
    """
    roles = {"commit": ((), 1), **roles}
    publics = {name: tuple(keys) for name, (keys, _) in roles.items()}
    return Root(
        version=version,
        organization=organization,
        epoch=epoch,
        expires=expires,
        keys={dsse.keyid(key): key for keys in publics.values() for key in keys},
        roles={
            name: Role(tuple(sorted(dsse.keyid(key) for key in publics[name])), threshold)
            for name, (_, threshold) in roles.items()
        },
        revoked=tuple(sorted(revoked)),
    )


def encode_root(root: Root) -> bytes:
    """The payload that is signed."""
    return canonical.encode(
        {
            "type": "root",
            "version": root.version,
            "organization": root.organization,
            "epoch": root.epoch,
            "expires": instant(root.expires),
            "keys": {keyid: {"scheme": "ed25519", "public": key.hex()} for keyid, key in root.keys.items()},
            "roles": {
                name: {"keyids": list(role.keyids), "threshold": role.threshold}
                for name, role in root.roles.items()
            },
            "revoked": list(root.revoked),
        }
    )


def sign_root(root: Root, keys: Iterable[SigningKey]) -> bytes:
    """The envelope, signed by each of `keys`. What we would refuse to read is never signed (`Refused`)."""
    envelope = unsigned_root(root)
    for key in keys:
        envelope = dsse.add_signature(envelope, key, limit=LIMITS.root)
    return envelope


def unsigned_root(root: Root) -> bytes:
    """The envelope that people are going to sign. Raises `Refused` for what we would refuse to read."""
    payload = encode_root(root)
    decode_root(payload)
    return dsse.unsigned(PAYLOAD_TYPE, payload)


def decode_root(payload: bytes) -> Root:
    """Read a root's payload, whose signatures are checked elsewhere. Raises `Refused` (E-VER-013, E-VER-014)."""
    names = ("type", "version", "organization", "epoch", "expires", "keys", "roles", "revoked")
    fields = Fields(canonical.decode(payload, "the root"), names, "the root")
    fields.constant("type", "root")
    keys = _read_keys(fields.mapping("keys"))
    return Root(
        version=fields.number("version", 1),
        organization=fields.text("organization", SLUG),
        epoch=fields.number("epoch", 1),
        expires=fields.moment("expires"),
        keys=keys,
        roles=_read_roles(fields.mapping("roles"), keys),
        revoked=_read_revoked(fields.sequence("revoked", MAX_REVOKED), keys),
    )


def _read_keys(document: Mapping[str, object]) -> dict[str, bytes]:
    if not 1 <= len(document) <= MAX_KEYS:
        raise Refused("E-VER-014", f"the root has {len(document)} keys, expected 1 to {MAX_KEYS}")
    keys = {}
    for name, value in document.items():
        fields = Fields(value, ("scheme", "public"), "a key of the root")
        fields.constant("scheme", "ed25519")
        public = bytes.fromhex(fields.text("public", HEX64))
        if dsse.keyid(public) != name:
            raise Refused(
                "E-VER-014", "the root names a key by something else than the SHA-256 of its public bytes"
            )
        keys[name] = public
    return keys


def _read_roles(document: object, keys: Mapping[str, bytes]) -> dict[str, Role]:
    fields = Fields(document, ROLES, "the roles of the root")
    roles = {}
    for name in ROLES:
        role = Fields(fields.mapping(name), ("keyids", "threshold"), f"the role {name} of the root")
        keyids = role.sequence("keyids", MAX_KEYS)
        if not all(isinstance(keyid, str) and keyid in keys for keyid in keyids) or len(set(keyids)) != len(
            keyids
        ):
            raise Refused("E-VER-014", f"the role {name} of the root does not name distinct keys of the root")
        # A git commit carries one signature, so one has to do; without a commit key nobody's commits count.
        most = 1 if name == "commit" else len(keyids)
        roles[name] = Role(tuple(keyids), role.number("threshold", 1, most))
    return roles


def _read_revoked(document: Sequence[object], keys: Mapping[str, bytes]) -> tuple[str, ...]:
    revoked = tuple(item for item in document if isinstance(item, str) and HEX64.fullmatch(item))
    if len(set(revoked)) != len(document) or keys.keys() & set(revoked):
        raise Refused("E-VER-014", "the revoked keys of the root are not distinct, or are keys of the root")
    return revoked


def check_root(envelope: Envelope, root: Root) -> None:
    """Return when enough of `root`'s own root keys signed `envelope`. Raises `Refused` (E-VER-002)."""
    role = root.roles["root"]
    check_signatures(
        envelope, PAYLOAD_TYPE, root.keys_of("root"), role.threshold, what="the root", code="E-VER-002"
    )


def read_first_root(data: bytes, organization: str, *, limit: int = LIMITS.root) -> Root:
    """The root that trust starts from: believed because of where it came from, and signed by itself.

    Raises `Refused` when it is not of this organization or not signed by the threshold of its own root keys.
    """
    envelope = read_envelope(data, "the root", limit=limit)
    root = decode_root(envelope.payload)
    check_root(envelope, root)
    if root.organization != organization:
        raise Refused(
            "E-VER-002", f"the root is of the organization '{root.organization}', expected '{organization}'"
        )
    return root
