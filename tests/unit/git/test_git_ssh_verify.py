"""Signatures of people: whatever ssh-keygen and git make of a key that counts, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import struct
import subprocess
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from reconciler.git.ssh_verify import signing_key
from reconciler.git.sshsig import BEGIN, END, MAGIC, public_line, sign, string

MESSAGE = b"tree 0\n\nsigned\n"


def keygen(folder: Path, kind: str, *options: str) -> tuple[Path, bytes]:
    path = folder / f"key-{kind}"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-f", path], check=True, capture_output=True
    )
    return path, base64.b64decode(path.with_suffix(".pub").read_text().split()[1])


def by_ssh_keygen(path: Path, *options: str, namespace: str = "git") -> str:
    return subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", path, *options],
        input=MESSAGE, check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ed25519", []),
        ("rsa", ["-b", "2048"]),
        ("ecdsa", ["-b", "256"]),
        ("ecdsa", ["-b", "384"]),
        ("ecdsa", ["-b", "521"]),
    ],
    ids=str,
)
def test_what_ssh_keygen_signs_is_known(tmp_path: Path, kind: str, options: list[str]) -> None:
    path, public = keygen(tmp_path, kind, *options)
    for hash_name in ("sha512", "sha256"):
        armored = by_ssh_keygen(path, "-O", f"hashalg={hash_name}")
        assert signing_key(MESSAGE, armored) == public
        assert signing_key(MESSAGE + b"x", armored) is None
    assert signing_key(MESSAGE, by_ssh_keygen(path, namespace="file")) is None


def test_what_we_sign_ourselves_is_known_too() -> None:
    key = SigningKey(b"\7" * 32)
    public = base64.b64decode(public_line(bytes(key.verify_key)).split()[1])
    assert signing_key(MESSAGE, sign(MESSAGE, key)) == public


def on_device(key: SigningKey, *, flags: int = 1, application: bytes = b"ssh:", behind: bytes = b"") -> str:
    """What a security key makes: it signs over its application, a flag for the touch, and a counter."""
    kind = b"sk-ssh-ed25519@openssh.com"
    public = string(kind) + string(bytes(key.verify_key)) + string(application)
    inner = (
        MAGIC + string(b"git") + string(b"") + string(b"sha512") + string(hashlib.sha512(MESSAGE).digest())
    )
    counter = struct.pack(">BI", flags, 42)
    signed = hashlib.sha256(application).digest() + counter + hashlib.sha256(inner).digest()
    signature = string(kind) + string(key.sign(signed).signature) + counter + behind
    fields = [public, b"git", b"", b"sha512", signature]
    frame = MAGIC + struct.pack(">I", 1) + b"".join(string(field) for field in fields)
    return f"{BEGIN}\n{base64.b64encode(frame).decode()}\n{END}"


def test_a_security_key_counts_when_somebody_touched_it() -> None:
    key = SigningKey(b"\7" * 32)
    assert signing_key(MESSAGE, on_device(key)) is not None
    assert signing_key(MESSAGE + b"x", on_device(key)) is None
    assert signing_key(MESSAGE, on_device(key, flags=0)) is None
    assert signing_key(MESSAGE, on_device(key, application=b"https://example.com")) is None
    assert signing_key(MESSAGE, on_device(key, behind=b"x")) is None


def test_every_flipped_byte_of_a_signature_is_noticed() -> None:
    armored = sign(MESSAGE, SigningKey(b"\7" * 32))
    frame = base64.b64decode("".join(armored.split("\n")[1:-1]))
    for at in range(len(frame)):
        broken = bytes([*frame[:at], frame[at] ^ 1, *frame[at + 1 :]])
        assert signing_key(MESSAGE, f"{BEGIN}\n{base64.b64encode(broken).decode()}\n{END}") is None, at
    for length in range(0, len(frame), 7):
        short = base64.b64encode(frame[:length]).decode()
        assert signing_key(MESSAGE, f"{BEGIN}\n{short}\n{END}") is None, length
    assert signing_key(MESSAGE, "") is None
    assert signing_key(MESSAGE, "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----") is None
