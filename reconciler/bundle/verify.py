"""Every rule by which a node believes what it fetched, in the order in which they are applied. No I/O, no clock.

The driver fetches bytes and hands them in; each method returns what it accepted or raises `Refused`. The numbers are
those of `checklist.CHECKS`, which has the rule and the codes of each.

    1   Size caps
    2   Root chain
    3   Pointer signature
    4   Audience
    5   Sequence
    6   Not expired
    7   Log
    8   Length and digest of the blob
    9   Bounded unpack
    10  Digest of the tar
    11  Statement

Bytes are verified first and parsed after. What is not the JSON that we write is E-VER-013, other fields than expected
are E-VER-014, and whatever goes wrong that nobody thought of is E-VER-099: a refusal too, never a pass. What follows
(the proxy's own test, the switch, health) is the driver's, which then keeps `TrustState.confirmed`. An auditor who has
no pointer begins with the statement instead (`accept_stated`), which leaves 3 to 7 out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

from reconciler.bundle import archive, checklist, pointer, statement
from reconciler.bundle.checkpoint import Checkpoint, open_checkpoint
from reconciler.bundle.dsse import Envelope, check_signatures, read_envelope
from reconciler.bundle.fields import instant
from reconciler.bundle.limits import LIMITS, Limits
from reconciler.bundle.logged import Seen, check_extends, check_included, compare, tiles_between
from reconciler.bundle.manifest import check_files
from reconciler.bundle.pointer import Pointer, decode_pointer
from reconciler.bundle.root import Root, check_root, decode_root, read_first_root
from reconciler.bundle.statement import Statement, decode_statement
from reconciler.bundle.tiles import Tile
from reconciler.errors import Refused

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Audience:
    """Who asks. `cohort` is the one that its last authenticated answer named."""

    organization: str
    project: str
    environment: str
    cohort: str


@dataclass(frozen=True, slots=True)
class TrustState:
    """What a node knows from before: the newest root it believed and the last pointer whose bundle it activated.

    `epoch` and `sequence` are 0, `digest` and `cohort` empty and `issued` None before the first activation. `log` is
    the newest checkpoint it believed, None before the first.
    """

    root: Root
    epoch: int = 0
    sequence: int = 0
    digest: str = ""
    cohort: str = ""
    issued: datetime | None = None
    log: Seen | None = None

    def confirmed(self, accepted: Pointer) -> TrustState:
        """The state to keep, durably, once the pointer's bundle runs and is healthy, or runs already."""
        floor = self.floor(accepted.epoch)
        issued = accepted.issued if floor is None else max(floor, accepted.issued)
        return replace(
            self,
            epoch=accepted.epoch,
            sequence=accepted.sequence,
            digest=accepted.digest,
            cohort=accepted.cohort,
            issued=issued,
        )

    def floor(self, epoch: int) -> datetime | None:
        """The time that it is at least, by the pointers of that epoch. A new epoch begins without one: otherwise a
        stolen pointer key could date a fleet into a year in which everything else has expired, for good.
        """
        return self.issued if epoch == self.epoch else None

    def with_root(self, root: Root) -> TrustState:
        """The state to keep once a newer root was accepted."""
        return replace(self, root=root)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The bytes that a signed document (`by`) promises: `digest` and `length` of the tar, the others of the blob."""

    by: str
    digest: str
    length: int
    blob_sha256: str
    blob_length: int


def _refusing(method: Callable[Concatenate[Verifier, P], T]) -> Callable[Concatenate[Verifier, P], T]:
    """Turn whatever a method did not foresee into a refusal. `Misuse` of the verifier stays what it is."""

    def guarded(self: Verifier, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except (Refused, Misuse):
            raise
        except Exception as error:  # noqa: BLE001 - an exception that nobody foresaw must never read as success
            raise _unforeseen(error) from None

    guarded.__name__, guarded.__doc__ = method.__name__, method.__doc__
    return guarded


def _unforeseen(error: Exception) -> Refused:
    return Refused("E-VER-099", f"the verifier met something unforeseen ({type(error).__name__}) and refuses")


class Misuse(RuntimeError):
    """The verifier was called in another order than its steps."""


class Verifier:
    """One look at what is offered: roots first, then the pointer and its log, its blob, its statement.

    `state` moves only when a root or a log is accepted; the driver keeps it. After a refusal
    nothing goes on but another try of the same step, such as a blob from another source;
    `begun` has the numbers of the checks in the order in which they were begun, the last one being under way.
    """

    def __init__(self, state: TrustState, audience: Audience, limits: Limits = LIMITS) -> None:
        self.state = state
        self._audience = audience
        self._limits = limits
        self.begun: list[int] = []
        self._roots = 0
        self._pointer: Pointer | None = None
        self._wanted: Wanted | None = None
        self._growth: tuple[Checkpoint, Checkpoint] | None = None
        self._blob_accepted = False

    @_refusing
    def accept_root(self, envelope: bytes, *, now: datetime) -> Root:
        """Steps 1 and 2, for the version after the one that is believed. `now` is not looked at: only the last root
        of a walk has to be unexpired, which step 6 checks.
        """
        if self._wanted is not None:
            raise Misuse("roots are accepted before the pointer")
        instant(now)
        # Size cap, then root chain: threshold of the old root, then of the new one.
        read = self._read(checklist.ROOT_CHAIN, envelope, "the root", self._limits.root)
        old = self.state.root
        check_root(read, old)
        new = decode_root(read.payload)
        check_root(read, new)
        if new.version != old.version + 1:
            raise Refused("E-VER-002", f"the root has version {new.version}, expected {old.version + 1}")
        if new.organization != old.organization:
            raise Refused(
                "E-VER-002", f"the root is of organization '{new.organization}', not '{old.organization}'"
            )
        if new.epoch < old.epoch:
            raise Refused("E-VER-002", f"the root lowers the epoch from {old.epoch} to {new.epoch}")
        self._roots += 1
        if self._roots > self._limits.root_steps:
            raise Refused("E-VER-002", f"the root chain has more than {self._limits.root_steps} steps")
        self.state = self.state.with_root(new)
        return new

    @_refusing
    def accept_pointer(self, envelope: bytes, *, now: datetime) -> Pointer:
        """Steps 1 and 3 to 7, and the cap of the blob it names. `now` is the node's clock, aware.

        When the log has grown since it was seen last, `accept_log` comes before anything else, with `log_tiles`.
        """
        self._forget()
        root, audience = self.state.root, self._audience
        # Size cap, then signature.
        read = self._read(checklist.POINTER_SIGNATURE, envelope, "the pointer", self._limits.pointer)
        self._check_role(read, "pointer", "pointer", pointer.PAYLOAD_TYPE, "E-VER-003")
        offered = decode_pointer(read.payload)
        self.begun.append(checklist.AUDIENCE)
        for name in ("organization", "project", "environment", "cohort"):
            said, asked = getattr(offered, name), getattr(audience, name)
            if said != asked:
                raise Refused(
                    "E-VER-004", f"the pointer is for the {name} '{said}', and this node is of '{asked}'"
                )
        if root.organization != audience.organization:
            raise Refused(
                "E-VER-004",
                f"the root is of '{root.organization}', and this node is of '{audience.organization}'",
            )
        self.begun.append(checklist.SEQUENCE)
        self._check_sequence(offered)
        self.begun.append(checklist.NOT_EXPIRED)
        floor = self.state.floor(root.epoch)
        latest = now if floor is None else max(now, floor)
        if latest >= root.expires:
            raise Refused("E-VER-008", f"root {root.version} expired at {instant(root.expires)}")
        if latest >= offered.expires:
            raise Refused(
                "E-VER-008", f"the pointer expired at {instant(offered.expires)}, it is {instant(latest)}"
            )
        # Signed, has this pointer as an entry, and is no older and no other than the one seen before.
        self.begun.append(checklist.LOG)
        checkpoint = open_checkpoint(offered.log.checkpoint, root)
        check_included(offered.leaf, offered.log, checkpoint)
        known = compare(self.state.log, offered.epoch, checkpoint)
        self._want(
            Wanted("pointer", offered.digest, offered.length, offered.blob_sha256, offered.blob_length)
        )
        self._pointer = offered
        if known is None:
            self._believe_log(offered)
        else:
            self._growth = (known, checkpoint)
        return offered

    @property
    def log_tiles(self) -> tuple[Tile, ...]:
        """The tiles that `accept_log` wants; none when the accepted pointer's log is the one seen before."""
        return () if self._growth is None else tiles_between(*self._growth)

    @_refusing
    def accept_log(self, tiles: Mapping[Tile, bytes]) -> None:
        """The end of step 7: tiles, whoever served them, show that the log only grew."""
        if self._pointer is None:
            raise Misuse("the pointer is accepted before its log")
        if self._growth is not None:
            check_extends(*self._growth, tiles)
            self._believe_log(self._pointer)

    @_refusing
    def accept_stated(self, envelope: bytes) -> Statement:
        """Steps 1 and 11 without a pointer, for somebody who asks what a bundle is and not who should run it.

        `accept_blob` then holds the blob against the statement; nothing may be activated after it.
        """
        self._forget()
        stated = self._statement(envelope)
        root = self.state.root
        if stated.organization != root.organization:
            raise Refused(
                "E-VER-012", f"the statement is of '{stated.organization}', the root of '{root.organization}'"
            )
        self._want(
            Wanted("statement", stated.digest, stated.tar_length, stated.blob_sha256, stated.blob_length)
        )
        return stated

    @_refusing
    def accept_blob(self, blob: bytes) -> archive.Files:
        """Steps 8 to 10: the bundle's files, name to content, `manifest.json` included."""
        wanted = self._wanted
        if wanted is None:
            raise Misuse("the pointer is accepted before its bundle")
        if self._growth is not None:
            raise Misuse("the log is accepted before the bundle")
        self.begun.append(checklist.BLOB)
        if len(blob) != wanted.blob_length:
            raise Refused("E-VER-009", f"the blob has {len(blob)} bytes, expected {wanted.blob_length}")
        if not _same(hashlib.sha256(blob).hexdigest(), wanted.blob_sha256):
            raise Refused("E-VER-009", f"the blob has another digest than its {wanted.by} names")
        self.begun.append(checklist.UNPACK)
        try:
            tar = archive.decompress(blob, limits=self._limits, length=wanted.length)
        except Refused as error:
            raise Refused("E-VER-010", f"the blob cannot be unpacked: {error}") from None
        if len(tar) != wanted.length:
            raise Refused("E-VER-010", f"the blob unpacks to {len(tar)} bytes, expected {wanted.length}")
        # The digest, then the form and the manifest.
        self.begun.append(checklist.TAR)
        if not _same(archive.digest_of(tar), wanted.digest):
            raise Refused("E-VER-011", f"the tar has another digest than its {wanted.by} names")
        try:
            files = archive.read_tar(tar, limits=self._limits)
            check_files(files)
        except Refused as error:
            raise Refused("E-VER-011", f"the bundle is not one of ours: {error}") from None
        self._blob_accepted = True
        return files

    @_refusing
    def accept_statement(self, envelope: bytes) -> Statement:
        """Steps 1 and 11. After it, the bundle may be activated."""
        if self._pointer is None:
            raise Misuse("the pointer is accepted before its statement")
        if not self._blob_accepted:
            raise Misuse("the blob is accepted before its statement")
        stated = self._statement(envelope)
        check_subject(stated, self._pointer)
        return stated

    def _forget(self) -> None:
        self._pointer, self._wanted, self._growth, self._blob_accepted = None, None, None, False

    def _believe_log(self, accepted: Pointer) -> None:
        self._growth = None
        self.state = replace(self.state, log=Seen(accepted.epoch, accepted.log.checkpoint))

    def _statement(self, envelope: bytes) -> Statement:
        # Size cap, then signature.
        read = self._read(checklist.STATEMENT, envelope, "the statement", self._limits.statement)
        self._check_role(read, "statement", "bundle", statement.PAYLOAD_TYPE, "E-VER-012")
        return decode_statement(read.payload)

    def _read(self, check: int, envelope: bytes, what: str, limit: int) -> Envelope:
        self.begun += (checklist.SIZE_CAPS, check)
        return read_envelope(envelope, what, limit=limit)

    def _want(self, wanted: Wanted) -> None:
        """Caps of what a signed document promises, before anybody fetches it."""
        if wanted.blob_length > self._limits.blob or wanted.length > self._limits.tar:
            raise Refused(
                "E-VER-001",
                f"the bundle has {wanted.blob_length} bytes, {wanted.length} unpacked; "
                f"at most {self._limits.blob} and {self._limits.tar} are accepted",
            )
        self._wanted = wanted

    def _check_role(self, envelope: Envelope, what: str, role: str, payload_type: str, code: str) -> None:
        root = self.state.root
        keys, threshold = root.keys_of(role), root.roles[role].threshold
        check_signatures(envelope, payload_type, keys, threshold, what=f"the {what}", code=code)

    def _check_sequence(self, offered: Pointer) -> None:
        state = self.state
        if offered.epoch != state.root.epoch:
            raise Refused(
                "E-VER-005", f"the pointer is of epoch {offered.epoch}, the root of {state.root.epoch}"
            )
        if (offered.epoch, offered.sequence) < (state.epoch, state.sequence):
            raise Refused(
                "E-VER-005",
                f"the pointer has epoch {offered.epoch} and sequence {offered.sequence}, "
                f"lower than the {state.epoch} and {state.sequence} seen before",
            )
        seen = state.sequence if offered.epoch == state.epoch else 0
        if offered.sequence > seen + self._limits.sequence_jump:
            raise Refused("E-VER-006", f"the pointer jumps from sequence {seen} to {offered.sequence}")
        equal = (offered.epoch, offered.sequence) == (state.epoch, state.sequence)
        if equal and offered.cohort == state.cohort and offered.digest != state.digest:
            raise Refused(
                "E-VER-007",
                f"two pointers of sequence {offered.sequence} for cohort '{offered.cohort}' name different bundles: "
                f"{state.digest[:19]} and {offered.digest[:19]}",
            )


def first_state(envelope: bytes, organization: str, *, limits: Limits = LIMITS) -> TrustState:
    """The state of a node that was just registered and was given `envelope` as its first root.

    Raises `Refused` when that is not a root of this organization, signed by the threshold of its own root keys.
    """
    try:
        return TrustState(read_first_root(envelope, organization, limit=limits.root))
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - as in `_refusing`
        raise _unforeseen(error) from None


def check_subject(stated: Statement, wanted: Pointer) -> None:
    """Return when a statement is about the very bundle that a pointer names. Raises `Refused` (E-VER-012)."""
    pairs = (
        ("organization", stated.organization, wanted.organization),
        ("project", stated.project, wanted.project),
        ("digest", stated.digest, wanted.digest),
        ("length", stated.tar_length, wanted.length),
        ("blob's digest", stated.blob_sha256, wanted.blob_sha256),
        ("blob's length", stated.blob_length, wanted.blob_length),
    )
    for name, said, expected in pairs:
        if said != expected:
            raise Refused("E-VER-012", f"the statement's {name} is {said}, the pointer's {expected}")


def _same(got: str, expected: str) -> bool:
    return hmac.compare_digest(got.encode(), expected.encode())
