"""One environment of virtual time: its branch in memory, and what nodes are answered from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.cohorts import EVERYBODY, Assignment, cohort_of
from reconciler.release import paths
from reconciler.release.actions import Action
from reconciler.release.assignment import Offer, assignment_of, offers
from reconciler.release.branch import parse_branch
from reconciler.release.decision import Decision
from reconciler.release.state import EnvironmentState, Ledger
from reconciler.simulator.virtual.balancer import Balancer
from reconciler.simulator.virtual.nodes import Node

if TYPE_CHECKING:
    from reconciler.simulator.virtual.telling import Told

REMEMBERED = 6
"""So many earlier states of a branch can be pushed over it."""

CHANGED_BY_HAND = "changed-by-hand"
"""The event of a commit that is not ours."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of an environment branch. `action` None: somebody else's."""

    at: int
    environment: str
    subject: str
    event: str
    because: str = ""
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What nodes are answered from: digest and weight by cohort, the sequence, and what cohorts depend on."""

    sequence: int = 0
    offers: Mapping[str, Offer] = field(default_factory=dict)
    assignment: Assignment = EVERYBODY


NOTHING = Published()


@dataclass(slots=True)
class Environment:
    """One environment. `head` is its branch, `ours` the ledger at our newest commit, `row` what the database knows."""

    name: str
    policy: EnvironmentPolicy | None
    nodes: list[Node]
    head: dict[str, bytes] = field(default_factory=dict)
    ours: dict[str, bytes] = field(default_factory=dict)
    version: int = 0
    row: int = -1
    trunk: int = 0
    published: Published = NOTHING
    answers: int = 0
    due_at: int | None = 0
    last: Decision | None = None
    opened: list[str] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    parsed: tuple[int, EnvironmentState] | None = None
    cohorts: dict[str, str] = field(default_factory=dict)
    signed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By the path of an approval, whose signature its commit carries."""
    promoter: str = ""
    balancer: Balancer = field(default_factory=Balancer)
    said: dict[tuple[str, int], datetime] = field(default_factory=dict)
    """When somebody said go last, by the rollout and the step that was under way."""
    former: list[dict[str, bytes]] = field(default_factory=list)
    """What the branch was before its last commits, the oldest first."""
    rewritten: dict[str, bytes] | None = None
    """What the branch was when somebody rewrote it; None while it goes on from what was seen last."""
    told: tuple[Told, ...] = ()
    """What the invariants worked out last, the newest first."""

    def state(self) -> EnvironmentState:
        """The branch as the release engine reads it; read again only when it changed."""
        if self.parsed is None or self.parsed[0] != self.version:
            wishes = {path: content for path, content in self.head.items() if path not in paths.LEDGER}
            tampered = tuple(path for path in paths.LEDGER if self.head.get(path) != self.ours.get(path))
            files = parse_branch({**wishes, **self.ours})
            self.parsed = (self.version, EnvironmentState(self.name, files, tampered))
        return self.parsed[1]

    @property
    def ledger(self) -> Ledger:
        return self.state().files.ledger or Ledger()

    def edit(self, path: str, content: bytes | None) -> None:
        """Somebody else's commit."""
        self.remember()
        if content is None:
            self.head.pop(path, None)
        else:
            self.head[path] = content
        self.version += 1

    def remember(self) -> None:
        """Keep what the branch is, before a commit."""
        if self.rewritten is None:
            self.former = [*self.former[1 - REMEMBERED :], dict(self.head)]

    def rewrite(self, back: int) -> None:
        """Somebody pushes a branch over this one that is as it was so many commits ago; with more of them than are
        remembered they delete it."""
        if self.rewritten is None:
            self.rewritten = dict(self.head)
        self.head = dict(self.former[-back]) if 0 < back <= len(self.former) else {}
        self.version += 1

    def put_back(self) -> None:
        """Somebody pushes back what was there before it was rewritten."""
        if self.rewritten is not None:
            self.head, self.rewritten = self.rewritten, None
            self.version += 1

    def publish(self, published: Published) -> None:
        """Answer nodes from this from now on."""
        self.published = published
        self.answers += 1
        self.cohorts.clear()

    def answer(self, node: Node) -> tuple[int, str, int] | None:
        """Sequence, digest and weight that the node API would tell a node now; None when there is nothing for it."""
        published = self.published
        cohort = self.cohorts.get(node.id)
        if cohort is None:
            cohort = cohort_of(node.id, node.labels, node.registered_at, published.assignment)
            self.cohorts[node.id] = cohort
        offer = published.offers.get(cohort)
        return None if offer is None else (published.sequence, offer.digest, offer.weight)


def published_of(ledger: Ledger) -> Published:
    """What nodes are told while the ledger stands like this."""
    return Published(ledger.sequence, offers(ledger), assignment_of(ledger))
