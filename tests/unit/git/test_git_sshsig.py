"""The SSHSIG frame, against OpenSSH itself in both directions."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from reconciler.git.sshsig import BEGIN, END, public_line, sign, verify

KEY = SigningKey(bytes(range(32)))
PUBLIC = bytes(KEY.verify_key)


def test_openssh_accepts_our_signature(tmp_path: Path) -> None:
    (tmp_path / "signature").write_text(sign(b"message\n", KEY) + "\n")
    (tmp_path / "allowed").write_text(f"sentinel {public_line(PUBLIC)}\n")
    done = subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "sentinel", "-n", "git", "-s", "signature"],
        cwd=tmp_path, input=b"message\n", capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"Good" in done.stdout


def test_we_accept_the_signature_of_openssh(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    (tmp_path / "message").write_bytes(b"message\n")
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", "key", "-n", "git", "message"], cwd=tmp_path, check=True
    )
    blob = base64.b64decode((tmp_path / "key.pub").read_text().split()[1])
    assert verify(b"message\n", (tmp_path / "message.sig").read_text(), blob[-32:])
    assert not verify(b"messagE\n", (tmp_path / "message.sig").read_text(), blob[-32:])


def test_equal_input_gives_equal_bytes() -> None:
    assert sign(b"message", KEY) == sign(b"message", KEY)


def test_only_this_message_key_and_namespace_count() -> None:
    armored = sign(b"message", KEY)
    assert verify(b"message", armored, PUBLIC)
    assert not verify(b"another", armored, PUBLIC)
    assert not verify(b"message", armored, bytes(SigningKey(b"x" * 32).verify_key))
    assert not verify(b"message", sign(b"message", KEY, namespace=b"file"), PUBLIC)


def test_every_flipped_byte_is_noticed() -> None:
    lines = sign(b"message", KEY).split("\n")
    frame = base64.b64decode("".join(lines[1:-1]))
    for position in range(len(frame)):
        changed = bytearray(frame)
        changed[position] ^= 1
        armored = "\n".join([BEGIN, base64.b64encode(bytes(changed)).decode(), END])
        assert not verify(b"message", armored, PUBLIC), position


@pytest.mark.parametrize("change", [b"x", b"\x00\x00\x00\x00"])
def test_bytes_after_the_frame_are_not_accepted(change: bytes) -> None:
    lines = sign(b"message", KEY).split("\n")
    frame = base64.b64decode("".join(lines[1:-1])) + change
    assert not verify(b"message", "\n".join([BEGIN, base64.b64encode(frame).decode(), END]), PUBLIC)


@pytest.mark.parametrize(
    "armored", ["", BEGIN, f"{BEGIN}\n{END}", f"{BEGIN}\n!!\n{END}", f"{BEGIN}\n{'A' * 5000}\n{END}"]
)
def test_broken_armour_is_a_no(armored: str) -> None:
    assert not verify(b"message", armored, PUBLIC)
