"""Traffic of moved nodes, for truth tables of gates that judge reports."""

from __future__ import annotations

from typing import Any

from reconciler.fleet.batches import Batch
from reconciler.fleet.signals import Traffic
from reconciler.release.gates import GateFacts
from reconciler.release.signals import StepSignals
from tests.unit.release.step_facts import NOW, SINCE, step

MOVED = Batch(total=4, settled=4)


def seen(*, nodes: int = 4, reporting: int = 4, **counts: Any) -> Traffic:
    """What four nodes counted since the step began."""
    return Traffic(nodes, reporting, SINCE, NOW, **counts)


def with_traffic(traffic: Traffic | None, *, planned: int = 4, batch: Batch = MOVED) -> GateFacts:
    """A step whose moved nodes counted this, in all the time and lately."""
    return step(batch, planned=planned, signals=StepSignals(NOW, NOW, moved=traffic, recent=traffic))


UNKNOWN = {
    "nobody looked": step(MOVED),
    "no node runs it": with_traffic(seen(nodes=0, reporting=0)),
    "nothing was read": with_traffic(None),
    "nobody reports": with_traffic(seen(reporting=0)),
    "too few report": with_traffic(
        seen(
            reporting=2, requests=9999, observed=9999, buckets=((1, 9999),), cpu_permille=1, memory_permille=1
        )
    ),
    "they report no more": step(
        MOVED,
        signals=StepSignals(
            NOW,
            NOW,
            moved=seen(requests=9999, observed=9999, buckets=((1, 9999),), cpu_permille=1, memory_permille=1),
            recent=seen(reporting=2),
            control=seen(requests=9999, observed=9999, buckets=((1, 9999),)),
        ),
    ),
    "planned nodes are gone": step(Batch(), planned=4),
}
"""Facts of which no gate may make a Pass: nobody's word is not a good word."""

NOBODY = with_traffic(None, planned=0, batch=Batch())
"""A step for no nodes."""
