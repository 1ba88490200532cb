"""What the control plane would decide after a commit, as far as git tells: the same function with what a clone knows.

Which bundles exist and which nodes there are is not written in git, so bundles are taken to exist and batches are not
told. Policies are those of trunk's head; the control plane goes by the last commit that is valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from reconciler.cli.environment_verbs.caller import Caller
from reconciler.clock import iso
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.signers import Signers, read_signers
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SIGNERS, SourceFile
from reconciler.fleet.batches import Batch
from reconciler.flows.compiling import read_project
from reconciler.flows.envbranch import CommitKeys, quarantine_at
from reconciler.flows.voters import Known, prove
from reconciler.git.mirror import HEADS, Mirror
from reconciler.release.actions import OpenRollout
from reconciler.release.apply import Material, apply
from reconciler.release.approvals import asked
from reconciler.release.branch import parse_branch
from reconciler.release.decide import decide
from reconciler.release.facts import Facts, forbidden_of
from reconciler.release.paths import short
from reconciler.release.state import BranchFiles, EnvironmentState, Ledger
from reconciler.release.terms import plan_hash

NOBODY = CommitKeys(())


def decided(
    mirror: Mirror, caller: Caller, environment: str, head: str, files: Mapping[str, bytes], now: datetime
) -> tuple[str, ...]:
    """The decision on a branch with these files, one line for each of its parts."""
    trunk = mirror.refs().get(HEADS + caller.trunk)
    sources = read_project(mirror, trunk, caller.path)[0] if trunk is not None else ()
    snapshot, _ = read_snapshot(sources)
    if trunk is None or snapshot is None:
        return (f"Decision: unknown, {caller.trunk} cannot be read here",)
    policy = next((found for found in snapshot.policies if found.name == environment), None)
    state = EnvironmentState(environment, parse_branch(files))
    facts = _facts(mirror, caller, state.files, policy, trunk, head, _signers(sources), now)
    decision = decide(state, policy, facts, now=now)
    lines = ["Decision, as far as git tells:"]
    for action in decision.actions:
        if isinstance(action, OpenRollout):
            plan = action.plan
            words = (
                f"Open rollout {plan.rollout} in {environment}: {short(plan.digest)}, {plan.rules.strategy}"
            )
        else:
            words = apply(action, state, because=decision.because, now=now, material=Material()).subject
        lines.append(f"  {words}")
    lines += [f"  {reason.code} {reason.message}" for reason in decision.waiting]
    if len(lines) == 1:
        lines.append(f"  nothing: {decision.because}")
    if decision.look_again_at is not None:
        lines.append(f"  looks again at {iso(decision.look_again_at)}")
    wish = state.files.release
    if policy is not None and wish is not None:
        lines.append(f"Plan: {plan_hash(policy, wish, trunk)} (policy of {trunk[:12]})")
    return tuple(lines)


def _facts(
    mirror: Mirror,
    caller: Caller,
    files: BranchFiles,
    policy: EnvironmentPolicy | None,
    trunk: str,
    head: str,
    signers: Signers,
    now: datetime,
) -> Facts:
    wish, ledger = files.release, files.ledger or Ledger()
    if policy is None or wish is None:
        return Facts(policy_commit=trunk)
    refs = mirror.refs()
    predecessors, forbidden = {}, {}
    for name in policy.after:
        branch = refs.get(f"{HEADS}{caller.branch_prefix}env/{name}")
        content = mirror.read_file(branch, "rollout.kdl") if branch is not None else None
        known = parse_branch({"rollout.kdl": content}).ledger if content is not None else None
        if known is not None:
            predecessors[name] = tuple(sorted({entry.digest for entry in known.history}))
        if branch is not None:
            forbidden[name] = forbidden_of(quarantine_at(mirror, branch), (wish.digest,))
    plan = ledger.plan if ledger.open_rollout is not None else None
    known_people = Known(mirror, trunk, signers, NOBODY, now)
    return Facts(
        bundles={wish.digest: True},
        predecessors=predecessors,
        forbidden=forbidden,
        policy_commit=trunk,
        proofs={one.path: prove(known_people, head, one.path) for one in files.ballots},
        promoters=tuple(sorted(known_people.names((caller.author.email,)))) if asked(policy, wish) else (),
        batches=tuple(Batch(total=step.nodes, pending=step.nodes) for step in plan.steps) if plan else (),
    )


def _signers(sources: tuple[SourceFile, ...]) -> Signers:
    content = next((source.content for source in sources if source.path == SIGNERS), b"")
    return read_signers(content)[0] or Signers()
