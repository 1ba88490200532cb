"""Signs a commit with the caller's own SSH key. OpenSSH does it: the key may be in an agent, or on a security key."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from reconciler.errors import Stalled

Sign = Callable[[bytes], str]


def signer(key: str) -> Sign:
    """Signs with this key file, private or public; `ssh-keygen` asks for what it needs."""
    path = Path(key).expanduser()

    def sign(content: bytes) -> str:
        command = ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(path)]
        try:
            done = subprocess.run(command, input=content, capture_output=True, check=False)
        except OSError as error:
            raise _unsigned(path, f"ssh-keygen cannot be run ({type(error).__name__})") from None
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise _unsigned(path, words[-1][:200] if words else f"ssh-keygen ended with {done.returncode}")
        return done.stdout.decode().strip()

    return sign


def _unsigned(path: Path, words: str) -> Stalled:
    return Stalled(
        "E-GIT-240",
        f"the commit cannot be signed with {path}: {words}",
        cure="Name an SSH key with --sign, private or public, that ssh-keygen or its agent can use",
    )
