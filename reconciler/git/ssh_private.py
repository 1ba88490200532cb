"""Which private keys may be given to libgit2 for ssh. It is asked before, since one that it cannot take ends badly."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

from reconciler.errors import Stalled

CURE = (
    "Make a key for this connection with `ssh-keygen -t ed25519 -N ''`, and give its public half to the forge"
)


def check_private_key(text: str) -> None:
    """Return when `text` is an Ed25519 or ECDSA key, in OpenSSH's or PEM form and without a passphrase.

    Raises `Stalled` E-GIT-032. Signing with an RSA key ended the whole process every time it was tried (the wheel of
    pygit2 1.21, which carries libssh2 1.11.1; why is not known), so such a key is not passed on.
    """
    load = load_ssh_private_key if "OPENSSH PRIVATE KEY" in text.partition("\n")[0] else load_pem_private_key
    try:
        key = load(text.encode() + b"\n", None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Whatever the library says may hold parts of what it was given.
        raise _unusable("it is damaged, or has a passphrase") from None
    if not isinstance(key, (ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey)):
        raise _unusable("it is neither Ed25519 nor ECDSA")


def _unusable(why: str) -> Stalled:
    return Stalled("E-GIT-032", f"the private key for ssh cannot be used: {why}", cure=CURE)
