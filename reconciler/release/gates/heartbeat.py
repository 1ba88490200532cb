"""Every node of the step reported since it began, is heard of, runs the digest and is healthy for long enough."""

from __future__ import annotations

from reconciler.config.gates import GateSpec
from reconciler.fleet.batches import Batch
from reconciler.release.gates.gate import Gate, GateFacts
from reconciler.release.verdict import Fail, Pass, Verdict, Wait

_PARTS = (
    ("settling", "healthy, not yet for long enough"),
    ("pending", "not running it yet"),
    ("unsure", "not saying whether healthy"),
    ("unhealthy", "unhealthy"),
    ("refused", "refused it"),
    ("silent", "not heard of"),
)


def judge(facts: GateFacts, spec: GateSpec) -> Verdict:
    """Nodes that were silent before the step began are named and not waited for; everybody else has to be healthy."""
    batch, rules = facts.batch, facts.rules
    too_old = f"{batch.outdated} left out, whose proxy or agent is too old" if batch.outdated else ""
    if batch.total == 0:
        if too_old and not facts.earlier.total:
            # A rollout that reaches nobody must not end as if it had reached everybody.
            return Wait(f"no node can take it: {too_old}")
        if too_old:
            return Pass(f"no nodes that can take it: {too_old}")
        if facts.empty:
            return Pass("no nodes that are not pinned" if batch.pinned else "no nodes")
        return Wait(f"nothing is known of the {facts.step.nodes} nodes that were planned")
    if batch.broken > rules.max_unavailable:
        return Fail(
            f"{_parts(batch)} of {batch.total}, more than {rules.max_unavailable} may fail{_examples(batch)}"
        )
    there = batch.total - batch.absent
    if there == 0:
        return Wait(
            f"none of {batch.total} nodes has been heard of since before the step began{_examples(batch)}"
        )
    if batch.settled == there:
        words = f"{there}/{batch.total} healthy for {rules.min_healthy_seconds} s"
        words += f"; {too_old}" if too_old else ""
        return Pass(
            f"{words}; {batch.absent} silent since before{_examples(batch)}" if batch.absent else words
        )
    only_time = batch.settling + batch.settled == there
    return Wait(
        f"{batch.settled}/{there} healthy; {_parts(batch)}{_examples(batch)}",
        batch.settles_at if only_time else None,
    )


def _parts(batch: Batch) -> str:
    counts = [(getattr(batch, name), words) for name, words in _PARTS]
    return ", ".join(f"{count} {words}" for count, words in counts if count)


def _examples(batch: Batch) -> str:
    return f" ({'; '.join(batch.examples)})" if batch.examples else ""


GATE = Gate("heartbeat", judge)
