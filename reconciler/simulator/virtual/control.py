"""The control plane in virtual time: the steps of `flows.environment` over a branch in memory, with the same functions.

A look reads the branch, publishes what it says, gathers facts, decides, commits and pushes, until nothing is to do. It
can die between any two effects, and lose the race against somebody else's push.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from reconciler.config.policy import EnvironmentPolicy
from reconciler.release import paths
from reconciler.release.apply import Material, apply, wanted_config
from reconciler.release.counting import count
from reconciler.release.decide import decide
from reconciler.release.decision import Decision
from reconciler.release.facts import Facts, Proof, TrunkCommit, forbidden_of, runs_of
from reconciler.release.signals import StepSignals
from reconciler.release.state import Completed, EnvironmentState
from reconciler.simulator.virtual.environment import Commit, Environment, published_of
from reconciler.simulator.virtual.scenario import Bundle, Scenario
from reconciler.simulator.virtual.traffic import counted

MAX_COMMITS = 6
"""In one look, as the flow has it: its five commits and the one after which it goes on later."""

MILLISECOND = timedelta(milliseconds=1)

LATENCY = 120
"""Milliseconds between a nudge and the look that it causes."""


class Died(Exception):
    """The control plane ended between two effects."""


class LostRace(Exception):
    """Somebody else pushed first."""


NO_FACTS = Facts()

AUTHOR = "ada@example.com"
"""Who writes everything that reaches trunk."""

POLICY_COMMIT = "0" * 40

Hook = Callable[[str, Environment], None]


@dataclass(slots=True)
class ControlPlane:
    """`effect(name, environment)` is called before each effect and may raise `Died`; `race` before each push.

    `notice` is told of each of our commits with the state and the facts that it was decided from.
    """

    scenario: Scenario
    environments: dict[str, Environment]
    effect: Hook
    race: Callable[[Environment], None]
    notice: Callable[[Environment, EnvironmentState, Facts, Decision, Commit], None]
    decided: Callable[[Environment, EnvironmentState, Facts, Decision, int], None]
    bundles: Mapping[str, Bundle]
    trunk: list[TrunkCommit] = field(default_factory=list)

    def look(self, environment: Environment, now: int) -> None:
        """One run of the job. Raises `Died` and `LostRace`; a later run heals what it left.

        Until it has ended the look is owed, so that the sweep finds one that died.
        """
        if environment.rewritten is not None:
            # A branch that does not go on from what was seen last stalls the job: nodes keep what they were told.
            environment.due_at = None
            return
        environment.due_at = now
        for _ in range(MAX_COMMITS):
            state = environment.state()
            self.publish(environment, now)
            facts = self.gather(environment, state, now)
            moment = self.scenario.moment(now)
            decision = decide(state, environment.policy, facts, now=moment)
            self.decided(environment, state, facts, decision, now)
            environment.last = decision
            if not decision.actions:
                environment.trunk = len(self.trunk)
                environment.due_at = self.due(decision, now)
                return
            self.commit(environment, state, facts, decision, now)
        environment.due_at = now

    def due(self, decision: Decision, now: int) -> int | None:
        """When the decision asks to be looked at again, in virtual time."""
        moment = decision.look_again_at
        if moment is None:
            return None
        # Rounded up: an earlier look would find that nothing has changed yet.
        return max(now, -((self.scenario.starts - moment) // MILLISECOND))

    def publish(self, environment: Environment, now: int) -> None:
        """Pointers and rows as the branch says them; nothing when they are there."""
        ledger = environment.state().files.ledger
        if ledger is None or environment.row == environment.version:
            return
        published = published_of(ledger)
        self.effect("publish", environment)
        if published != environment.published:
            environment.publish(published)
        self.effect("record", environment)
        environment.row = environment.version

    def gather(self, environment: Environment, state: EnvironmentState, now: int) -> Facts:
        """The facts of this moment, as `flows.facts` has them from database and mirror."""
        policy, wish = environment.policy, state.files.release
        wished = wish.digest if wish is not None else ""
        known = {commit.digest for commit in self.trunk}
        if policy is None:
            return NO_FACTS
        completed = self.completed(policy)
        pinned = {pin.digest for pin in state.files.pins}
        counted = count(state, policy, environment.nodes, now=self.scenario.moment(now))
        return Facts(
            trunk=self.newer(environment, state),
            bundles=dict.fromkeys(sorted({wished, *pinned} & known), True),
            predecessors={
                name: tuple(sorted({entry.digest for entry in found})) for name, found in completed.items()
            },
            forbidden={
                name: forbidden_of(
                    self.environments[name].state().files.quarantine,
                    sorted({wished, *pinned, *(entry.digest for entry in found)} - {""}),
                )
                for name, found in completed.items()
            },
            runs={name: runs_of(found) for name, found in completed.items()}
            if policy.promote == "automatic"
            else {},
            policy_commit=POLICY_COMMIT,
            proofs={
                ballot.path: Proof(environment.signed.get(ballot.path, ()), "a signature")
                for ballot in state.files.ballots
            },
            promoters=(environment.promoter,) if environment.promoter else (),
            authors=(AUTHOR,),
            batches=counted.batches,
            returned=counted.returned,
            ranks=counted.ranks,
            left_out=counted.left_out,
            outdated=counted.outdated,
            signals=self.measure(environment, now),
        )

    def measure(self, environment: Environment, now: int) -> StepSignals | None:
        """What is measured of the step that is under way."""
        moment = self.scenario.moment(now)
        shares = environment.balancer.measure(environment.ledger, environment.nodes, moment, now)
        return counted(shares, environment.ledger, environment.nodes, self.bundles, moment)

    def newer(self, environment: Environment, state: EnvironmentState) -> tuple[TrunkCommit, ...]:
        """The trunk commits after the one that automatic promotion took last, the newest first."""
        policy = environment.policy
        if policy is None or policy.after or policy.promote != "automatic":
            return ()
        taken = state.files.promoted
        shas = [commit.sha for commit in self.trunk]
        since = shas.index(taken.commit) + 1 if taken is not None and taken.commit in shas else 0
        if taken is None:
            return tuple(self.trunk[-1:])
        return tuple(reversed(self.trunk[since:]))

    def completed(self, policy: EnvironmentPolicy) -> dict[str, tuple[Completed, ...]]:
        """What completed in each environment that this one comes after, the newest first; none is there whose branch
        cannot be followed."""
        return {
            name: self.environments[name].ledger.history
            for name in policy.after
            if name in self.environments and self.environments[name].rewritten is None
        }

    def commit(
        self, environment: Environment, state: EnvironmentState, facts: Facts, decision: Decision, now: int
    ) -> None:
        """Make the decision's commit and push it: compare and swap."""
        (action,) = decision.actions
        config = wanted_config(action, state)
        rendered = f"// {config}\n".encode() if config else None
        material = Material(rendered, dict(environment.ours))
        edit = apply(
            action, state, because=decision.because, now=self.scenario.moment(now), material=material
        )
        self.effect("inputs", environment)
        version = environment.version
        self.race(environment)
        if environment.version != version:
            raise LostRace(environment.name)
        self.effect("push", environment)
        environment.remember()
        for path, content in edit.files.items():
            if content is None:
                environment.head.pop(path, None)
            else:
                environment.head[path] = content
        environment.ours = {path: environment.head[path] for path in paths.LEDGER if path in environment.head}
        environment.version += 1
        commit = Commit(now, environment.name, edit.subject, edit.event, decision.because, action)
        environment.commits.append(commit)
        self.notice(environment, state, facts, decision, commit)
        self.effect("pushed", environment)


def digest_of(bundle: str) -> str:
    """The digest that a bundle of this name has in virtual time."""
    return "sha256:" + hashlib.sha256(bundle.encode()).hexdigest()
