"""Each attack of the threat list against the pure verifier; `tests/integration/test_attacks.py` is against nodes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.bundle.logged import Seen
from reconciler.bundle.pointer import peek_pointer
from reconciler.bundle.tiles import Tile
from reconciler.bundle.verify import Audience, TrustState, Verifier, first_state
from reconciler.errors import Refused
from tests.unit.bundle.attacks import ATTACKS, GOOD, NEXT, SEQUENCE, Attack, Scene, Served
from tests.unit.bundle.paper_log import PaperLog
from tests.unit.node.publishing import DAY

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
PURE = [attack for attack in ATTACKS if attack.pure]


@pytest.fixture
def scene() -> Scene:
    scene = Scene(NOW, PaperLog())
    scene.log.grow(3)
    return scene


def before(scene: Scene) -> TrustState:
    """What a node knows that activated GOOD."""
    accepted = peek_pointer(scene.point(GOOD, SEQUENCE), limit=10**6)
    known = first_state(scene.root(1, "root"), "acme").confirmed(accepted)
    return TrustState(
        known.root, known.epoch, known.sequence, known.digest, known.cohort, known.issued,
        Seen(accepted.epoch, accepted.log.checkpoint),
    )  # fmt: skip


def walk(state: TrustState, served: Served, now: datetime) -> None:
    """What a node does with what it is served."""
    verifier = Verifier(state, Audience("acme", "shop", "production", served.cohort))
    for version in range(2, served.root_version + 1):
        verifier.accept_root(served.roots[version], now=now)
    verifier.accept_pointer(served.pointer, now=now)
    tiles: dict[Tile, bytes] = {tile: served.tiles.get(tile, b"") for tile in verifier.log_tiles}
    verifier.accept_log(tiles)
    verifier.accept_blob(served.blob)
    verifier.accept_statement(served.statement)


def test_without_an_attack_all_is_accepted(scene: Scene) -> None:
    state = before(scene)
    walk(state, scene.serve(scene.point()), NOW)
    walk(state, scene.serve(scene.point(), roots={2: scene.root(2, "root")}), NOW)
    walk(state, scene.serve(scene.point(), blob=NEXT.blob), NOW - 365 * DAY)


@pytest.mark.parametrize("attack", PURE, ids=lambda attack: attack.name)
def test_the_verifier_refuses(scene: Scene, attack: Attack) -> None:
    state = before(scene)
    with pytest.raises(Refused) as caught:
        walk(state, attack.serve(scene), NOW - attack.back)
    assert caught.value.code == attack.code
