"""Makes the plan of a merge from its compiled sides and what is known of the environments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from reconciler.compile.compiler import COMPILER, Compilation, CompiledEnvironment
from reconciler.compile.diff.compare import compare_environments
from reconciler.compile.risk import assess
from reconciler.config.durations import canonical
from reconciler.config.policy import EnvironmentPolicy
from reconciler.plan.model import EnvironmentPlan, Plan, Side, Standing
from reconciler.release.freeze import frozen, thaws_at
from reconciler.release.strategies import all_at_once, blue_green, canary, rolling

UNKNOWN = Standing()


def make_plan(
    head: Side,
    base: Side,
    merged: Side | None,
    *,
    now: datetime,
    standings: Mapping[str, Standing],
    conflicts: tuple[str, ...] = (),
    raw: bool = True,
) -> Plan:
    """The plan of merging `head`. Environments come in promotion order, those that would go away last.

    What is compared are `base` and the result of the merge. A base that makes no bundle is compared as if nothing had
    been there: everything is new then, and nothing is hidden.
    """
    environments: tuple[EnvironmentPlan, ...] = ()
    if merged is not None and merged.sound and merged.compilation is not None:
        after = merged.compilation
        before = base.compilation if base.sound else None
        names = [e.name for e in after.environments]
        names += [e.name for e in before.environments if e.name not in names] if before else []
        policies = {policy.name: policy for policy in (*(before.policies if before else ()), *after.policies)}
        environments = tuple(
            _environment(
                policies[name],
                _of(before, name),
                _of(after, name),
                merged.digest,
                standings.get(name, UNKNOWN),
                now,
                raw,
            )
            for name in names
        )
    return Plan(head, base, merged, COMPILER, now, conflicts, environments)


def _of(compilation: Compilation | None, name: str) -> CompiledEnvironment | None:
    if compilation is None:
        return None
    return next((environment for environment in compilation.environments if environment.name == name), None)


def _environment(
    policy: EnvironmentPolicy,
    before: CompiledEnvironment | None,
    after: CompiledEnvironment | None,
    digest: str,
    standing: Standing,
    now: datetime,
    raw: bool,
) -> EnvironmentPlan:
    difference = compare_environments(policy.name, before, after, raw=raw)
    # An environment that goes away is retired: its nodes keep what they run.
    reached = after is not None and not difference.same
    start, words = earliest(policy, now) if after is not None else (None, "retired; nodes keep what they run")
    return EnvironmentPlan(
        name=policy.name,
        now=standing.digest,
        next=digest if after is not None else standing.digest,
        nodes=standing.nodes if reached else 0,
        difference=difference,
        risk=assess(difference),
        strategy=strategy_words(policy, standing.nodes) if after is not None else "none",
        gates=gates_of(policy) if after is not None else (),
        waiting=standing.waiting,
        start=start,
        start_words=words,
    )


def strategy_words(policy: EnvironmentPolicy, nodes: int | None) -> str:
    """How a release reaches the nodes, in a few words; with numbers of nodes where they are known."""
    match policy.strategy:
        case all_at_once.STRATEGY.name:
            return "all at once"
        case canary.STRATEGY.name:
            shares = " → ".join(f"{share} %" for share in (*policy.canary_shares, 100))
            sizes = f" ({' + '.join(map(str, canary.sizes(nodes, policy)))} nodes)" if nodes else ""
            return f"canary {shares}{sizes}, each watched for {canonical(policy.bake_seconds * 1000)}"
        case rolling.STRATEGY.name:
            size = (
                f"{policy.batch_percent} %"
                if policy.batch_percent is not None
                else f"{policy.batch_size} nodes"
            )
            return f"rolling, {size} at a time"
        case blue_green.STRATEGY.name if policy.blue_green is not None:
            how = policy.blue_green
            bake, hold = canonical(how.bake_seconds * 1000), canonical(how.hold_seconds * 1000)
            weights = " → ".join(map(str, how.shifts))
            return f"blue-green, weights {weights}, each watched for {bake}, the last one held for {hold}"
        case other:
            return other


def gates_of(policy: EnvironmentPolicy) -> tuple[str, ...]:
    """What has to be true on the way: approvals, gates, soaking. All of it is open before a merge."""
    found = []
    if policy.approvals.count:
        plural = "s" if policy.approvals.count > 1 else ""
        found.append(f"{policy.approvals.count} approval{plural}")
    if policy.soak_seconds:
        found.append(f"soak {canonical(policy.soak_seconds * 1000)}")
    return (*found, *(gate.label for gate in policy.gates))


def earliest(policy: EnvironmentPolicy, now: datetime) -> tuple[datetime | None, str]:
    """The first moment at which a rollout may open if the merge were made now, and what else it waits for."""
    thaw = thaws_at(policy.freezes, policy.name, now)
    held = frozen(policy.freezes, policy.name, now)
    words = []
    if policy.after:
        words.append(f"after {' and '.join(policy.after)}")
    if policy.promote == "manual" and policy.after:
        words.append("when promoted")
    elif policy.train is not None:
        words.append(f"with the train ({policy.train.rule}, {policy.train.zone})")
    if held:
        names = ", ".join(sorted({one.window.name for one in held}))
        words.append(f"frozen by {names}" + ("" if thaw else " for more than 400 days"))
    moment = thaw if held or not policy.after else None
    return moment, "; ".join(words)
