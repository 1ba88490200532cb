"""Step 7: what a node believes of the log that its pointers carry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.bundle.checkpoint import sign_checkpoint
from reconciler.bundle.dsse import sign
from reconciler.bundle.leaves import AuditLeaf
from reconciler.bundle.logged import Seen
from reconciler.bundle.pointer import PAYLOAD_TYPE, Pointer, encode_pointer, sign_pointer
from reconciler.bundle.tiles import Tile
from reconciler.bundle.verify import Misuse, TrustState, Verifier
from reconciler.errors import Refused
from tests.unit.bundle.offers import AUDIENCE, NOW, key, offer, root
from tests.unit.bundle.paper_log import PaperLog, logged

MADE = offer()


def raw(pointer: Pointer) -> bytes:
    """Signed by somebody who holds the pointer key and checks nothing."""
    return sign(PAYLOAD_TYPE, encode_pointer(pointer), (key("pointer"),))


def look(log: PaperLog, state: TrustState | None = None, **changes: Any) -> Verifier:
    """A verifier that accepted a pointer out of this log, as far as the pointer itself goes."""
    verifier = Verifier(state or MADE.state, AUDIENCE)
    verifier.accept_pointer(MADE.pointer_bytes(log, **changes), now=NOW)
    return verifier


def refusal(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)
    return caught.value.code


def test_step_7_the_first_log_is_believed_and_remembered() -> None:
    log = PaperLog()
    log.grow(5)
    verifier = look(log)
    assert verifier.log_tiles == ()
    assert verifier.state.log == Seen(1, sign_checkpoint(log.checkpoint(), [key("pointer")]))
    verifier.accept_blob(MADE.blob)


@pytest.mark.parametrize("before", [1, 2, 3, 255, 256, 257, 600])
def test_step_7_a_log_that_grew_is_believed_when_tiles_show_that_it_only_grew(before: int) -> None:
    log = PaperLog()
    log.grow(before - 1)
    state = look(log).state
    log.grow(300)
    verifier = look(log, state, sequence=8)
    assert 1 <= len(verifier.log_tiles) <= 3
    with pytest.raises(Misuse):
        verifier.accept_blob(MADE.blob)
    assert verifier.state.log == state.log
    verifier.accept_log(log.tiles)
    assert verifier.state.log is not None
    assert verifier.state.log.checkpoint.startswith(f"sentinel/acme\n{before + 301}\n")
    verifier.accept_blob(MADE.blob)


def test_step_7_the_same_log_again_needs_no_tiles() -> None:
    log = PaperLog()
    state = look(log).state
    assert look(log, state).log_tiles == ()


def test_step_7_a_smaller_log_is_refused() -> None:
    log, older = PaperLog(), PaperLog()
    log.grow(9)
    older.grow(4)
    state = look(log).state
    assert refusal(look, older, state) == "E-VER-016"


def test_step_7_another_log_of_the_same_size_is_refused() -> None:
    log, other = PaperLog(), PaperLog()
    log.grow(4)
    other.grow(4, "f")
    state = look(log).state
    assert refusal(look, other, state) == "E-VER-016"


@pytest.mark.parametrize("shared", [0, 3, 5])
def test_step_7_a_forked_log_is_refused_whatever_tiles_are_served(shared: int) -> None:
    log, fork = PaperLog(), PaperLog()
    for one in (log, fork):
        one.grow(shared)
    log.grow(6 - shared)
    fork.grow(20, "f")
    state = look(log).state
    verifier = look(fork, state, sequence=8)
    for tiles in (fork.tiles, log.tiles, fork.tiles | log.tiles, {}):
        assert refusal(verifier.accept_log, tiles) == "E-VER-016"
    assert verifier.state.log == state.log


def test_step_7_every_bit_of_a_tile_that_is_needed_counts() -> None:
    log = PaperLog()
    log.grow(4)
    state = look(log).state
    log.grow(6)
    verifier = look(log, state, sequence=8)
    (tile,) = verifier.log_tiles
    whole = log.tiles[tile]
    for bit in range(0, 8 * len(whole), 3):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        assert refusal(verifier.accept_log, {tile: bytes(changed)}) == "E-VER-016"
    assert refusal(verifier.accept_log, {tile: whole[:-1]}) == "E-VER-016"
    assert refusal(verifier.accept_log, {Tile(0, 0, 4): whole}) == "E-VER-016"
    verifier.accept_log({tile: whole})


def test_step_7_a_new_epoch_may_begin_another_log() -> None:
    log, other = PaperLog(), PaperLog()
    log.grow(9)
    state = replace(look(log).state, root=root(version=2, epoch=2))
    assert look(other, state, epoch=2, sequence=1).log_tiles == ()
    back = replace(look(other, state, epoch=2, sequence=1).state, root=root())
    assert refusal(look, log, back) == "E-VER-016"


def test_step_7_a_pointer_that_is_not_in_the_log_is_refused() -> None:
    log = PaperLog()
    log.grow(3)
    honest = logged(MADE.pointer, key("pointer"), log=log)
    for wrong in (
        replace(honest, sequence=8),
        replace(honest, weight=50),
        replace(honest, log=replace(honest.log, index=2)),
        replace(honest, log=replace(honest.log, proof=honest.log.proof[:-1])),
        replace(honest, log=replace(honest.log, index=2**53 - 1)),
    ):
        verifier = Verifier(MADE.state, AUDIENCE)
        assert refusal(verifier.accept_pointer, raw(wrong), now=NOW) == "E-VER-017"
        assert refusal(sign_pointer, wrong, key("pointer")) == "E-VER-017"


@pytest.mark.parametrize(
    "signed",
    [
        pytest.param(lambda c: sign_checkpoint(c, [key("bundle")]), id="by the bundle key"),
        pytest.param(
            lambda c: sign_checkpoint(replace(c, origin="sentinel/other"), [key("pointer")]),
            id="of another log",
        ),
        pytest.param(lambda c: c.text, id="not signed"),
        pytest.param(lambda c: "", id="none"),
    ],
)
def test_step_7_a_checkpoint_that_the_pointer_role_did_not_sign_is_refused(signed: Any) -> None:
    pointer = logged(MADE.pointer, key("pointer"))
    log = PaperLog()
    log.add(MADE.pointer.leaf)
    wrong = replace(pointer, log=replace(pointer.log, checkpoint=signed(log.checkpoint())))
    assert refusal(Verifier(MADE.state, AUDIENCE).accept_pointer, raw(wrong), now=NOW) == "E-VER-015"


def test_dating_a_pointer_again_is_the_same_entry_and_a_new_decision_is_not() -> None:
    pointer = MADE.pointer
    later = replace(pointer, issued=NOW.replace(hour=21), expires=NOW.replace(hour=23))
    assert later.leaf == pointer.leaf
    assert replace(pointer, sequence=8).leaf != pointer.leaf
    log = PaperLog()
    assert log.add(pointer.leaf) == log.add(later.leaf)
    assert log.add(AuditLeaf("acme", 1, "0" * 64)) == 1
