"""The release goes to the slot without traffic; then the traffic is shifted to it; then the other slot follows.

Steps: drain the standby slot, move it, shift the weights one after another, the last of which is held, and move the
slot that has no traffic any more. Each step moves a whole slot or none, and says the weights of both.
"""

from __future__ import annotations

from reconciler.config.policy import EnvironmentPolicy
from reconciler.fleet.domains import OTHERS, Reaches
from reconciler.fleet.ranks import LAST_REACH, NO_REACH
from reconciler.fleet.slots import GREEN, SLOTS, other
from reconciler.release.state import PlannedStep
from reconciler.release.strategies.strategy import Ranks, Strategy
from reconciler.release.swap import FULL, all_to


def steps(ranks: Ranks, policy: EnvironmentPolicy, standby: str = GREEN) -> tuple[PlannedStep, ...]:
    """`ranks` are by slot. Raises ValueError for a policy that does not say how to shift."""
    wanted = policy.blue_green
    if wanted is None:
        raise ValueError(f"the policy of '{policy.name}' does not say how to shift traffic")
    former = other(standby)
    nobody: Reaches = dict.fromkeys((OTHERS, *SLOTS), NO_REACH)
    moved: Reaches = {**nobody, standby: LAST_REACH}
    everybody: Reaches = dict.fromkeys(nobody, LAST_REACH)
    lasts = [wanted.bake_seconds if share < FULL else wanted.hold_seconds for share in wanted.shifts]
    shifts = [{standby: share, former: FULL - share} for share in wanted.shifts]
    planned = (
        (0, nobody, 0, all_to(former)),
        (len(ranks.get(standby, ())), moved, 0, all_to(former)),
        *((0, moved, long, weights) for long, weights in zip(lasts, shifts, strict=True)),
        (len(ranks.get(former, ())), everybody, 0, all_to(standby)),
    )
    return tuple(PlannedStep(number, *step) for number, step in enumerate(planned, start=1))


STRATEGY = Strategy("blue-green", steps)
