"""Deliberate bugs, by name, each one change of a pure module's source. The simulation has to catch every one.

`python -m tests.simulation.mutations NAME` plays seeds against the mutated module until an invariant breaks.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

SEEDS = 400
CAUGHT = 3
"""The exit code when an invariant broke; anything but this means that the bug was not caught."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """`old` stands exactly once in the source of `module`, and becomes `new`. `slots`: it is about traffic that is
    shifted, and looked for in scenarios with slots. `first` is the seed to begin with: those before do not show it."""

    module: str
    old: str
    new: str
    slots: bool = False
    first: int = 0


MUTATIONS: dict[str, Mutation] = {
    "a quarantine is not looked at": Mutation(
        "reconciler.release.rules",
        '    if found is not None:\n        yield Reason(\n            "W-REL-005"',
        '    if False:\n        yield Reason(\n            "W-REL-005"',
    ),
    "an environment may be skipped": Mutation(
        "reconciler.release.rules", "elif case.release.digest not in completed:", "elif False:"
    ),
    "a freeze is forgotten when a rollout opens": Mutation(
        "reconciler.release.rules",
        "    yield from freezing(case.state, case.policy, case.facts, case.now)\n",
        "    yield from ()\n",
    ),
    "every hold counts as the rollout's own": Mutation(
        "reconciler.release.state",
        "tuple(hold for hold in self.files.holds if hold.name != rollout)",
        "()",
    ),
    "a step keeps the sequence": Mutation(
        "reconciler.release.apply",
        "    following = replace(rollout.steps[active.number], state=",
        "    sequence = ledger.sequence\n    following = replace(rollout.steps[active.number], state=",
    ),
    "nodes beyond the reach are moved": Mutation(
        "reconciler.fleet.cohorts",
        "if rank(self.name, node_id) <= reach:",
        'if rank(self.name, node_id) <= "g":',
    ),
    "a batch reaches one node too far": Mutation(
        "reconciler.release.spreading",
        "ranks[count - 1] if count",
        "ranks[min(count, len(ranks) - 1)] if count",
    ),
    "a pin keeps the sequence": Mutation(
        "reconciler.release.pinning", "sequence=ledger.sequence + moves", "sequence=ledger.sequence"
    ),
    "pending nodes count as settled": Mutation(
        "reconciler.fleet.batches",
        'return "pending", ""',
        'return "settled", ""',
        first=163,
    ),
    "the unhealthy pass": Mutation(
        "reconciler.fleet.batches", 'return "unhealthy", f"unhealthy,', 'return "settled", f"unhealthy,'
    ),
    "a deadline never comes": Mutation(
        "reconciler.release.during", "if not failed and late:", "if not failed and late is None:"
    ),
    "trunk is promoted again and again": Mutation(
        "reconciler.release.promotion",
        "if one.release.digest != before:",
        "if True:",
    ),
    "anybody's approval counts": Mutation(
        "reconciler.release.approvals",
        "    if names & set(facts.promoters):",
        "    if not names:",
    ),
    "an approval counts for another plan": Mutation(
        "reconciler.release.approvals", "    if ballot.plan != plan:", "    if not ballot.plan:"
    ),
    "a batch takes a whole failure domain": Mutation(
        "reconciler.release.spreading", "max(1, len(ranks) * self.percent // 100)", "len(ranks)"
    ),
    "nodes outside the target are moved": Mutation(
        "reconciler.fleet.cohorts",
        "return registered_at < self.opened_at and (self.only is None or matches(self.only, labels, {}))",
        "return registered_at < self.opened_at",
    ),
    "a slot moves while it gets requests": Mutation(
        "reconciler.release.gates.traffic",
        "    if abs(got - wanted) <= allowed(",
        "    if 1 or allowed(",
        slots=True,
        first=13,
    ),
    "a rollout ends while its release gets requests": Mutation(
        "reconciler.release.returning",
        "plan is None or not carries(ledger):",
        "plan is None or True:",
        slots=True,
        first=13,
    ),
    "a turn back keeps the sequence": Mutation(
        "reconciler.release.ending",
        "    sequence = ledger.sequence + 1\n    active",
        "    sequence = ledger.sequence\n    active",
        slots=True,
        first=13,
    ),
    "a go outlives the try that it was for": Mutation(
        "reconciler.release.state",
        "        return (self.rollout, self.step, self.digest, self.sequence) == (\n",
        "        return True or (self.rollout, self.step, self.digest, self.sequence) == (\n",
    ),
    "who was moved before is forgotten": Mutation(
        "reconciler.release.assignment",
        "    return (*plan.already, moved)\n",
        "    return ()\n",
        first=150,
    ),
    "nodes go back to what is quarantined": Mutation(
        "reconciler.release.rules",
        "    if found is None or rollout is None:\n        return\n    words",
        "    if found is None or rollout is not None:\n        return\n    words",
        first=142,
    ),
    "requests may fail as they like": Mutation(
        "reconciler.release.gates.error_rate",
        "    if traffic.failed * 1_000_000 > most * traffic.requests:",
        "    if traffic.failed * 1_000_000 > most * traffic.requests * 1000:",
    ),
    "a train takes what comes after it": Mutation(
        "reconciler.release.promotion",
        "if departure and one.ready is not None and one.ready <= departure]",
        "if departure and one.ready is not None and one.ready <= now]",
    ),
    "a rollback leaves the wish": Mutation(
        "reconciler.release.during",
        "return act(RollBack(because, release, verdicts, counts), because)",
        "return act(RollBack(because, None, verdicts, counts), because)",
    ),
}


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutation: Mutation) -> None:
        self.mutation = mutation

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.mutation.module:
            return None
        sys.meta_path.remove(self)
        found = find_spec(fullname)
        sys.meta_path.insert(0, self)
        assert found is not None
        assert found.origin is not None
        return spec_from_loader(fullname, _Loader(fullname, found.origin, self.mutation), origin=found.origin)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, mutation: Mutation) -> None:
        super().__init__(fullname, path)
        self.mutation = mutation

    def get_code(self, fullname: str):  # type: ignore[no-untyped-def]
        return compile(mutated(Path(self.path).read_text(), self.mutation), self.path, "exec")


def mutated(source: str, mutation: Mutation) -> str:
    """The source with the bug. ValueError when the bug does not apply any more."""
    if source.count(mutation.old) != 1:
        raise ValueError(
            f"{mutation.module} has {source.count(mutation.old)} of {mutation.old!r}; expected one"
        )
    return source.replace(mutation.old, mutation.new)


def main(name: str) -> int:
    """Play seeds with the bug until an invariant breaks. Returns `CAUGHT`, or 0 when none did."""
    sys.meta_path.insert(0, _Finder(MUTATIONS[name]))
    from reconciler.simulator.virtual.generate import generate
    from reconciler.simulator.virtual.generate_slots import generate_slots
    from reconciler.simulator.virtual.invariants import Broken
    from reconciler.simulator.virtual.world import World

    make = generate_slots if MUTATIONS[name].slots else generate
    for seed in range(MUTATIONS[name].first, MUTATIONS[name].first + SEEDS):
        try:
            World(make(seed)).run()
        except Broken as error:
            print(f"seed {seed}: {error}")
            return CAUGHT
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
