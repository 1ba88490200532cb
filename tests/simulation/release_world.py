"""A seeded world around `decide`: a fleet with faults, people with wishes, and a branch, in virtual time."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.batches import count_batches, eligible_ranks, left_out
from reconciler.fleet.cohorts import cohort_of
from reconciler.fleet.observations import Observation
from reconciler.release import paths
from reconciler.release.actions import OpenRollout as Opening
from reconciler.release.apply import Material, apply, wanted_config
from reconciler.release.assignment import assignment_of, offers, opening
from reconciler.release.branch import parse_branch
from reconciler.release.decide import Decision, decide
from reconciler.release.facts import Facts, TrunkCommit, step_windows
from reconciler.release.pins import Pin, render_pin
from reconciler.release.render import render_hold, render_quarantine, render_release
from reconciler.release.state import EnvironmentState, Hold, Ledger, Quarantine, Release

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def digest_of(number: int) -> str:
    return "sha256:" + hashlib.sha256(str(number).encode()).hexdigest()


def sha_of(number: int) -> str:
    return hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Machine:
    """A node with a temperament. `broken` are digests it is unhealthy with, `refuses` those it will not activate."""

    observation: Observation
    every: int
    offset: int
    down_until: datetime = START
    broken: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    seen: int = 0

    def poll(self, pointer: tuple[int, str] | None, now: datetime) -> None:
        """Fetch, activate or refuse, and report."""
        node = self.observation
        if pointer is not None:
            sequence, digest = pointer
            assert sequence >= self.seen, "a node was offered a lower sequence"
            self.seen = sequence
            if digest in self.refuses and digest != node.running:
                node = replace(
                    node, refused=digest, refused_sequence=sequence, refused_because="E-VER-099 no"
                )
            elif digest != node.running:
                node = replace(node, running=digest, running_since=now, refused="", refused_sequence=0)
        health = "unhealthy" if node.running in self.broken else "healthy" if node.running else "unknown"
        if health != node.health:
            node = replace(node, health=health, health_since=now)
        self.observation = replace(node, reported_at=now)


@dataclass(slots=True)
class World:
    """One environment. `files` is its branch, `commits` the actions that were taken."""

    seed: int
    policy: EnvironmentPolicy
    machines: list[Machine]
    now: datetime = START
    files: dict[str, bytes] = field(default_factory=dict)
    ours: dict[str, bytes] = field(default_factory=dict)
    trunk: list[TrunkCommit] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    commits: list[str] = field(default_factory=list)
    last: Decision | None = None
    opened: list[str] = field(default_factory=list)
    parsed: tuple[object, EnvironmentState] | None = None

    def state(self) -> EnvironmentState:
        key = (*self.files.items(), *self.ours.items())
        if self.parsed is None or self.parsed[0] != key:
            self.parsed = (key, self.parse())
        return self.parsed[1]

    def parse(self) -> EnvironmentState:
        wishes = {path: content for path, content in self.files.items() if path not in paths.LEDGER}
        tampered = tuple(path for path in paths.LEDGER if self.files.get(path) != self.ours.get(path))
        return EnvironmentState("prod", parse_branch({**wishes, **self.ours}), tampered)

    @property
    def ledger(self) -> Ledger:
        return self.state().files.ledger or Ledger()

    def nodes(self) -> list[Observation]:
        return [machine.observation for machine in self.machines]

    def facts(self, state: EnvironmentState) -> Facts:
        ledger = state.files.ledger or Ledger()
        rollout, plan = ledger.open_rollout, ledger.plan
        assignment = assignment_of(ledger)
        batches = ()
        if rollout is not None and plan is not None:
            batches = count_batches(
                assignment,
                rollout.digest,
                step_windows(ledger),
                self.nodes(),
                now=self.now,
                stale_after_seconds=plan.rules.stale_after_seconds,
                min_healthy_seconds=plan.rules.min_healthy_seconds,
            )
        taken = state.files.promoted
        shas = [commit.sha for commit in self.trunk]
        since = shas.index(taken.commit) + 1 if taken is not None and taken.commit in shas else 0
        return Facts(
            trunk=tuple(reversed(self.trunk[since:])),
            bundles={commit.digest: True for commit in self.trunk},
            batches=batches,
            ranks=eligible_ranks(opening(state, self.policy, self.now), self.nodes()),
            left_out=left_out(assignment, self.nodes()),
        )

    def reconcile(self) -> None:
        """Decide and commit until nothing is left to do, as the flow does."""
        for _ in range(6):
            state = self.state()
            facts = self.facts(state)
            assert Facts.from_json(facts.to_json()) == facts
            decision = decide(state, self.policy, facts, now=self.now)
            assert decide(state, self.policy, facts, now=self.now) == decision
            self.last = decision
            if not decision.actions:
                return
            (action,) = decision.actions
            before = state.files.ledger or Ledger()
            if isinstance(action, Opening):
                assert state.quarantined(action.plan.digest) is None, "a quarantined digest was opened"
                assert action.plan.rollout not in self.opened, "a rollout's name was used twice"
                self.opened.append(action.plan.rollout)
            config = wanted_config(action, state)
            rendered = f"config of {config}\n".encode() if config else None
            material = Material(rendered, self.ours)
            edit = apply(action, state, because=decision.because, now=self.now, material=material)
            self.commits.append(edit.event)
            for path, content in edit.files.items():
                for files in (self.files, self.ours):
                    if content is None:
                        files.pop(path, None)
                    else:
                        files[path] = content
            self.ours = {path: self.ours[path] for path in paths.LEDGER if path in self.ours}
            after = self.state()
            assert [bad for bad in after.files.malformed if bad.path in paths.LEDGER] == []
            assert after.tampered == ()
            self.check_growth(before, after.files.ledger or Ledger())
            if edit.event == "rollout.advanced":
                self.check_available(before)
            if edit.event in ("rollout.opened", "rollout.advanced"):
                self.check_domains(before, after.files.ledger or Ledger())
        raise AssertionError(f"six commits and no end: {self.commits[-6:]}")

    def check_growth(self, before: Ledger, after: Ledger) -> None:
        assert after.sequence >= before.sequence
        if self.desired_of(before) != self.desired_of(after):
            assert after.sequence > before.sequence, "what nodes should run changed under the same sequence"

    def check_domains(self, before: Ledger, after: Ledger) -> None:
        """A batch takes no more of a failure domain than its share, one node at the least."""
        key = after.plan.rules.spread if after.plan is not None else ""
        if not key:
            return
        opened = after.rollout.opened_at if after.rollout is not None else self.now
        was, will = self.desired_of(before), self.desired_of(after)
        apart, pinned = self.apart(after), self.pinned(after)
        domains: dict[str, list[bool]] = {}
        for node in self.nodes():
            if node.registered_at <= opened and node.id not in apart:
                moved = was[node.id] != will[node.id] and not pinned[node.id]
                domains.setdefault(node.labels.get(key, ""), []).append(moved)
        for domain, moves in domains.items():
            most = max(1, len(moves) * self.policy.spread_percent // 100)
            assert sum(moves) <= most, f"{sum(moves)} of {len(moves)} nodes of '{domain}' were moved at once"

    def check_available(self, before: Ledger) -> None:
        """When a batch begins, of the nodes moved until then no more are unwell than allowed."""
        assert before.plan is not None
        desired, pinned = self.desired_of(before), self.pinned(before)
        unwell = [
            node
            for node in self.nodes()
            if desired[node.id] == before.plan.digest != before.live
            and not pinned[node.id]
            and node.reported_at is not None
            and node.reported_at >= self.now - timedelta(seconds=4)
            and (node.running != before.plan.digest or node.health != "healthy")
        ]
        assert len(unwell) <= before.plan.rules.max_unavailable, "a batch began while too many were unwell"

    def desired_of(self, ledger: Ledger) -> dict[str, str]:
        """What each node should run, "" for nothing."""
        assignment = assignment_of(ledger)
        found = {}
        for node in self.nodes():
            cohort = cohort_of(node.id, node.labels, node.registered_at, assignment)
            found[node.id] = offers(ledger).get(cohort, "")
        return found

    def pinned(self, ledger: Ledger) -> dict[str, bool]:
        """Which nodes a pin keeps."""
        assignment = assignment_of(ledger)
        return {node.id: assignment.pin_of(node.id, node.labels) is not None for node in self.nodes()}

    def apart(self, ledger: Ledger) -> set[str]:
        """The nodes that the open rollout leaves alone, because a pin kept them when it opened."""
        rollout = assignment_of(ledger).rollout
        apart = rollout.apart if rollout is not None else ()
        return {node.id for node in self.nodes() if any(pin.keeps(node.id, node.labels) for pin in apart)}

    def pin(self, name: str, digest: str, nodes: str, until: datetime | None) -> None:
        self.files[paths.pin_path(name)] = render_pin(Pin(name, digest, nodes, (), "me", "by hand", until))

    def unpin(self) -> None:
        for path in [path for path in self.files if path.startswith("pins/")]:
            del self.files[path]

    def tick(self, chance: random.Random, seconds: int = 1) -> None:
        """Let time pass: nodes poll, and the environment is looked at when its last decision asked for it."""
        self.now += timedelta(seconds=seconds)
        ledger = self.ledger
        desired = self.desired_of(ledger)
        second = int((self.now - START).total_seconds())
        for machine in self.machines:
            if self.now < machine.down_until or second % machine.every != machine.offset:
                continue
            digest = desired[machine.observation.id]
            machine.poll((ledger.sequence, digest) if digest else None, self.now)
        look = self.last.look_again_at if self.last is not None else None
        if look is not None and look <= self.now:
            self.reconcile()
        self.check_share()

    def check_share(self) -> None:
        """No node runs a rollout's digest that the plan has not reached yet."""
        ledger = self.ledger
        rollout, plan = ledger.open_rollout, ledger.plan
        if rollout is None or plan is None:
            return
        allowed = sum(
            step.nodes
            for step, done in zip(plan.steps, rollout.steps, strict=True)
            if done.state != "waiting"
        )
        before = assignment_of(ledger).rollout
        allowed += sum(
            before is not None and before.has(node.labels, node.registered_at) for node in self.nodes()
        )
        apart, pinned = self.apart(ledger), self.pinned(ledger)
        moved = [
            name
            for name, digest in self.desired_of(ledger).items()
            if digest == rollout.digest != ledger.live and name not in apart and not pinned[name]
        ]
        assert len(moved) <= allowed, "more nodes were moved than the plan allows"

    def push(self, number: int) -> str:
        digest = digest_of(number)
        self.trunk.append(
            TrunkCommit(sha_of(len(self.trunk) + 1000), digest, f"change {number}", "A <a@example.com>")
        )
        return digest

    def wish(self, digest: str, only: str = "") -> None:
        self.files[paths.RELEASE] = render_release(Release(digest, why="by hand", only=only))

    def widen(self) -> None:
        wish = self.state().files.release
        if wish is not None:
            self.files[paths.RELEASE] = render_release(replace(wish, only=""))

    def hold(self, name: str) -> None:
        self.files[paths.hold_path(name)] = render_hold(Hold(name, "wait for me", "me"))

    def release_holds(self) -> None:
        for path in [path for path in self.files if path.startswith("holds/")]:
            del self.files[path]

    def quarantine(self, digest: str) -> None:
        self.files[paths.quarantine_path(digest)] = render_quarantine(Quarantine(digest, "by hand"))


