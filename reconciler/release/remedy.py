"""What is done about nodes that drift: their pointer is issued again, within bounds."""

from __future__ import annotations

from datetime import datetime, timedelta

from reconciler.clock import iso
from reconciler.config.policy import EnvironmentPolicy
from reconciler.release import rules
from reconciler.release.actions import Reissue
from reconciler.release.approvals import live_short
from reconciler.release.decision import Decision, act, wait
from reconciler.release.facts import Facts
from reconciler.release.state import EnvironmentState, Ledger, Reason

HOUR = timedelta(hours=1)


def remedy(
    state: EnvironmentState, ledger: Ledger, policy: EnvironmentPolicy, facts: Facts, *, now: datetime
) -> Decision | None:
    """Between two rollouts, when nothing holds: issue the pointer again, or say why not yet. None: nothing drifts."""
    drift = policy.drift
    if not drift.remediate or not facts.drifting:
        return None
    nodes = "1 node drifts" if facts.drifting == 1 else f"{facts.drifting} nodes drift"
    frozen = tuple(rules.freezing(state, policy, facts, now))
    if frozen:
        because = Reason("W-REL-030", f"{nodes}, and nothing is done about it in a freeze")
        return wait(because, *frozen, until=rules.thaw(policy, now))
    short = tuple(live_short(state, ledger, policy, facts))
    if short:
        return wait(
            Reason("W-REL-082", f"{nodes}, and nothing is done about it while approvals are missing"), *short
        )
    recent = [at for at in ledger.reissued if now - at < HOUR]
    if len(recent) >= drift.per_hour:
        words = f"{nodes}, and the pointer was issued again {len(recent)} times within an hour already"
        because = Reason("W-REL-031", f"{words}; a person has to look at them")
        return wait(because, until=recent[drift.per_hour - 1] + HOUR)
    grace = timedelta(seconds=drift.grace_seconds)
    if recent and now - recent[0] < grace:
        until = recent[0] + grace
        because = Reason(
            "W-REL-032", f"{nodes}; the pointer was issued again, and they have until {iso(until)}"
        )
        return wait(because, until=until)
    return act(Reissue(facts.drifting), nodes)
