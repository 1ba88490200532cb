"""An environment as its branch tells it: wishes of people, and our own ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from reconciler.config.gates import GateSpec
from reconciler.fleet.domains import Reaches
from reconciler.release.ballot import Ballot, Proposal
from reconciler.release.pins import Pin, Standing
from reconciler.release.swap import Returning, Serving, Swap, Weights

PARTIAL = "partial"
OPEN_STATES = ("open", "paused", PARTIAL)
ENDED_STATES = ("completed", "rolled-back", "superseded", "cancelled", "widened")
STEP_STATES = ("waiting", "active", "done", "failed")
HISTORY_LIMIT = 50

NO_COUNTS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something waits or was refused: a stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Release:
    """The wish `release.kdl`. `commit`, `why` and `by` are what its author wrote, or empty.

    `not_before` is the earliest moment at which its rollout may open, or None. `hotfix` is the label under which a
    freeze window may let it through, or "". `only` is the canonical text of the selector of the nodes that it is for,
    or "" for all of them.
    """

    digest: str
    commit: str = ""
    why: str = ""
    by: str = ""
    not_before: datetime | None = None
    hotfix: str = ""
    only: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """The wish `holds/<name>.kdl`. From `until` on it does not hold any more; None: until its file is deleted."""

    name: str
    reason: str
    owner: str = ""
    until: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Whether it holds at that moment."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The wish `quarantine/<12 hex>.kdl`. `digest` may be only `sha256:` and 12 digits when the file is unreadable."""

    digest: str
    why: str = ""

    def covers(self, digest: str) -> bool:
        """Whether `digest` may not ship because of this."""
        return bool(self.digest) and digest.startswith(self.digest)


@dataclass(frozen=True, slots=True)
class Go:
    """The wish `gates/<rollout>-<step>.kdl`: a person lets a step that has a manual gate pass.

    It is for one try of the step: the one that moves nodes to `digest` under `sequence`. A step that is resumed, after
    a failure or a pause, has another sequence.
    """

    rollout: str
    step: int
    digest: str
    sequence: int
    by: str = ""
    why: str = ""

    def is_for(self, rollout: Rollout, step: Progress) -> bool:
        """Whether it was said of the try of the step that is under way."""
        return (self.rollout, self.step, self.digest, self.sequence) == (
            rollout.name,
            step.number,
            rollout.digest,
            step.sequence,
        )


@dataclass(frozen=True, slots=True)
class Malformed:
    """A file of the branch that cannot be read, and the sentence that says where and why."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Promoted:
    """The trunk commit that automatic promotion took last, and the digest it compiled to."""

    commit: str
    digest: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What of the policy a rollout keeps for its whole life, copied into its plan when it opens."""

    strategy: str
    max_unavailable: int
    on_failure: str
    min_healthy_seconds: int
    progress_deadline_seconds: int
    stale_after_seconds: int
    gates: tuple[GateSpec, ...] = ()
    spread: str = ""
    """The label that tells failure domains apart, or ""."""

    @property
    def deadline_seconds(self) -> int:
        """How long a step may take until what waits has failed. What a step lasts at least is given on top."""
        soak = sum(gate.number("seconds") for gate in self.gates if gate.kind == "soak")
        return self.progress_deadline_seconds + soak


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """`nodes` is how many were known when the plan was made.

    `reaches` are by failure domain the highest rank that is moved when the step begins. It takes at least `lasts`
    seconds, which do not count against its deadline. `weights` are those of the slots from then on, None without any.
    """

    number: int
    nodes: int
    reaches: Reaches
    lasts: int = 0
    weights: Weights | None = None