def make_world(seed: int) -> tuple[World, random.Random]:
    """A world of 1 to 50 nodes with faults of their own."""
    chance = random.Random(seed)
    strategy = chance.choice(["rolling", "rolling", "canary", "all-at-once"])
    rolling = strategy == "rolling"
    by_size = chance.random() < 0.5
    domains = chance.choice([0, 0, 2, 5])
    policy = EnvironmentPolicy(
        name="prod",
        after=(),
        proxy_version="1.0",
        strategy=strategy,
        batch_percent=chance.choice([1, 10, 25, 50, 100]) if rolling and not by_size else None,
        batch_size=chance.choice([1, 2, 5, 60]) if rolling and by_size else None,
        max_unavailable=chance.choice([0, 0, 1, 3]),
        promote="automatic",
        on_failure=chance.choice(["pause", "rollback"]),
        min_healthy_seconds=chance.choice([0, 3, 10]),
        progress_deadline_seconds=chance.choice([20, 60]),
        stale_after_seconds=10,
        canary_shares=chance.choice([(5, 25, 50), (30,)]) if strategy == "canary" else (),
        bake_seconds=chance.choice([0, 15]) if strategy == "canary" else 0,
        spread_label="region" if domains else "",
        spread_percent=chance.choice([20, 50]) if domains else 100,
    )
    machines = []
    for number in range(chance.randint(1, 50)):
        every = chance.choice([1, 1, 2, 4])
        machines.append(
            Machine(
                Observation(
                    f"n-{number:03d}",
                    f"node-{number}",
                    START - timedelta(hours=1),
                    labels={"zone": f"z{number % 2}"}
                    | ({"region": f"r{chance.randrange(domains)}"} if domains and number else {}),
                ),
                every,
                chance.randrange(every),
                down_until=START + timedelta(days=1) if chance.random() < 0.03 else START,
                refuses=frozenset({digest_of(7)}) if chance.random() < 0.05 else frozenset(),
                broken=frozenset({digest_of(8)}) if chance.random() < 0.3 else frozenset({digest_of(9)}),
            )
        )
    return World(seed, policy, machines), chance
