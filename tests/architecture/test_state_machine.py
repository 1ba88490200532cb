"""The picture of a rollout's states leaves none out."""

from __future__ import annotations

from reconciler.release.state import ENDED_STATES, OPEN_STATES
from tests.architecture.state_machine import START, edges


def test_every_state_is_reached_and_only_ended_ones_are_ends() -> None:
    found = edges()
    assert {edge.after for edge in found} == {*OPEN_STATES, *ENDED_STATES}
    left = {edge.before for edge in found} - {START}
    assert left.isdisjoint({"completed", "rolled-back", "superseded", "cancelled", "widened"})
