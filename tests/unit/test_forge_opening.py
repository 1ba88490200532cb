"""Opening pull requests, over real HTTP: what is there already is not opened again, in whatever state it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.errors import Transient
from reconciler.forge import FORGES
from reconciler.forge.opening import OPENERS, Proposal
from tests.forges import server as forges
from tests.forges.server import Fault
from tests.unit.test_forge_contracts import EACH, NAME, talking

TOLD = Proposal("change/c_1", "main", "Set it", "because")


@EACH
def test_one_that_is_not_there_is_opened_once_and_stays_what_people_make_of_it(kind: str) -> None:
    with talking(kind) as (forge, _, ask):
        forge.pulls = {
            3: forges.Pull("a" * 40, TOLD.source, "release/1.x"),
            4: forges.Pull("a" * 40, TOLD.source, "main", inside=False),
            5: forges.Pull("a" * 40, "change/c_2", "main"),
        }
        # The answer gets lost after it was done.
        forge.faults = [Fault(lost=True, methods=("POST",))]
        with pytest.raises(Transient):
            OPENERS[kind](ask, NAME, TOLD)
        assert OPENERS[kind](ask, NAME, TOLD) == 6
        made = forge.pulls[6]
        assert (made.source, made.target, made.title, made.text) == (
            "change/c_1",
            "main",
            "Set it",
            "because",
        )
        made.open = False
        assert OPENERS[kind](ask, NAME, TOLD) == 6
        assert sorted(forge.pulls) == [3, 4, 5, 6]


def test_openers_are_named_as_forges_are() -> None:
    assert set(OPENERS) == set(FORGES)


@EACH
def test_one_that_is_known_to_have_ended_is_followed_by_another(kind: str) -> None:
    with talking(kind) as (forge, _, ask):
        forge.pulls = {4: forges.Pull("a" * 40, TOLD.source, "main", open=False)}
        assert OPENERS[kind](ask, NAME, replace(TOLD, before=3)) == 4
        forge.pulls[5] = forges.Pull("a" * 40, TOLD.source, "main", inside=False)
        forge.faults = [Fault(lost=True, methods=("POST",))]
        with pytest.raises(Transient):
            OPENERS[kind](ask, NAME, replace(TOLD, before=4))
        assert OPENERS[kind](ask, NAME, replace(TOLD, before=4)) == 6
        assert sorted(forge.pulls) == [4, 5, 6]
