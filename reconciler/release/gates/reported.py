"""What every gate that judges reports asks first: whether enough nodes report, and enough requests were seen."""

from __future__ import annotations

from reconciler.fleet.signals import Traffic
from reconciler.release.gates.gate import GateFacts
from reconciler.release.verdict import Pass, Verdict, Wait

UNSERVED = "no requests are meant to reach the moved nodes yet"
HOW = "each node's agent has to read its proxy's metrics: docs/nodes.md"


def reports(facts: GateFacts, traffic: Traffic | None) -> Traffic | Verdict:
    """The traffic of the moved nodes, or the answer of a gate that cannot judge it.

    Of the nodes that run the digest all but as many as may be unavailable have to report, and to report still: what
    was counted before a node fell silent says nothing of how it is now.
    """
    if facts.nobody:
        return Pass("no nodes")
    if traffic is None or traffic.nodes == 0:
        return Wait("no moved node runs it yet")
    missing = traffic.nodes - traffic.reporting
    if traffic.reporting == 0:
        return Wait(f"none of the {traffic.nodes} moved nodes reports what its proxy measures; {HOW}")
    if missing > facts.rules.max_unavailable:
        return Wait(
            f"{missing} of {traffic.nodes} moved nodes do not report what their proxies measure; {HOW}"
        )
    recent = facts.signals.recent if facts.signals is not None else None
    if recent is None or recent.nodes - recent.reporting > facts.rules.max_unavailable:
        quiet = traffic.nodes if recent is None else recent.nodes - recent.reporting
        return Wait(f"{quiet} of {traffic.nodes} moved nodes report nothing any more")
    return traffic


def enough(count: int, samples: int) -> Wait | None:
    """The answer of a gate that has seen too few requests; None when there are enough."""
    if count >= samples:
        return None
    return Wait(f"{count} of at least {samples} requests seen", evidence={"requests": count})


def percent(part: int, whole: int) -> str:
    """A share for people: two decimals, more where there would be none left."""
    share = part / whole * 100
    return f"{share:.2f}%" if share >= 0.01 or part == 0 else f"{share:.4f}%"
