"""What must hold in every play, as a numbered list; a play that breaks one says its number.

1.  The sequence of a ledger never falls, and rises whenever what some node should run changes.
2.  A rollout opens only with a digest that was built, is not quarantined, and has completed in every environment
    before, none of which quarantines it (or has completed here); never while somebody else's hold or a freeze stands.
    Its name was never used.
3.  One release per intent: the same digest does not open again unless somebody, or trunk, wished it again.
4.  Never are more nodes told to change than the begun steps of the plan allow.
5.  A batch begins only while at most the allowed number of moved, reachable nodes is unwell.
6.  A ledger that we wrote can be read, and is at once what stands on the branch.
7.  The facts of a commit survive being kept, and give the same decision again.
8.  Who does nothing says why, unless what is wished is live.
9.  A node is offered a lower sequence only after the database was set back, and never follows it.
10. At rest every reachable, truthful node runs what it is told, unless it refuses that or breaks with it.
11. At rest no rollout is under way: it ended, or says what it waits for, and is paused, partial, or open only because
    its digest is wished for other nodes.
12. No node runs what no rollout of its environment ever brought.
13. Everything comes to rest.
14. After a rollback nobody is told to run what failed any more, and the branch does not wish for it.
15. Where approvals are asked for, a rollout opens only with those of so many people, proved to be theirs, for its very
    plan, and none of them promoted or wrote what it brings.
16. No step moves more of a failure domain than its share, or one node where that is less.
17. Nodes outside a rollout's target are not told to change.
18. A step with a manual gate passes only after somebody said go in its present try.
19. Nobody goes back because the digest that a rollout brings is wished for other nodes.
20. Where slots serve, never are the weights of both 0.
21. The next step of a blue-green rollout moves no node of a slot that the balancer gives requests to.
22. While a blue-green release gets requests, its rollout ends only after they were sent back.
23. At rest every node that runs what it is told publishes the weight that it is told.
24. No commit of ours tells a node to change to what is quarantined, but for a node that comes back to a paused rollout
    which has no earlier digest to go back to.
25. A step with an error-rate gate passes only while what it moved fails no more often than the gate allows.
26. What a train takes was there when one left.
27. While a branch is rewritten its nodes are told nothing new, and nothing is decided of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.fleet.selecting import read_selector
from reconciler.fleet.selectors import matches
from reconciler.release.actions import (
    AdvanceStep,
    ChangePins,
    Complete,
    OpenRollout,
    Promote,
    RollBack,
    Supersede,
)
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts
from reconciler.release.freeze import frozen
from reconciler.release.paths import LEDGER, short
from reconciler.release.state import EnvironmentState, Ledger
from reconciler.simulator.virtual.control import AUTHOR
from reconciler.simulator.virtual.environment import (
    CHANGED_BY_HAND,
    Commit,
    Environment,
    published_of,
)
from reconciler.simulator.virtual.nodes import Node, chosen
from reconciler.simulator.virtual.release_faults import (
    go_fault,
    intent_of,
    quarantine_fault,
    traffic_gate_fault,
    train_fault,
)
from reconciler.simulator.virtual.slot_faults import ending_fault, traffic_fault, weights_fault
from reconciler.simulator.virtual.telling import offered_by, pinned, told_by

if TYPE_CHECKING:
    from reconciler.simulator.virtual.world import World


class Broken(AssertionError):
    """An invariant does not hold."""

    def __init__(self, number: int, at: int, words: str) -> None:
        super().__init__(f"invariant {number} at {at} ms: {words}")
        self.number = number


class Invariants:
    """Checks of one play. What has to be remembered between events is kept here, apart from what is checked."""

    def __init__(self) -> None:
        self.checks = 0
        self._behind: set[str] = set()
        self._opened: dict[str, set[str]] = {}
        self._last: dict[str, tuple[str, int]] = {}
        self._taken: dict[str, set[str]] = {}
        self._members: dict[str, tuple[str, dict[str, int]]] = {}

    def set_back(self, environment: Environment) -> None:
        """The database of an environment is older than its branch until the next look."""
        self._behind.add(environment.name)

    def decided(
        self,
        world: World,
        environment: Environment,
        state: EnvironmentState,
        facts: Facts,
        decision: Decision,
    ) -> None:
        """After every decision."""
        self._behind.discard(environment.name)
        if not decision.actions and not decision.waiting and environment.policy is not None:
            wish, ledger = state.files.release, state.files.ledger or Ledger()
            settled = wish is not None and wish.digest == ledger.live and ledger.open_rollout is None
            self._require(8, world, settled, f"{environment.name} stands still and says nothing")

    def committed(
        self,
        world: World,
        environment: Environment,
        state: EnvironmentState,
        facts: Facts,
        decision: Decision,
        commit: Commit,
    ) -> None:
        """After every commit of ours. `state` is that of before."""
        kept = Facts.from_json(facts.to_json())
        self._require(7, world, kept == facts, f"facts of {environment.name} are not kept")
        again = decide(state, environment.policy, kept, now=world.now)
        self._require(7, world, again == decision, f"{environment.name} was decided twice, differently")
        before, now_state = state.files.ledger or Ledger(), environment.state()
        damaged = [found.path for found in now_state.files.malformed if found.path in LEDGER]
        self._require(6, world, not damaged, f"{damaged} of {environment.name} cannot be read")
        self._require(6, world, now_state.tampered == (), f"{now_state.tampered} are not what we wrote")
        after = now_state.files.ledger or Ledger()
        self._require(1, world, after.sequence >= before.sequence, f"{commit.subject}: the sequence fell")
        if offered_by(published_of(before), environment) != offered_by(published_of(after), environment):
            self._require(
                1,
                world,
                after.sequence > before.sequence,
                f"{commit.subject}: nodes change, the sequence not",
            )
        action = commit.action
        if isinstance(action, OpenRollout):
            self._opening(world, environment, state, action)
            self._approved(world, environment, state, action)
            self._keeping(world, environment, before, after)
        if isinstance(action, OpenRollout | AdvanceStep):
            self._moving(world, environment, before, after)
        if isinstance(action, ChangePins):
            for standing in action.pins:
                forbidden = state.quarantined(standing.pin.digest) is not None
                self._require(2, world, not forbidden, f"{commit.subject}: to what is quarantined")
                self._opened.setdefault(environment.name, set()).add(standing.pin.digest)
        if isinstance(action, Promote):
            taken = self._taken.setdefault(environment.name, set())
            intent = intent_of(action, environment, world)
            self._require(3, world, intent not in taken, f"{action.release.commit[:7]} promoted twice")
            taken.add(intent)
            self._holds(26, world, train_fault(action, environment, world))
            last = state.files.promoted
            news = last is None or not facts.trunk or any(c.digest != last.digest for c in facts.trunk)
            self._require(3, world, news, f"{action.release.commit[:7]} changes nothing and is promoted")
        if isinstance(action, RollBack) and before.open_rollout is not None:
            failed, wish = before.open_rollout.digest, now_state.files.release
            # A pin on what failed ends by the next commit, because of the quarantine that this one places.
            told, apart = told_by(published_of(after), environment), pinned(published_of(after), environment)
            gone = failed not in {told[node.id] for node in environment.nodes if node.id not in apart}
            self._require(14, world, gone, f"{commit.subject}: nodes are told {short(failed)}")
            wished = wish is not None and wish.digest == failed
            self._require(14, world, not wished, f"{commit.subject}: {short(failed)} is still wished")
        self._holds(20, world, weights_fault(published_of(after).offers))
        if isinstance(action, RollBack | Supersede):
            self._holds(22, world, ending_fault(before, published_of(before).offers))
        if isinstance(action, AdvanceStep):
            self._advancing(world, environment, before)
            moves = (told_by(published_of(before), environment), told_by(published_of(after), environment))
            self._holds(21, world, traffic_fault(before, environment.nodes, moves, world.now, world.loop.now))
        if isinstance(action, AdvanceStep | Complete):
            self._holds(18, world, go_fault(before, environment))
            self._holds(25, world, traffic_gate_fault(before, environment, world.bundles, world.now))
        was, will = told_by(published_of(before), environment), told_by(published_of(after), environment)
        self._holds(24, world, quarantine_fault(state, was, will))
        self._require(27, world, environment.rewritten is None, f"{commit.subject}: the branch is rewritten")

    def told(
        self, world: World, environment: Environment, node: Node, before: int, answer: tuple[int, str, int]
    ) -> None:
        """After a node was offered something new."""
        sequence, digest, _ = answer
        if node.temperament.restores or sequence >= before:
            return
        behind = environment.name in self._behind or environment.row != environment.version
        self._require(9, world, behind, f"{node.name} was offered {sequence} after {before}")
        self._require(9, world, node.told != digest or node.seen == before, f"{node.name} followed it")

    def check_fully(self, world: World) -> None:
        """Everything that can be checked of this moment, from scratch."""
        self.checks += 1
        for environment in world.environments.values():
            opened = self._opened.setdefault(environment.name, set())
            for node in environment.nodes:
                if node.runs and node.runs not in opened:
                    raise Broken(12, world.loop.now, f"{node.name} runs {short(node.runs)}")
            self._share(world, environment)
            self._holds(20, world, weights_fault(environment.published.offers))

    def check_end(self, world: World) -> None:
        """What holds at rest."""
        for environment in world.environments.values():
            ledger = environment.ledger
            rollout = ledger.open_rollout
            decision = environment.last
            if rollout is not None:
                wish, plan = environment.state().files.release, ledger.plan
                elsewhere = wish is not None and plan is not None and wish.only != plan.wished
                waits = decision is not None and bool(decision.waiting)
                waits = waits and (rollout.state in ("paused", "partial") or elsewhere)
                self._require(11, world, waits, f"{rollout.name} of {environment.name} is {rollout.state}")
            offered = offered_by(published_of(ledger), environment)
            told = told_by(published_of(ledger), environment)
            self._require(
                10, world, environment.published == published_of(ledger), "nodes are told something else"
            )
            for node in environment.nodes:
                digest = told[node.id]
                if not digest or not node.truthful or node.down_until > world.loop.now:
                    continue
                bundle = world.bundles.get(digest)
                refuses = bundle is not None and chosen(node.id, bundle.name, "refuses", bundle.refused)
                self._require(
                    10, world, refuses or node.runs == digest, f"{node.name} does not run {short(digest)}"
                )
                weight = offered[node.id].weight
                self._require(
                    23,
                    world,
                    refuses or node.weight == weight,
                    f"{node.name} publishes {node.weight}, not {weight}",
                )

    def no_rest(self, world: World) -> None:
        """Raise `Broken` for a play that does not come to rest."""
        last = "; ".join(f"{commit.environment}: {commit.subject}" for commit in world.history[-4:])
        raise Broken(13, world.loop.now, f"still busy; the last commits: {last}")

    def _opening(
        self, world: World, environment: Environment, state: EnvironmentState, action: OpenRollout
    ) -> None:
        digest, name, policy = action.plan.digest, action.plan.rollout, environment.policy
        where = f"{name} of {environment.name}"
        self._require(2, world, policy is not None, f"{where} opens without a policy")
        if policy is None:
            return
        built = {commit.digest for commit in world.control.trunk}
        self._require(2, world, digest in built, f"{where} brings what was never built")
        forbidden = [found for found in state.files.quarantine if found.covers(digest)]
        self._require(2, world, not forbidden, f"{where} brings what is quarantined")
        self._require(2, world, name not in environment.opened, f"{where} was there before")
        environment.opened.append(name)
        ledger = state.files.ledger or Ledger()
        here = any(entry.digest == digest for entry in ledger.history)
        for before in policy.after:
            done = world.environments[before].ledger.history
            self._require(2, world, here or any(e.digest == digest for e in done), f"{where} skips {before}")
            forbids = world.environments[before].state().quarantined(digest) is not None
            self._require(2, world, here or not forbids, f"{where} brings what {before} quarantines")
        former = ledger.open_rollout.name if ledger.open_rollout is not None else ""
        holds = [hold for hold in state.at(world.now).files.holds if hold.name != former]
        self._require(2, world, not holds, f"{where} opens although it is held")
        self._require(
            2,
            world,
            not frozen(policy.freezes, policy.name, world.now),
            f"{where} opens although it is frozen",
        )
        edits = sum(
            1
            for commit in environment.commits
            if commit.event == CHANGED_BY_HAND or isinstance(commit.action, Promote)
        )
        last = self._last.get(environment.name)
        self._require(3, world, last != (digest, edits), f"{where} opens again what nobody wished again")
        self._last[environment.name] = (digest, edits)
        self._opened.setdefault(environment.name, set()).add(digest)

    def _approved(
        self, world: World, environment: Environment, state: EnvironmentState, action: OpenRollout
    ) -> None:
        policy, plan = environment.policy, action.plan
        count = policy.approvals.count if policy is not None else 0
        people = {
            ballot.person
            for ballot in state.files.ballots
            if ballot.verdict == "approve"
            and (ballot.digest, ballot.plan, ballot.environment) == (plan.digest, plan.hash, environment.name)
            and environment.signed.get(ballot.path) == (ballot.person,)
        }
        people -= {AUTHOR, environment.promoter}
        self._require(15, world, len(people) >= count, f"{plan.rollout} opens with {len(people)} of {count}")

    def _moving(self, world: World, environment: Environment, before: Ledger, after: Ledger) -> None:
        """What a step moves at its beginning, by failure domain, against what there is of it."""
        rollout, plan, policy = after.open_rollout, after.plan, environment.policy
        if rollout is None or plan is None or policy is None:
            return
        was, told = told_by(published_of(before), environment), told_by(published_of(after), environment)
        kept = pinned(published_of(after), environment)
        moved = [node for node in environment.nodes if told[node.id] != was[node.id] and node.id not in kept]
        if plan.only is not None:
            target = read_selector(plan.only.meant)
            outside = [node.name for node in moved if not matches(target, node.labels, {})]
            self._require(17, world, not outside, f"{rollout.name} moves {outside[:3]}, which it is not for")
        if not policy.spread_label or plan.rules.spread != policy.spread_label:
            return
        members = self._domains(environment, policy.spread_label, plan.rollout)
        counts: dict[str, int] = {}
        for node in moved:
            domain = node.labels.get(policy.spread_label, "")
            counts[domain] = counts.get(domain, 0) + 1
        for domain, count in counts.items():
            most = max(1, members.get(domain, 0) * policy.spread_percent // 100)
            self._require(16, world, count <= most, f"a step moves {count} of '{domain}', {most} may")

    def _keeping(self, world: World, environment: Environment, before: Ledger, after: Ledger) -> None:
        """Whoever was moved by a rollout of the same digest that was open, or partial, is still told to run it."""
        former, rollout = before.open_rollout, after.open_rollout
        if former is None or rollout is None or former.digest != rollout.digest:
            return
        was, told = told_by(published_of(before), environment), told_by(published_of(after), environment)
        back = [node.name for node in environment.nodes if was[node.id] == former.digest != told[node.id]]
        self._require(19, world, not back, f"{rollout.name} sends {back[:3]} back")

    def _domains(self, environment: Environment, label: str, rollout: str) -> dict[str, int]:
        """How many nodes each failure domain had when the rollout opened."""
        known = self._members.get(environment.name)
        if known is None or known[0] != rollout:
            counts: dict[str, int] = {}
            for node in environment.nodes:
                domain = node.labels.get(label, "")
                counts[domain] = counts.get(domain, 0) + 1
            known = self._members[environment.name] = (rollout, counts)
        return known[1]

    def _advancing(self, world: World, environment: Environment, before: Ledger) -> None:
        rollout, plan = before.open_rollout, before.plan
        if rollout is None or plan is None:
            raise Broken(5, world.loop.now, f"{environment.name} advances without a rollout")
        told = told_by(published_of(before), environment)
        kept = pinned(published_of(before), environment)
        now = world.loop.now
        unwell = [
            node.name
            for node in environment.nodes
            if told[node.id] == rollout.digest != before.live
            and node.id not in kept
            and node.truthful
            and max(node.down_until, node.unreachable_until) + plan.rules.stale_after_seconds * 1000 <= now
            and (node.runs != rollout.digest or not node.well)
        ]
        most = plan.rules.max_unavailable
        self._require(5, world, len(unwell) <= most, f"a batch begins while {unwell[:3]} are unwell")

    def _share(self, world: World, environment: Environment) -> None:
        """What nodes are told now, against the plan."""
        published, ledger = environment.published, environment.ledger
        rollout, plan = ledger.open_rollout, ledger.plan
        if rollout is None or plan is None or environment.row != environment.version:
            return
        allowed = sum(
            step.nodes
            for step, done in zip(plan.steps, rollout.steps, strict=True)
            if done.state != "waiting"
        )
        told = told_by(published, environment)
        apart, moving = pinned(published, environment), published.assignment.rollout
        if moving is not None and moving.already:
            apart = apart | {
                node.id for node in environment.nodes if moving.has(node.id, node.labels, node.registered_at)
            }
        moved = sum(
            1
            for node in environment.nodes
            if told[node.id] == rollout.digest != ledger.live and node.id not in apart
        )
        self._require(4, world, moved <= allowed, f"{moved} of {environment.name} are moved, {allowed} may")

    def _holds(self, number: int, world: World, fault: str) -> None:
        """Raise `Broken` when a fault was found."""
        self._require(number, world, not fault, fault)

    def _require(self, number: int, world: World, holds: bool, words: str) -> None:
        if not holds:
            raise Broken(number, world.loop.now, words)
