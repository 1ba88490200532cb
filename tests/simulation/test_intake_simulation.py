"""No push is lost, whatever becomes of its delivery, and the report lists the deliveries that were."""

from __future__ import annotations

from reconciler.db import session
from reconciler.db.intake import Gap
from reconciler.settings import Settings
from tests.simulation.intake_world import play


def test_five_hundred_pushes_over_every_forge(database: Settings) -> None:
    world = play(database, seed=1, pushes=500)
    with session.reading():
        late = Gap.select().where(Gap.explained_at.is_null(False)).count()
        guesses = {gap.guess for gap in Gap.select()}
    assert len(world.expected()) > 50, "many were lost"
    assert late > 10, "some were late, and are told apart"
    assert len(guesses) >= 6
