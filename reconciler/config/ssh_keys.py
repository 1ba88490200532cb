"""The form of public SSH keys (RFC 4253, 5656, 8709, OpenSSH's PROTOCOL.u2f), and which kinds vouch for commits."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType

SMALLEST_RSA = 2048
CURVES: Mapping[str, int] = MappingProxyType({"nistp256": 32, "nistp384": 48, "nistp521": 66})
"""Name of a curve → bytes of one coordinate."""


class KeyProblem(Exception):
    """Why a key does not count. `unsupported`: it may be sound, and is of a kind that does not count here."""

    def __init__(self, words: str, *, unsupported: bool = False) -> None:
        super().__init__(words)
        self.unsupported = unsupported


class Reader:
    """Reads the length-prefixed fields of SSH's binary form; ValueError when they do not fit."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at == len(self._data)

    def take(self, length: int) -> bytes:
        if length > len(self._data) - self._at:
            raise ValueError("cut short")
        self._at += length
        return self._data[self._at - length : self._at]

    def number(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def string(self) -> bytes:
        return self.take(self.number())


def kind_of(blob: bytes) -> str:
    """The kind that a public key says of itself. ValueError when it says none."""
    return Reader(blob).string().decode("ascii")


def check_key(kind: str, blob: bytes) -> None:
    """Return when `blob` is a public key of that kind, and one that may vouch for commits. Raises `KeyProblem`."""
    check = KINDS.get(kind)
    if check is None:
        known = ", ".join(KINDS)
        raise KeyProblem(
            f"keys of the kind '{kind[:60]}' do not count; those that do: {known}", unsupported=True
        )
    try:
        reader = Reader(blob)
        if reader.string() != kind.encode():
            raise KeyProblem("the key is of another kind than the line says")
        check(reader, kind)
        if not reader.ended:
            raise KeyProblem("something stands behind the key")
    except ValueError:
        raise KeyProblem("the key is damaged") from None


def _ed25519(reader: Reader, kind: str) -> None:
    if len(reader.string()) != 32:
        raise KeyProblem("an Ed25519 key has 32 bytes")


def _on_device(inner: Callable[[Reader, str], None]) -> Callable[[Reader, str], None]:
    def check(reader: Reader, kind: str) -> None:
        inner(reader, kind)
        if not reader.string().startswith(b"ssh:"):
            raise KeyProblem("the key was made for something else than SSH", unsupported=True)

    return check


def _ecdsa(reader: Reader, kind: str) -> None:
    curve = reader.string().decode("ascii")
    if not kind.removesuffix("@openssh.com").endswith(curve) or curve not in CURVES:
        raise KeyProblem("the key is on another curve than the line says")
    point = reader.string()
    if len(point) != 1 + 2 * CURVES[curve] or point[0] != 4:
        raise KeyProblem("the key is no point of its curve in the long form")


def _rsa(reader: Reader, kind: str) -> None:
    exponent, modulus = (int.from_bytes(reader.string()) for _ in range(2))
    if exponent < 3 or not exponent % 2:
        raise KeyProblem("the key has no proper exponent")
    if modulus.bit_length() < SMALLEST_RSA:
        words = f"an RSA key of {modulus.bit_length()} bits does not count; it needs {SMALLEST_RSA}"
        raise KeyProblem(words, unsupported=True)


KINDS: Mapping[str, Callable[[Reader, str], None]] = MappingProxyType(
    {
        "ssh-ed25519": _ed25519,
        "sk-ssh-ed25519@openssh.com": _on_device(_ed25519),
        "ecdsa-sha2-nistp256": _ecdsa,
        "ecdsa-sha2-nistp384": _ecdsa,
        "ecdsa-sha2-nistp521": _ecdsa,
        "sk-ecdsa-sha2-nistp256@openssh.com": _on_device(_ecdsa),
        "ssh-rsa": _rsa,
    }
)
