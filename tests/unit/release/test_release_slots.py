"""The parts of the ledger that are there for slots: what is written is read again, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.fleet.slots import Slots
from reconciler.release.document import MalformedError
from reconciler.release.ledger import read_plan, read_rollout
from reconciler.release.planning import make_plan
from reconciler.release.render import render_plan, render_rollout
from reconciler.release.state import Ledger
from reconciler.release.swap import Serving
from tests.unit.release.test_release_blue_green import NEW, PROD, RANKS, returning

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
PLAN = render_plan(make_plan("r-0002", NEW, PROD, RANKS)).decode()


def test_what_is_written_is_read_again() -> None:
    assert read_plan(PLAN.encode(), "plan.kdl") == make_plan("r-0002", NEW, PROD, RANKS)
    for serving in (Serving(Slots(), "blue"), Serving(Slots("slot", "b", "g"), "green"), None):
        ledger = Ledger(7, serving=serving)
        assert read_rollout(render_rollout(ledger), "rollout.kdl") == ledger
    for step in (3, 6):
        found = returning(step).files.ledger
        assert found is not None
        again = read_rollout(render_rollout(found), "rollout.kdl")
        assert (again.rollout, again.serving) == (found.rollout, found.serving)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('swap "green"', 'swap "red"'),
        (" within=5", ""),
        (' label="slot"', ""),
        ('label="slot"', 'label="Slot!"'),
        ("blue=90 green=10", "blue=90"),
        ("blue=90 green=10", "blue=0 green=0"),
        ("blue=90 green=10", "blue=190 green=10"),
        ("blue=90 green=10", ""),
    ],
)
def test_another_plan_is_refused(old: str, new: str) -> None:
    assert old in PLAN, PLAN
    with pytest.raises(MalformedError):
        read_plan(PLAN.replace(old, new, 1).encode(), "plan.kdl")


@pytest.mark.parametrize(
    "line",
    [
        'serving "red"',
        'serving "blue" label="slot"',
        'serving "blue" balancer="x"',
        'serving "blue"\nserving "green"',
    ],
)
def test_another_serving_is_refused(line: str) -> None:
    with pytest.raises(MalformedError):
        read_rollout(f"sequence 1\n{line}\n".encode(), "rollout.kdl")
