"""A scenario being played: nodes that report, a control plane that looks, people and disasters by the timeline."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping
from datetime import datetime

from reconciler.config.durations import canonical
from reconciler.config.kdl import KdlValue
from reconciler.errors import Stalled
from reconciler.release import paths
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts, TrunkCommit
from reconciler.release.state import EnvironmentState
from reconciler.simulator.virtual.control import (
    AUTHOR,
    LATENCY,
    MILLISECOND,
    ControlPlane,
    Died,
    LostRace,
    digest_of,
)
from reconciler.simulator.virtual.environment import CHANGED_BY_HAND, Commit, Environment
from reconciler.simulator.virtual.happenings import KINDS
from reconciler.simulator.virtual.invariants import Invariants
from reconciler.simulator.virtual.loop import Loop
from reconciler.simulator.virtual.nodes import NEVER, Node
from reconciler.simulator.virtual.resting import is_due, thaws_for, waits_for_nodes
from reconciler.simulator.virtual.saved import Saved
from reconciler.simulator.virtual.scenario import Bundle, Group, Happening, Scenario
from reconciler.simulator.virtual.temperaments import TEMPERAMENTS

GONE = 2**61
"""Nodes that are down until then do not come back."""

SWEEP = 15_000
"""Milliseconds between two sweeps, which find every environment that is due or whose branch has moved."""

FOR_EVER = 2**62

LEAP = 600_000
"""Milliseconds of nothing but reports that are not played one by one."""

REST = 3
"""So many sweeps without any commit or change of a node, after the trouble, are rest."""

PATIENCE = 1_200_000
"""Milliseconds without any commit or change of a node, yet without rest, after which a play does not come to rest."""

MOST_COMMITS = 5000
"""After the trouble: whoever makes more goes in circles."""

MOST_LOOKS = 500
"""At one moment: whoever asks for more asks to be looked at again at once, for ever."""

FULL_EVERY = 1000
"""After so many events every invariant is checked from scratch."""


class World:
    """One play of a scenario. `run` plays it to its end; what breaks an invariant raises `Broken`."""

    def __init__(self, scenario: Scenario, invariants: Invariants | None = None) -> None:
        self.scenario = scenario
        self._starts = scenario.starts
        self.loop = Loop()
        self.invariants = invariants or Invariants()
        self.bundles: dict[str, Bundle] = {digest_of(bundle.name): bundle for bundle in scenario.bundles}
        policies = {policy.name: policy for policy in scenario.policies}
        self.environments = {name: Environment(name, policy, []) for name, policy in policies.items()}
        self.nodes: list[Node] = []
        self.control = ControlPlane(
            scenario,
            self.environments,
            effect=self._effect,
            race=self._race,
            notice=self._notice,
            decided=self._decided,
            bundles=self.bundles,
        )
        self.codes: set[str] = set()
        self.former_release: dict[str, bytes | None] = {}
        self.racing: set[str] = set()
        self.dies_in = 0
        self.down_for = 0
        self.down_until = 0
        self.no_nudges_until = 0
        self.nudges = 0
        self.changed_at = 0
        self.looks = 0
        self.looked_at = NEVER
        self.history: list[Commit] = []
        for group in scenario.groups:
            if group.environment not in self.environments:
                raise Stalled(
                    "E-SIM-003",
                    f"the scenario has nodes of '{group.environment}', which is no environment of it",
                    cure=f"Use one of {', '.join(self.environments)}",
                )
            if group.temperament not in TEMPERAMENTS:
                raise Stalled(
                    "E-SIM-003",
                    f"the scenario has no temperament '{group.temperament}'",
                    cure=f"Use one of {', '.join(TEMPERAMENTS)}",
                )
            for _ in range(group.count):
                self._join(group)
        for happening in scenario.timeline:
            if happening.kind not in KINDS:
                raise Stalled(
                    "E-SIM-003",
                    f"the scenario's timeline has '{happening.kind}', which is nothing that can happen",
                    cure=f"Use one of {', '.join(KINDS)}",
                )
        self.timeline = deque(sorted(scenario.timeline, key=lambda happening: happening.at))
        self.loop.at(0, self._sweep)

    @property
    def now(self) -> datetime:
        """The present moment of virtual time, in UTC."""
        return self.scenario.moment(self.loop.now)

    def run(self) -> None:
        """Play the trouble, then wait for rest. Raises `Broken` when an invariant does not hold.

        Where nothing but the calendar is waited for, time leaps to what comes next.
        """
        while self.loop.now < self.scenario.lasts:
            self._go_on(min(self.loop.now + SWEEP, self.scenario.lasts))
            self._skip(self._at_rest_until(self.scenario.lasts))
        self._go_on(self.loop.now)
        self._end_of_trouble()
        commits = len(self.history)
        while True:
            self._let_go()
            self._go_on(self.loop.now + SWEEP)
            busy = len(self.history) - commits > MOST_COMMITS
            if busy or self.loop.now - self.changed_at > PATIENCE:
                self.invariants.no_rest(self)
            until = self._at_rest_until(None)
            if until == FOR_EVER:
                break
            self._skip(until)
        self.invariants.check_fully(self)
        self.invariants.check_end(self)

    def environment(self, what: Mapping[str, KdlValue]) -> Environment:
        """The environment that a happening names. KeyError when it names none."""
        return self.environments[str(what["environment"])]

    def push(self, bundle: str) -> None:
        """A new commit of trunk compiles to this bundle; every environment is nudged."""
        number = len(self.control.trunk)
        sha = hashlib.sha1(f"{bundle}{number}".encode(), usedforsecurity=False).hexdigest()
        self.control.trunk.append(
            TrunkCommit(sha, digest_of(bundle), f"Change {bundle}", f"Ada <{AUTHOR}>", self.now)
        )
        for environment in self.environments.values():
            self.nudge(environment)

    def edit(self, environment: str, path: str, content: bytes | None) -> None:
        """Somebody's commit on an environment branch, and the webhook that tells of it."""
        found = self.environments[environment]
        if path == paths.RELEASE:
            self.former_release[environment] = found.head.get(path)
        found.edit(path, content)
        found.commits.append(Commit(self.loop.now, environment, f"Edit {path}", CHANGED_BY_HAND))
        self.history.append(found.commits[-1])
        self.nudge(found)

    def register(self, environment: str, count: int) -> None:
        """New nodes, of the kind that the environment has already."""
        kinds = [group for group in self.scenario.groups if group.environment == environment]
        for _ in range(count):
            self._join(kinds[0] if kinds else Group(environment, 1))

    def nudge(self, environment: Environment) -> None:
        """Have an environment looked at soon. A nudge may be lost: the sweep finds what it was about."""
        if self.loop.now >= self.no_nudges_until:
            self.loop.at(self.loop.now + LATENCY, self._nudged, (environment, self.nudges))

    def forget_nudges(self) -> None:
        """The queue is emptied."""
        self.nudges += 1

    def fail_over(self, lag: int) -> None:
        """From now on for `lag` milliseconds everything that is written is written in vain."""
        saved = Saved.of(self.environments.values(), self.nodes)
        self.loop.at(self.loop.now + lag, self._restore, saved)

    def _restore(self, saved: Saved) -> None:
        saved.restore(self.environments.values(), self.nodes)
        for environment in self.environments.values():
            self.invariants.set_back(environment)

    def _join(self, group: Group) -> None:
        node = Node(f"n-{len(self.nodes):05d}", group, self.now)
        self.nodes.append(node)
        self.environments[group.environment].nodes.append(node)
        offset = int.from_bytes(hashlib.sha256(node.id.encode()).digest()[:4]) % node.every
        self.loop.at(self.loop.now + offset, self._poll, node)

    def _poll(self, node: Node) -> None:
        """One round of a node: fetch, change or refuse, report."""
        loop = self.loop
        now = loop.now
        if now < node.down_until or now < node.unreachable_until:
            if node.down_until < GONE:
                loop.again(node.every, self._poll, node)
            return
        environment = self.environments[node.environment]
        if node.settled is environment.published:
            node.reported_at = self._starts + now * MILLISECOND
            loop.again(node.every, self._poll, node)
            return
        answer = environment.answer(node)
        if answer is not None and (answer[0] != node.seen or answer[1] != node.told):
            before = node.seen
            node.take(*answer, self.bundles.get(answer[1]), now)
            self.invariants.told(self, environment, node, before, answer)
        if node.changes_at != NEVER and node.changes_at <= now:
            node.work(self.bundles.get(node.changes_to), now)
            if node.truthful:
                self.changed_at = now
        node.report(self._starts + now * MILLISECOND)
        node.settled = environment.published if node.is_settled(answer) else None
        loop.again(node.every, self._poll, node)

    def _happen(self, happening: Happening) -> None:
        self.changed_at = self.loop.now
        try:
            KINDS[happening.kind](self, happening.what)
        except (KeyError, ValueError) as error:
            raise Stalled(
                "E-SIM-002",
                f"'{happening.kind}' at {canonical(happening.at)} of the scenario's timeline cannot happen: "
                f"there is no {error}",
                cure="docs/simulation.md says what each happening takes",
            ) from None

    def _sweep(self, _: None) -> None:
        """What the schedule does: look at what is due, and at each branch that is not where it was seen last."""
        now = self.loop.now
        if now >= self.down_until:
            for environment in self.environments.values():
                if self._wants_a_look(environment) or is_due(environment, now):
                    self._look(environment)
        self.loop.at(now + SWEEP, self._sweep)

    def _wants_a_look(self, environment: Environment) -> bool:
        """Whether its branch, or trunk, is not where it was seen last."""
        seen = (environment.row, environment.trunk) == (environment.version, len(self.control.trunk))
        return not seen or environment.last is None

    def _nudged(self, what: tuple[Environment, int]) -> None:
        environment, nudges = what
        if nudges == self.nudges and self.loop.now >= self.down_until:
            self._look(environment)

    def _dispatched(self, what: tuple[Environment, int, int]) -> None:
        environment, due_at, nudges = what
        current = environment.due_at == due_at and nudges == self.nudges
        if current and self.down_until <= self.loop.now >= self.no_nudges_until:
            self._look(environment)

    def _look(self, environment: Environment) -> None:
        self.looks = self.looks + 1 if self.looked_at == self.loop.now else 0
        self.looked_at = self.loop.now
        if self.looks > MOST_LOOKS:
            self.invariants.no_rest(self)
        try:
            self.control.look(environment, self.loop.now)
        except Died:
            self.down_until = self.loop.now + self.down_for
            return
        except LostRace:
            self.nudge(environment)
            return
        if environment.due_at is not None:
            self.loop.at(environment.due_at, self._dispatched, (environment, environment.due_at, self.nudges))

    def _effect(self, name: str, environment: Environment) -> None:
        if self.dies_in:
            self.dies_in -= 1
            if not self.dies_in:
                raise Died(name)

    def _race(self, environment: Environment) -> None:
        if environment.name in self.racing:
            self.racing.discard(environment.name)
            path = paths.hold_path("fast")
            self.edit(environment.name, path, None if path in environment.head else b'hold "I was faster"\n')

    def _notice(
        self,
        environment: Environment,
        state: EnvironmentState,
        facts: Facts,
        decision: Decision,
        commit: Commit,
    ) -> None:
        self.history.append(commit)
        self.changed_at = self.loop.now
        if commit.event == "rollout.completed":
            for follower in self.environments.values():
                if follower.policy is not None and environment.name in follower.policy.after:
                    self.nudge(follower)
        self.invariants.committed(self, environment, state, facts, decision, commit)

    def _decided(
        self, environment: Environment, state: EnvironmentState, facts: Facts, decision: Decision, now: int
    ) -> None:
        self.codes |= {reason.code for reason in decision.waiting}
        self.invariants.decided(self, environment, state, facts, decision)

    def _check(self) -> None:
        self.invariants.check_fully(self)

    def _end_of_trouble(self) -> None:
        """Everything that was away comes back; nobody holds anything that a failed rollout does not hold itself."""
        self.dies_in = 0
        self.down_until = min(self.down_until, self.loop.now)
        self.no_nudges_until = 0
        self.racing.clear()
        for environment in self.environments.values():
            environment.balancer.stuck_until = self.loop.now
            environment.put_back()
        self.changed_at = self.loop.now
        for node in self.nodes:
            if node.down_until < GONE:
                node.down_until = min(node.down_until, self.loop.now)
                node.unreachable_until = min(node.unreachable_until, self.loop.now)

    def _go_on(self, until: int) -> None:
        while self.timeline and self.timeline[0].at <= until:
            happening = self.timeline.popleft()
            self.loop.at(happening.at, self._happen, happening)
        self.loop.run(until, FULL_EVERY, self._check)

    def _let_go(self) -> None:
        """After the trouble somebody says go to each step that asks for it: else it would be asked for, for ever."""
        for environment in self.environments.values():
            rollout, plan = environment.ledger.open_rollout, environment.ledger.plan
            if rollout is None or rollout.active is None or rollout.state != "open" or plan is None:
                continue
            asks = any(gate.kind == "manual" for gate in plan.rules.gates)
            said = environment.state().files.go(rollout, rollout.active)
            if asks and (said is None or not said.is_for(rollout, rollout.active)):
                KINDS["go"](self, {"environment": environment.name})

    def _at_rest_until(self, end: int | None) -> int:
        """The moment up to which nothing happens but reports; the present one when something is under way.

        `end` is when the trouble ends, None when it has; then nothing may ever happen again: `FOR_EVER`.
        """
        now = self.loop.now
        if now - self.changed_at < REST * SWEEP:
            return now
        if any(self._wants_a_look(environment) for environment in self.environments.values()):
            return now
        # What waits for nodes alone looks again and again; after the trouble nobody registers or labels any.
        looking = [e for e in self.environments.values() if end is not None or not waits_for_nodes(e)]
        patient = end is None and now - self.changed_at > PATIENCE // 2
        due = [at for e in looking if (at := self._next_look(e, patient)) is not None]
        if self.timeline:
            due.append(self.timeline[0].at)
        if end is not None:
            due.append(end)
        return min(due, default=FOR_EVER)

    def _next_look(self, environment: Environment, patient: bool) -> int | None:
        thaws = thaws_for(environment, self.now) if patient else None
        return environment.due_at if thaws is None else (thaws - self.scenario.starts) // MILLISECOND

    def _skip(self, until: int) -> None:
        if until - self.loop.now > LEAP:
            self._leap(until - SWEEP - self.loop.now)

    def _leap(self, length: int) -> None:
        """Let time pass in which nodes report what they reported last and nothing else happens."""
        self.loop.leap(length)
        self.changed_at += length
        for node in self.nodes:
            if node.reported_at is not None:
                node.reported_at += length * MILLISECOND