@dataclass(frozen=True, slots=True)
class Only:
    """The target of a plan: the selector as it was wished, and what it meant when the plan was made, without groups."""

    wished: str
    meant: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The nodes that a rollout had moved when another one of the same digest took over from it.

    `rollout` is its name, `meant` its target without groups ("" for all nodes), `opened_at` when it had opened. The
    others say how far it had come, as in its plan.
    """

    rollout: str
    meant: str
    opened_at: datetime
    reaches: Reaches
    spread: str = ""
    apart: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """`plan.kdl`: written once for each rollout. At least one step. All know the same domains, no reach falls, and the
    last step reaches everything. `only` None: it is for all nodes."""

    rollout: str
    digest: str
    rules: Rules
    steps: tuple[PlannedStep, ...]
    hash: str = ""
    """Of the terms that it was made under, as people approved them."""
    approved: tuple[str, ...] = ()
    """The people whose approval counted when it opened."""
    only: Only | None = None
    already: tuple[Moved, ...] = ()
    apart: tuple[Standing, ...] = ()
    """The pins that stood when it opened."""
    swap: Swap | None = None
    """What is swapped, for a blue-green release: each of its steps has weights."""

    @property
    def wished(self) -> str:
        """The selector as it was wished, "" for all nodes."""
        return "" if self.only is None else self.only.wished


@dataclass(frozen=True, slots=True)
class Judgement:
    """A gate's verdict as it is kept: `verdict` is `pass`, `wait` or `fail`. `evidence` is what it was made from."""

    gate: str
    verdict: str
    because: str
    evidence: Mapping[str, int] = field(default_factory=lambda: NO_COUNTS)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one step is. `since` is when it began or was resumed, `sequence` what pointers said from then on."""

    number: int
    state: str = "waiting"
    since: datetime | None = None
    ended: datetime | None = None
    sequence: int = 0
    counts: Mapping[str, int] = field(default_factory=lambda: NO_COUNTS)
    verdicts: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout. `previous` is the digest to go back to, or "" for the first one of an environment.

    `state` is one of `OPEN_STATES` or `ENDED_STATES`. `paused_at` is set only while paused. `widens` is the name of the
    rollout of the same digest, for other nodes, that it took over from, or "".
    """

    name: str
    state: str
    digest: str
    previous: str
    commit: str
    opened_at: datetime
    because: str
    steps: tuple[Progress, ...]
    paused_at: datetime | None = None
    ended_at: datetime | None = None
    widens: str = ""
    returning: Returning | None = None
    """Set while the traffic of a blue-green rollout goes back, after which it ends."""

    @property
    def is_open(self) -> bool:
        """Whether it still decides what nodes run: open, paused, or at its end for the nodes of its target alone."""
        return self.state in OPEN_STATES

    @property
    def is_partial(self) -> bool:
        """Whether it has ended for its target, and still decides what the nodes of it run."""
        return self.state == PARTIAL

    @property
    def active(self) -> Progress | None:
        """The step that was begun last and has not passed; None before the first and after the end."""
        return next((step for step in self.steps if step.state in ("active", "failed")), None)


@dataclass(frozen=True, slots=True)
class Completed:
    """A rollout that brought its digest to every node."""

    digest: str
    commit: str
    rollout: str
    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Ledger:
    """`rollout.kdl` and `plan.kdl`. `history` holds completed rollouts, the newest first: its head is what is live.

    `pins` are those that stand, by name: of two that mean the same node the first one counts.
    `reissued` is when the pointer was issued again because nodes drifted, the newest first, as far back as it matters.
    """

    sequence: int = 0
    rollout: Rollout | None = None
    plan: Plan | None = None
    history: tuple[Completed, ...] = ()
    pins: tuple[Standing, ...] = ()
    reissued: tuple[datetime, ...] = ()
    serving: Serving | None = None
    """Which slot has the traffic, since the first blue-green rollout opened; None: every node has its full weight."""

    @property
    def live(self) -> str:
        """Digest of the last completed rollout, or ""."""
        return self.history[0].digest if self.history else ""

    @property
    def open_rollout(self) -> Rollout | None:
        return self.rollout if self.rollout is not None and self.rollout.is_open else None


@dataclass(frozen=True, slots=True)
class BranchFiles:
    """Everything the branch says. `ledger` None: we have not written one. `malformed` files count as not obeyed."""

    release: Release | None = None
    holds: tuple[Hold, ...] = ()
    quarantine: tuple[Quarantine, ...] = ()
    promoted: Promoted | None = None
    ledger: Ledger | None = None
    malformed: tuple[Malformed, ...] = ()
    ballots: tuple[Ballot, ...] = ()
    proposal: Proposal | None = None
    goes: tuple[Go, ...] = ()
    pins: tuple[Pin, ...] = ()

    def go(self, rollout: Rollout, step: Progress) -> Go | None:
        """The word of a person on this step of a rollout, or None. It may be on another try of it: see `is_for`."""
        return next(
            (found for found in self.goes if (found.rollout, found.step) == (rollout.name, step.number)), None
        )


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """One environment at one moment of its branch.

    `files` are the wishes as they stand at the head and the ledger as it stands at our own newest commit. `tampered`
    are ledger paths whose bytes at the head are not ours: our next commit restores them. `inherited`: our own newest
    commit was signed by a commit key that was replaced since.
    """

    name: str
    files: BranchFiles
    tampered: tuple[str, ...] = ()
    inherited: bool = False

    def at(self, now: datetime) -> EnvironmentState:
        """The same without the holds and pins that have run out by then."""
        files = self.files
        holds = tuple(hold for hold in files.holds if hold.stands(now))
        pins = tuple(pin for pin in files.pins if pin.stands(now))
        if (holds, pins) == (files.holds, files.pins):
            return self
        return replace(self, files=replace(files, holds=holds, pins=pins))

    def quarantined(self, digest: str) -> Quarantine | None:
        """The wish that forbids `digest`, or None."""
        return next((found for found in self.files.quarantine if found.covers(digest)), None)

    def holds_except(self, rollout: str) -> tuple[Hold, ...]:
        """The holds, without the one that a failed rollout of that name wrote for itself."""
        return tuple(hold for hold in self.files.holds if hold.name != rollout)
