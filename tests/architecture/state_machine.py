"""Draws the states of a rollout by asking the engine: every situation below is decided, and what comes of it drawn.

The picture is what `decide` and `apply` do, and not what somebody remembered of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product

from reconciler.config.blue_green import BlueGreen
from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.batches import Batch
from reconciler.fleet.slots import Slots
from reconciler.release.apply import Material, apply
from reconciler.release.branch import parse_branch
from reconciler.release.decide import decide
from reconciler.release.facts import Facts
from reconciler.release.paths import PLAN, ROLLOUT
from reconciler.release.planning import make_plan
from reconciler.release.render import render_plan
from reconciler.release.state import (
    BranchFiles,
    Completed,
    EnvironmentState,
    Hold,
    Ledger,
    Only,
    Plan,
    Progress,
    Quarantine,
    Release,
    Rollout,
)
from reconciler.release.swap import Serving

PATH = "docs/state-machine.md"
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SINCE = NOW - timedelta(seconds=30)
LIVE, NEW, OTHER = ("sha256:" + digit * 64 for digit in "123")
ONLY = "region=eu"
POLICY = EnvironmentPolicy("prod", (), "1.0", "rolling", None, 1, 0, "manual", "rollback", 10, 60, 30)
SHIFTING = replace(
    POLICY, strategy="blue-green", batch_size=None, blue_green=BlueGreen("edge", (50, 100), 0, 0, 5, 1)
)
DONE = Completed(LIVE, "a" * 40, "r-0001", 3, SINCE)
FACTS = Facts(bundles={LIVE: True, NEW: True, OTHER: True}, ranks={"": ("1" * 16, "2" * 16)})
BATCHES = {
    "its nodes are well": Batch(total=1, settled=1),
    "its nodes are moving": Batch(total=1, pending=1),
    "its nodes are unwell": Batch(total=1, unhealthy=1),
}
START = "[*]"


@dataclass(frozen=True, order=True)
class Edge:
    """One change of a rollout's state by one commit."""

    before: str
    after: str
    event: str


def edges() -> dict[Edge, str]:
    """Every change that some situation leads to, with the reason that the first such commit gives."""
    found: dict[Edge, str] = {}
    seen = set()
    for state, policy, facts in situations():
        decision = decide(state, policy, facts, now=NOW)
        if not decision.actions:
            continue
        ledger, action = state.files.ledger or Ledger(), decision.actions[0]
        kind = (type(action), getattr(action, "back", None), ledger.plan and ledger.plan.wished)
        key = (ledger.rollout and ledger.rollout.state, *kind)
        if key in seen:
            continue
        seen.add(key)
        edit = apply(decision.actions[0], state, because=decision.because, now=NOW, material=Material())
        content = edit.files.get(ROLLOUT)
        if content is None or state.files.ledger is None:
            continue
        plan = edit.files.get(PLAN) or (
            render_plan(state.files.ledger.plan) if state.files.ledger.plan is not None else None
        )
        files = {ROLLOUT: content, **({PLAN: plan} if plan is not None else {})}
        after = parse_branch(files).ledger
        if after is None or after.rollout is None:
            raise AssertionError(f"{edit.event} left no rollout behind")
        rollout = state.files.ledger.open_rollout
        fresh = rollout is None or rollout.name != after.rollout.name
        if rollout is not None and fresh:
            found.setdefault(Edge(rollout.state, "widened", edit.event), decision.because)
        before = START if rollout is None or fresh else rollout.state
        found.setdefault(Edge(before, after.rollout.state, edit.event), decision.because)
    return found


def situations() -> Iterator[tuple[EnvironmentState, EnvironmentPolicy, Facts]]:
    """The product of everything that a decision looks at, a few values of each."""
    wishes = (None, Release(LIVE), Release(NEW), Release(OTHER), Release(NEW, only=ONLY))
    holds: tuple[tuple[Hold, ...], ...] = ((), (Hold("lunch", "lunch"),), (Hold("r-0002", "it failed"),))
    quarantines: tuple[tuple[Quarantine, ...], ...] = ((), (Quarantine(NEW, "bad"),))
    policies = [
        replace(POLICY, on_failure=on_failure, supersede=supersede)
        for on_failure in ("pause", "rollback")
        for supersede in ("replace", "finish-batch", "finish")
    ]
    for ledger, wish, hold, quarantine, policy, batch in product(
        ledgers(), wishes, holds, quarantines, policies, BATCHES.values()
    ):
        files = BranchFiles(wish, hold, quarantine, ledger=ledger)
        yield EnvironmentState("prod", files), policy, replace(FACTS, batches=(batch,) * 5)


def ledgers() -> Iterator[Ledger]:
    """No rollout, and one in every state in which it still decides something, with and without a way back."""
    whole = make_plan("r-0002", NEW, POLICY, FACTS.ranks)
    narrow = make_plan("r-0002", NEW, POLICY, {"": ("1" * 16,)}, only=Only(ONLY, ONLY))
    for history in ((), (DONE,)):
        yield Ledger(3, None, None, history)
        for plan, state in product((whole, narrow), ("open", "paused")):
            for number in range(1, len(plan.steps) + 1):
                yield _under_way(plan, state, number, history)
    yield _under_way(narrow, "partial", len(narrow.steps), (DONE,))
    shifted = make_plan("r-0002", NEW, SHIFTING, {"blue": ("1" * 16,), "green": ("2" * 16,)})
    for state in ("open", "paused"):
        found = _under_way(shifted, state, 3, (DONE,))
        yield replace(found, serving=Serving(Slots(), "blue"))


def _under_way(plan: Plan, state: str, number: int, history: tuple[Completed, ...]) -> Ledger:
    words = {"open": "active", "paused": "active", "partial": "done"}
    steps = tuple(
        Progress(step.number, "done" if step.number < number else words[state], SINCE, None, 4)
        if step.number <= number
        else Progress(step.number)
        for step in plan.steps
    )
    rollout = Rollout(
        name=plan.rollout,
        state=state,
        digest=NEW,
        previous=history[0].digest if history else "",
        commit="b" * 40,
        opened_at=SINCE,
        because="",
        steps=steps,
        paused_at=NOW if state == "paused" else None,
    )
    return Ledger(4, rollout, plan, history)


def state_machine_page() -> str:
    """The page with the picture and the table."""
    found = edges()
    lines = [
        "# The states of a rollout",
        "",
        "Drawn from the engine: every combination of what a decision looks at is decided, and each commit that changes",
        "the state of a rollout is an arrow here. This page is generated.",
        "",
        "```mermaid",
        "stateDiagram-v2",
    ]
    lines += [f"    {_id(edge.before)} --> {_id(edge.after)}: {edge.event}" for edge in sorted(found)]
    ends = sorted({edge.after for edge in found} - {edge.before for edge in found})
    lines += [f"    {_id(state)} --> [*]" for state in ends]
    lines += ["```", "", "| from | to | event | because, for example |", "|---|---|---|---|"]
    for edge, because in sorted(found.items()):
        before = "none" if edge.before == START else edge.before
        lines.append(f"| {before} | {edge.after} | `{edge.event}` | {because} |")
    return "\n".join(lines) + "\n"


def _id(state: str) -> str:
    return state.replace("-", "_")
