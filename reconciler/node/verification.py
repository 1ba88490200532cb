"""Hands what was fetched to the verifier, and turns what it accepted into what a node remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from reconciler.bundle.limits import LIMITS
from reconciler.bundle.logged import Seen
from reconciler.bundle.manifest import MANIFEST, decode_manifest, environment_of
from reconciler.bundle.pointer import Pointer, peek_pointer
from reconciler.bundle.tiles import Tile
from reconciler.bundle.verify import Audience, TrustState, Verifier, first_state
from reconciler.clock import iso, parse_iso
from reconciler.errors import Refused
from reconciler.fleet.versions import Versions
from reconciler.node.activation import Verified
from reconciler.node.rendering import plan
from reconciler.node.state import Active, Identity, NodeState, SeenLog, Trust


class Check:
    """One look at one offer, made from what the node remembers. Raises `Refused` as soon as something is wrong."""

    def __init__(self, identity: Identity, state: NodeState, *, now: datetime) -> None:
        trust = first_state(state.root.encode(), identity.organization)
        if state.trust is not None:
            known = state.trust
            trust = TrustState(
                trust.root, known.epoch, known.sequence, known.digest, known.cohort, parse_iso(known.issued)
            )
        if state.log is not None:
            trust = replace(trust, log=Seen(state.log.epoch, state.log.checkpoint))
        self._trust = trust
        # One walk, so that its number of steps is bounded.
        self._roots = Verifier(
            trust, Audience(identity.organization, identity.project, identity.environment, "")
        )
        self._identity = identity
        self._now = now
        self._verifier: Verifier | None = None
        self._pointer: Pointer | None = None
        self._files: Mapping[str, bytes] = {}
        self.root = state.root
        """The newest root that was believed, as JSON text."""
        self.digest = ""
        """What the pointer names, for reports: before it was accepted, only what it claims."""
        self.sequence = 0

    @property
    def root_version(self) -> int:
        """The version of the newest root that was believed."""
        return self._trust.root.version

    def accept_root(self, envelope: bytes) -> None:
        """The root after the one that is believed."""
        self._roots.accept_root(envelope, now=self._now)
        self._trust = self._roots.state
        self.root = envelope.decode("ascii")

    def accept_pointer(self, envelope: bytes, cohort: str) -> None:
        """The pointer of the cohort that the answer named."""
        try:
            claimed = peek_pointer(envelope, limit=LIMITS.pointer)
            self.digest, self.sequence = claimed.digest, claimed.sequence
        except Refused:
            # The verifier says it again below, in its own order of steps.
            pass
        audience = Audience(
            self._identity.organization, self._identity.project, self._identity.environment, cohort
        )
        self._verifier = Verifier(self._trust, audience)
        self._pointer = self._verifier.accept_pointer(envelope, now=self._now)
        self.digest, self.sequence = self._pointer.digest, self._pointer.sequence

    @property
    def log_tiles(self) -> tuple[Tile, ...]:
        """The tiles that `accept_log` needs to see that the log only grew; none when it is the one seen before."""
        return self._accepted()[0].log_tiles

    def accept_log(self, tiles: Mapping[Tile, bytes]) -> None:
        """The log of the accepted pointer, shown by these tiles to extend the one seen before."""
        verifier, _ = self._accepted()
        verifier.accept_log(tiles)
        self._trust = verifier.state

    @property
    def log(self) -> SeenLog | None:
        """The newest checkpoint that was believed, this one included once it was accepted."""
        seen = self._trust.log
        return None if seen is None else SeenLog(seen.epoch, seen.checkpoint)

    @property
    def blob_length(self) -> int:
        """Bytes of the blob that the accepted pointer names."""
        return self._accepted()[1].blob_length

    def accept_blob(self, blob: bytes) -> None:
        """The compressed bundle."""
        self._files = self._accepted()[0].accept_blob(blob)

    def accept_statement(self, envelope: bytes) -> None:
        """The statement about the bundle; with it everything is verified."""
        self._accepted()[0].accept_statement(envelope)

    @property
    def weight(self) -> int:
        """What the accepted pointer gives this node to get."""
        return self._accepted()[1].weight

    def trust(self) -> Trust:
        """What to remember once the pointer's bundle runs."""
        _, pointer = self._accepted()
        confirmed = self._trust.confirmed(pointer)
        return Trust(
            epoch=confirmed.epoch,
            sequence=confirmed.sequence,
            digest=confirmed.digest,
            cohort=confirmed.cohort,
            issued=iso(confirmed.issued or pointer.issued),
            expires=iso(pointer.expires),
        )

    def verified(self, etag: str, at: str) -> Verified:
        """The bundle, ready to be activated but for its secrets. Raises `Refused` as `rendering.plan` does."""
        _, pointer = self._accepted()
        active = describe_active(
            self._files,
            self._identity.environment,
            digest=pointer.digest,
            etag=etag,
            cohort=pointer.cohort,
            at=at,
        )
        return Verified(
            trust=self.trust(),
            active=active,
            files=self._files,
            needs=needs_of(self._files, self._identity.environment),
            weight=pointer.weight,
        )

    def _accepted(self) -> tuple[Verifier, Pointer]:
        if self._verifier is None or self._pointer is None:
            raise RuntimeError("the pointer is accepted before anything that follows from it")
        return self._verifier, self._pointer


def needs_of(files: Mapping[str, bytes], own: str) -> Versions:
    """The oldest proxy and agent that may run a bundle in the environment `own`."""
    found = environment_of(decode_manifest(files[MANIFEST]), own)
    return Versions(found.proxy_version, found.agent_version)


def describe_active(
    files: Mapping[str, bytes], own: str, *, digest: str, etag: str, cohort: str, at: str
) -> Active:
    """What to remember of a bundle with these verified files once it runs in the environment `own`.

    Raises `Refused` as `rendering.plan` does.
    """
    needed = plan(files, own)
    environment = environment_of(decode_manifest(files[MANIFEST]), own)
    return Active(
        digest=digest,
        config_id=environment.config_id,
        restart_key=environment.restart_key,
        etag=etag,
        cohort=cohort,
        activated_at=at,
        rendering=needed.rendering,
        inputs=needed.inputs,
        secrets=needed.secrets,
    )
