"""A node's own key pairs: one that signs (Ed25519), one that secrets are sealed to (X25519).

They are made at registration and kept as hex in `identity.json`, mode 0600. Only the public halves are ever sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from reconciler.bundle.possession import PublicKeys


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """Both private keys, 64 hex digits each; they do not show themselves."""

    signing_seed: str = field(repr=False)
    sealing_seed: str = field(repr=False)

    @property
    def signing(self) -> SigningKey:
        """The Ed25519 key."""
        return SigningKey(bytes.fromhex(self.signing_seed))

    @property
    def sealing(self) -> PrivateKey:
        """The X25519 key."""
        return PrivateKey(bytes.fromhex(self.sealing_seed))

    @property
    def public(self) -> PublicKeys:
        """What the control plane is told."""
        return PublicKeys(bytes(self.signing.verify_key).hex(), bytes(self.sealing.public_key).hex())


def make_keys() -> NodeKeys:
    """New keys, from the system's randomness."""
    return NodeKeys(bytes(SigningKey.generate()).hex(), bytes(PrivateKey.generate()).hex())
