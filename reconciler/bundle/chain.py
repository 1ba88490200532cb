"""The roots of an organization from the first to the newest, and what followed from each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.bundle.dsse import Envelope, check_signatures
from reconciler.bundle.root import Root
from reconciler.bundle.verify import Audience, TrustState, Verifier, first_state
from reconciler.errors import Refused


@dataclass(frozen=True, slots=True)
class Chain:
    """Roots 1 to N, each verified against the one before. Never empty."""

    roots: tuple[Root, ...]

    @property
    def newest(self) -> Root:
        """The root that holds."""
        return self.roots[-1]

    def former(self, role: str) -> dict[str, bytes]:
        """Keyid to public bytes of the keys that once had `role`, have it no more and were not revoked."""
        return {
            keyid: public
            for keyid, public in self._ever(role).items()
            if keyid not in self.newest.roles[role].keyids and keyid not in self.newest.revoked
        }

    def revoked(self, role: str) -> dict[str, bytes]:
        """Keyid to public bytes of the revoked keys that once had `role`."""
        return {k: public for k, public in self._ever(role).items() if k in self.newest.revoked}

    def was_signed(self, envelope: Envelope, role: str, payload_type: str) -> bool:
        """Whether the threshold of `role` of some root signed, by keys that are not revoked today."""
        for root in reversed(self.roots):
            keys = {k: v for k, v in root.keys_of(role).items() if k not in self.newest.revoked}
            try:
                threshold = root.roles[role].threshold
                check_signatures(envelope, payload_type, keys, threshold, what="it", code="E-VER-002")
            except Refused:
                continue
            return True
        return False

    def _ever(self, role: str) -> dict[str, bytes]:
        return {keyid: public for root in self.roots for keyid, public in root.keys_of(role).items()}


def read_chain(envelopes: Sequence[bytes], organization: str, *, now: datetime) -> Chain:
    """Roots in the order of their versions, from the first one, by the rules of a node. Expiry is not looked at.

    Raises `Refused`: of whatever number the roots are, the walk of a node that knows the first one would end there.
    """
    roots = [first_state(envelopes[0], organization).root]
    if roots[0].version != 1:
        raise Refused("E-VER-002", f"the first root has version {roots[0].version}, expected 1")
    for envelope in envelopes[1:]:
        roots.append(read_next(roots[-1], envelope, now=now))
    return Chain(tuple(roots))


def read_next(old: Root, envelope: bytes, *, now: datetime) -> Root:
    """The root after `old`, by the rules of a node. Raises `Refused`."""
    verifier = Verifier(TrustState(old), Audience(old.organization, "", "", ""))
    return verifier.accept_root(envelope, now=now)
