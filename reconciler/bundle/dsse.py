"""DSSE envelopes signed with Ed25519 (https://github.com/secure-systems-lab/dsse, protocol v1).

An envelope is canonical JSON `{"payload": base64, "payloadType": …, "signatures": [{"keyid", "sig"}]}`. What is signed
is PAE(payloadType, payload), so type and length are bound. The algorithm is fixed and never taken from a message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from reconciler.bundle import canonical
from reconciler.bundle.armour import armour, disarm
from reconciler.errors import Refused

MAX_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """`keyid` names the key it claims to be by; `value` is 64 bytes. Neither is trusted."""

    keyid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope that was read and not verified."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]


def keyid(public: bytes) -> str:
    """The name of a key: SHA-256, in hex, of its 32 raw public bytes."""
    return hashlib.sha256(public).hexdigest()


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: `DSSEv1 <length> <type> <length> <payload>`."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, keys: Iterable[SigningKey]) -> bytes:
    """The envelope with one signature by each key, sorted by keyid. Ed25519 is deterministic, so this is too."""
    message = pae(payload_type, payload)
    signatures = {keyid(bytes(key.verify_key)): bytes(key.sign(message).signature) for key in keys}
    if not signatures:
        raise ValueError("nothing is signed without a key")
    return _write(payload_type, payload, signatures)


def unsigned(payload_type: str, payload: bytes) -> bytes:
    """The envelope before anybody signed it, which every reader refuses."""
    return _write(payload_type, payload, {})


def add_signature(
    envelope: bytes, key: SigningKey, *, limit: int, keep: Collection[str] | None = None
) -> bytes:
    """The same envelope with one more signature, for signers who never meet. Of the others those by `keep` stay, by
    default all. Raises `Refused` for a bad envelope.
    """
    read = read_envelope(envelope, "the envelope", limit=limit)
    signatures = {
        signature.keyid: signature.value
        for signature in read.signatures
        if keep is None or signature.keyid in keep
    }
    signatures[keyid(bytes(key.verify_key))] = bytes(key.sign(pae(read.payload_type, read.payload)).signature)
    return _write(read.payload_type, read.payload, signatures)


def read_envelope(data: bytes, what: str, *, limit: int) -> Envelope:
    """Read an envelope of at most `limit` bytes without believing it.

    Raises `Refused`: E-VER-001 too large, E-VER-013 not canonical JSON, E-VER-014 other fields than expected.
    """
    if len(data) > limit:
        raise Refused("E-VER-001", f"{what} has {len(data)} bytes, more than the {limit} that are read")
    match = _ENVELOPE.fullmatch(data)
    if match is None:
        canonical.decode(data, what)
        raise Refused(
            "E-VER-014", f"{what} is not an envelope as we write it: payload, payloadType, signatures"
        )
    payload, payload_type, listed = match.groups()
    found = _SIGNATURE.findall(listed)
    if len(found) > MAX_SIGNATURES:
        raise Refused("E-VER-014", f"{what} has {len(found)} signatures, more than {MAX_SIGNATURES}")
    signatures = tuple(Signature(name.decode(), _base64(value, what)) for name, value in found)
    if len({signature.keyid for signature in signatures}) != len(signatures):
        raise Refused("E-VER-014", f"{what} has two signatures by one key")
    return Envelope(payload_type.decode(), _base64(payload, what), signatures)


def check_signatures(
    envelope: Envelope, payload_type: str, keys: Mapping[str, bytes], threshold: int, *, what: str, code: str
) -> None:
    """Return when at least `threshold` distinct keys of `keys` (keyid to public bytes) signed this very payload.

    Signatures by keys that are not in `keys` are not counted; a bad signature by one that is refuses everything.
    Raises `Refused` with `code`. An empty key set or a threshold below 1 is a refusal, never a pass.
    """
    if envelope.payload_type != payload_type:
        raise Refused(code, f"{what} says it is '{envelope.payload_type[:64]}', expected '{payload_type}'")
    if threshold < 1 or not keys:
        raise Refused(code, f"nobody may sign {what}: no key has that role")
    message = pae(envelope.payload_type, envelope.payload)
    signers: set[bytes] = set()
    for signature in envelope.signatures:
        public = keys.get(signature.keyid)
        if public is None:
            continue
        try:
            VerifyKey(public).verify(message, signature.value)
        except (BadSignatureError, ValueError, TypeError):
            raise Refused(code, f"{what}: the signature by key {signature.keyid[:16]} is not good") from None
        signers.add(public)
    if len(signers) < threshold:
        raise Refused(
            code, f"{what} is signed by {len(signers)} of the keys that may, expected at least {threshold}"
        )


def _write(payload_type: str, payload: bytes, signatures: Mapping[str, bytes]) -> bytes:
    return canonical.encode(
        {
            "payloadType": payload_type,
            "payload": armour(payload),
            "signatures": [{"keyid": name, "sig": armour(signatures[name])} for name in sorted(signatures)],
        }
    )


def _base64(text: bytes, what: str) -> bytes:
    try:
        return disarm(text.decode())
    except ValueError:
        raise Refused("E-VER-014", f"{what} holds base64 that is not what we write") from None


_SIGNATURE = re.compile(rb'{"keyid":"([0-9a-f]{64})","sig":"([A-Za-z0-9+/]+=*)"}')
_SIGNATURES = rb"(?:%b(?:,%b)*)?" % ((re.sub(rb"[()]", b"", _SIGNATURE.pattern),) * 2)
_ENVELOPE = re.compile(
    rb'{"payload":"([A-Za-z0-9+/]+=*)","payloadType":"([ !#-\[\]-~]{0,200})","signatures":\[(%b)\]}'
    % _SIGNATURES
)
"""Canonical JSON of these fields and no others; base64 is looked at as it is read."""
