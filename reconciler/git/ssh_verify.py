"""Whose key signed something: SSH signatures by people, with every kind of key that may vouch for a commit.

`sshsig` knows the one form that we write ourselves; people sign with what they have. PyNaCl and cryptography verify.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from reconciler.config.ssh_keys import KeyProblem, Reader, check_key, kind_of
from reconciler.git.sshsig import MAGIC, NAMESPACE, VERSION, dearmor, string

HASHES: Mapping[bytes, Callable[[bytes], bytes]] = MappingProxyType(
    {
        b"sha512": lambda data: hashlib.sha512(data).digest(),
        b"sha256": lambda data: hashlib.sha256(data).digest(),
    }
)
USER_PRESENT = 1
"""The flag of a security key that says that somebody touched it."""

_CURVES: Mapping[bytes, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = MappingProxyType(
    {
        b"nistp256": (ec.SECP256R1(), hashes.SHA256()),
        b"nistp384": (ec.SECP384R1(), hashes.SHA384()),
        b"nistp521": (ec.SECP521R1(), hashes.SHA512()),
    }
)
_RSA_HASHES: Mapping[bytes, hashes.HashAlgorithm] = MappingProxyType(
    {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
)


def signing_key(message: bytes, armored: str, *, namespace: bytes = NAMESPACE) -> bytes | None:
    """The public key, as SSH sends it, that made this signature of `message`; None when it is not a sound one.

    Only version 1, this namespace, SHA-512 or SHA-256, a kind of key that counts, and nothing left over.
    """
    try:
        reader = Reader(dearmor(armored))
        if reader.take(len(MAGIC)) != MAGIC or reader.number() != VERSION:
            return None
        key, space, reserved, hash_name, signature = (reader.string() for _ in range(5))
        if not reader.ended or space != namespace or reserved or hash_name not in HASHES:
            return None
        check_key(kind_of(key), key)
        digest = HASHES[hash_name](message)
        signed = MAGIC + string(space) + string(b"") + string(hash_name) + string(digest)
        return key if _verify(key, signed, signature) else None
    except (ValueError, KeyProblem, BadSignatureError, InvalidSignature):
        return None


def _verify(key: bytes, signed: bytes, signature: bytes) -> bool:
    fields, inner = Reader(key), Reader(signature)
    kind = fields.string()
    algorithm, blob = inner.string(), inner.string()
    on_device = kind.startswith(b"sk-")
    if kind == b"ssh-rsa":
        return inner.ended and _rsa(fields, algorithm, signed, blob)
    if algorithm != kind:
        return False
    body = fields.string()
    point = fields.string() if b"ecdsa" in kind else b""
    if on_device:
        flags, counter = inner.take(1), inner.take(4)
        if not flags[0] & USER_PRESENT:
            return False
        application = hashlib.sha256(fields.string()).digest()
        signed = application + flags + counter + hashlib.sha256(signed).digest()
    if not inner.ended:
        return False
    if point:
        _ecdsa(body, point, signed, blob)
    else:
        VerifyKey(body).verify(signed, blob)
    return True


def _ecdsa(curve: bytes, point: bytes, signed: bytes, blob: bytes) -> None:
    numbers = Reader(blob)
    r, s = (int.from_bytes(numbers.string()) for _ in range(2))
    if not numbers.ended:
        raise ValueError("something stands behind the signature")
    kind, algorithm = _CURVES[curve]
    public = ec.EllipticCurvePublicKey.from_encoded_point(kind, point)
    public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(algorithm))


def _rsa(fields: Reader, algorithm: bytes, signed: bytes, blob: bytes) -> bool:
    if algorithm not in _RSA_HASHES:
        return False  # `ssh-rsa` as an algorithm is SHA-1.
    exponent, modulus = (int.from_bytes(fields.string()) for _ in range(2))
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    public.verify(blob, signed, padding.PKCS1v15(), _RSA_HASHES[algorithm])
    return True
