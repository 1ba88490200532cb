"""One bundle held against every numbered check, for people: which passed, which failed, which were left out and why.

The checks themselves are the verifier's. What is found out here is never acted on by a node.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from reconciler.bundle import checklist
from reconciler.bundle.checklist import CHECKS, Check, failed_check
from reconciler.bundle.dsse import read_envelope
from reconciler.bundle.fields import instant
from reconciler.bundle.limits import LIMITS, Limits
from reconciler.bundle.manifest import MANIFEST, Manifest, decode_manifest, environment_of
from reconciler.bundle.pointer import Pointer
from reconciler.bundle.root import Root, decode_root
from reconciler.bundle.statement import Statement
from reconciler.bundle.verify import Audience, TrustState, Verifier, first_state
from reconciler.errors import Refused

WITHOUT_POINTER = frozenset(
    {
        checklist.POINTER_SIGNATURE,
        checklist.AUDIENCE,
        checklist.SEQUENCE,
        checklist.NOT_EXPIRED,
        checklist.LOG,
    }
)


class Outcome(Enum):
    """How a check ended. `unreached`: an earlier one failed."""

    passed = "pass"
    failed = "FAIL"
    unreached = "not reached"
    skipped = "skipped"


@dataclass(frozen=True, slots=True)
class Offered:
    """Bytes as they were found. `roots` are a chain in any order: the one of the lowest version is trusted because of
    where it came from. Without `pointer` there is no `audience`, and the statement takes the pointer's place.
    """

    roots: tuple[bytes, ...]
    blob: bytes = field(repr=False)
    statement: bytes = field(repr=False)
    pointer: bytes | None = field(default=None, repr=False)
    audience: Audience | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How one check ended. `words` are the refusal's sentence or why it was left out; `code` is set when it failed."""

    check: Check
    outcome: Outcome
    words: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found. `first` is the SHA-256 of the file of the first root, in hex; `root` the newest believed one; the
    others are set as far as they were accepted.

    `unchecked` are sentences about what no check here can say.
    """

    results: tuple[Result, ...]
    unchecked: tuple[str, ...]
    first: str = ""
    root: Root | None = None
    pointer: Pointer | None = None
    statement: Statement | None = None
    manifest: Manifest | None = None

    @property
    def good(self) -> bool:
        """Whether every check passed that was not left out on purpose. Nothing that failed or is unreached does."""
        return all(result.outcome in (Outcome.passed, Outcome.skipped) for result in self.results)


def examine(offered: Offered, *, now: datetime, limits: Limits = LIMITS) -> Examination:
    """Apply the checks in their order until one fails. Raises nothing: whatever goes wrong is a failed check."""
    walk = _Walk(offered, now, limits)
    refusal: Refused | None = None
    try:
        walk.run()
    except Refused as error:
        refusal = error
    except Exception as error:  # noqa: BLE001 - an exception that nobody foresaw must never read as success
        refusal = Refused(
            "E-VER-099", f"the verifier met something unforeseen ({type(error).__name__}) and refuses"
        )
    return Examination(
        _results(walk.begun, refusal, with_pointer=offered.pointer is not None),
        tuple(_unchecked(walk)),
        hashlib.sha256(walk.first).hexdigest() if walk.first else "",
        walk.root,
        walk.pointer,
        walk.statement,
        walk.manifest,
    )


class _Walk:
    """The driver of a verifier; what was accepted stays in its fields when something is refused later."""

    def __init__(self, offered: Offered, now: datetime, limits: Limits) -> None:
        self.offered, self.now, self.limits = offered, now, limits
        self.first: bytes = b""
        self.root: Root | None = None
        self.pointer: Pointer | None = None
        self.statement: Statement | None = None
        self.manifest: Manifest | None = None
        self._verifier: Verifier | None = None

    @property
    def begun(self) -> list[int]:
        """The numbers of the checks that were begun, the last one being under way."""
        return [
            checklist.SIZE_CAPS,
            checklist.ROOT_CHAIN,
            *(self._verifier.begun if self._verifier is not None else ()),
        ]

    def run(self) -> None:
        offered, limits = self.offered, self.limits
        # Everything is at hand, so every cap is looked at first; the verifier looks again as it goes.
        caps = (
            *(("the root", root, limits.root) for root in offered.roots),
            ("the pointer", offered.pointer or b"", limits.pointer),
            ("the statement", offered.statement, limits.statement),
            ("the blob", offered.blob, limits.blob),
        )
        for what, data, limit in caps:
            if len(data) > limit:
                raise Refused("E-VER-001", f"{what} has more than the {limit} bytes that are read")
        if not offered.roots:
            raise Refused("E-VER-002", "there is no root to begin with")
        claimed = sorted((self._claimed(envelope).version, envelope) for envelope in offered.roots)
        self.first = claimed[0][1]
        verifier = self._verifier = Verifier(self._begin(), offered.audience or _NOBODY, limits)
        for _, envelope in claimed[1:]:
            self.root = verifier.accept_root(envelope, now=self.now)
        if offered.pointer is None:
            self.statement = verifier.accept_stated(offered.statement)
            self._unpack(verifier)
            return
        self.pointer = verifier.accept_pointer(offered.pointer, now=self.now)
        self._unpack(verifier)
        self.statement = verifier.accept_statement(offered.statement)

    def _begin(self) -> TrustState:
        audience = self.offered.audience
        organization = audience.organization if audience else self._claimed(self.first).organization
        state = first_state(self.first, organization, limits=self.limits)
        self.root = state.root
        return state

    def _claimed(self, envelope: bytes) -> Root:
        """What a root says of itself, unverified."""
        return decode_root(read_envelope(envelope, "the root", limit=self.limits.root).payload)

    def _unpack(self, verifier: Verifier) -> None:
        files = verifier.accept_blob(self.offered.blob)
        self.manifest = decode_manifest(files[MANIFEST])
        if self.offered.audience is not None:
            environment_of(self.manifest, self.offered.audience.environment)


_NOBODY = Audience("", "", "", "")


def _results(begun: list[int], refusal: Refused | None, *, with_pointer: bool) -> tuple[Result, ...]:
    failed = failed_check(refusal.code, begun[-1]) if refusal is not None else 0
    passed = set(begun[:-1] if refusal is not None else begun)
    results = []
    for check in CHECKS:
        if check.number == failed and refusal is not None:
            results.append(Result(check, Outcome.failed, refusal.message, refusal.code))
        elif check.number in passed:
            results.append(Result(check, Outcome.passed))
        elif check.number in WITHOUT_POINTER and not with_pointer:
            results.append(Result(check, Outcome.skipped, "no pointer was given"))
        else:
            results.append(Result(check, Outcome.unreached))
    return tuple(results)


def _unchecked(walk: _Walk) -> list[str]:
    found = [
        "Whether the first root is the organization's: compare its SHA-256 with what another source says"
    ]
    if walk.offered.pointer is None:
        expiry = ""
        if walk.root is not None:
            past = walk.now >= walk.root.expires
            expiry = f"; root {walk.root.version} {'expired' if past else 'expires'} at {instant(walk.root.expires)}"
        found.append(
            f"Who should run this bundle, and whether it is still wanted: no pointer was given{expiry}"
        )
    else:
        found.append(
            "Whether a newer pointer or another log was seen before: nothing is remembered between two calls"
        )
    found += [
        "Whether the named commit compiles to this bundle: `sentinelctl reproduce` rebuilds it",
        "Whether the proxy accepts the configuration: a node asks its own proxy before it switches",
    ]
    return found
