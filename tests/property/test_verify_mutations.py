"""No byte string that we did not sign ever verifies, and no bit of one that we did may change."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from reconciler.bundle import archive, dsse
from reconciler.bundle.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from reconciler.bundle.limits import LIMITS
from reconciler.bundle.logged import check_extends, tiles_between
from reconciler.bundle.pointer import sign_pointer
from reconciler.bundle.root import make_root, sign_root
from reconciler.bundle.statement import sign_statement
from reconciler.bundle.tiles import Tile
from reconciler.bundle.verify import TrustState, Verifier, first_state
from reconciler.errors import Refused
from tests.unit.bundle.offers import AUDIENCE, DAY, NOW, Offer, key, offer, public, root
from tests.unit.bundle.paper_log import PaperLog, logged


@functools.cache
def made() -> Offer:
    return offer()


TWO = ("a", "b")


@functools.cache
def strict() -> TrustState:
    """What a node knows whose organization asks for two signatures of everything."""
    roles = {role: ([public(f"{role}-{name}") for name in TWO], 2) for role in ("root", "bundle", "pointer")}
    first = make_root(version=1, organization="acme", epoch=1, expires=NOW + 365 * DAY, roles=roles)
    return TrustState(first)


def both(role: str) -> tuple[SigningKey, ...]:
    return tuple(key(f"{role}-{name}") for name in TWO)


@functools.cache
def first_root() -> bytes:
    return sign_root(strict().root, both("root"))


@functools.cache
def second_root() -> bytes:
    """Signed by the two keys that count so far and by the one that counts from now on."""
    keys = [*both("root"), key("root")]
    return sign_root(root(version=2), keys)


def accept_root(data: bytes) -> None:
    Verifier(strict(), AUDIENCE).accept_root(data, now=NOW)


def accept_first_root(data: bytes) -> None:
    first_state(data, "acme")


def accept_pointer(data: bytes) -> None:
    Verifier(strict(), AUDIENCE).accept_pointer(data, now=NOW)


@functools.cache
def ready_for_blob() -> Verifier:
    verifier = Verifier(strict(), AUDIENCE)
    verifier.accept_pointer(pointer_bytes(), now=NOW)
    return verifier


def accept_blob(data: bytes) -> None:
    ready_for_blob().accept_blob(data)


@functools.cache
def ready_for_statement() -> Verifier:
    verifier = Verifier(strict(), AUDIENCE)
    verifier.accept_pointer(pointer_bytes(), now=NOW)
    verifier.accept_blob(made().blob)
    return verifier


def accept_statement(data: bytes) -> None:
    ready_for_statement().accept_statement(data)


@functools.cache
def pointer_bytes() -> bytes:
    return sign_pointer(logged(made().pointer, *both("pointer")), *both("pointer"))


@functools.cache
def statement_bytes() -> bytes:
    return sign_statement(made().statement, *both("bundle"))


@functools.cache
def grown() -> tuple[Checkpoint, Checkpoint, Tile, bytes]:
    """Two checkpoints of one log, and the only tile that shows that the newer extends the older."""
    log = PaperLog()
    log.grow(3)
    old = log.checkpoint()
    log.grow(4)
    (tile,) = tiles_between(old, log.checkpoint())
    return old, log.checkpoint(), tile, log.tiles[tile]


def accept_checkpoint(data: bytes) -> None:
    open_checkpoint(data.decode(errors="replace"), strict().root)


def accept_tile(data: bytes) -> None:
    old, new, tile, _ = grown()
    check_extends(old, new, {tile: data})


OFFERED: dict[str, tuple[Callable[[bytes], None], Callable[[], bytes], set[str]]] = {
    "root": (accept_root, second_root, {"E-VER-002", "E-VER-013", "E-VER-014"}),
    "first root": (accept_first_root, first_root, {"E-VER-002", "E-VER-013", "E-VER-014"}),
    "pointer": (accept_pointer, pointer_bytes, {"E-VER-003", "E-VER-013", "E-VER-014"}),
    "checkpoint": (
        accept_checkpoint,
        lambda: sign_checkpoint(grown()[1], both("pointer")).encode(),
        {"E-VER-015"},
    ),
    "tile": (accept_tile, lambda: grown()[3], {"E-VER-016"}),
    "blob": (accept_blob, lambda: made().blob, {"E-VER-009"}),
    "statement": (accept_statement, statement_bytes, {"E-VER-012", "E-VER-013", "E-VER-014"}),
}


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("what", OFFERED)
def test_the_whole_one_is_accepted(what: str) -> None:
    accept, data, _ = OFFERED[what]
    accept(data())


@pytest.mark.parametrize("what", OFFERED)
def test_each_single_bit_flip_is_refused_by_the_step_that_should(what: str) -> None:
    accept, data, codes = OFFERED[what]
    whole = data()
    for bit in range(8 * len(whole)):
        with pytest.raises(Refused) as caught:
            accept(flipped(whole, bit))
        assert caught.value.code in codes, bit


def test_with_a_signature_too_many_no_flip_changes_what_is_believed() -> None:
    """A signature that is not needed may be spoilt until nobody knows whose it is. What was signed is still there."""
    spare = dsse.add_signature(pointer_bytes(), key("pointer-c"), limit=LIMITS.pointer)
    signed = dsse.read_envelope(spare, "it", limit=LIMITS.pointer).payload
    believed = 0
    for bit in range(8 * spare.index(b'"signatures"'), 8 * len(spare)):
        changed = flipped(spare, bit)
        try:
            accept_pointer(changed)
        except Refused:
            continue
        believed += 1
        assert dsse.read_envelope(changed, "it", limit=LIMITS.pointer).payload == signed
    assert believed > 0


@pytest.mark.parametrize("what", OFFERED)
@given(data=st.data())
def test_cut_grown_and_spliced_is_refused(what: str, data: st.DataObject) -> None:
    accept, make, _ = OFFERED[what]
    whole = make()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    changed = whole[:start] + data.draw(st.binary(max_size=40)) + whole[end:]
    if changed == whole:
        return
    with pytest.raises(Refused):
        accept(changed)


@pytest.mark.parametrize("what", OFFERED)
@given(noise=st.binary(max_size=4000))
def test_noise_is_refused(what: str, noise: bytes) -> None:
    with pytest.raises(Refused):
        OFFERED[what][0](noise)


@pytest.mark.parametrize("what", OFFERED)
@pytest.mark.parametrize("other", OFFERED)
def test_one_is_not_taken_for_another(what: str, other: str) -> None:
    if {what, other} <= {"root", "first root"} or what == other:
        return
    with pytest.raises(Refused):
        OFFERED[what][0](OFFERED[other][1]())


@given(st.binary(max_size=3000))
def test_the_archive_reader_meets_noise_with_refusals_alone(noise: bytes) -> None:
    for read in (archive.unpack, archive.read_tar):
        with pytest.raises(Refused):
            read(noise)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9_]{1,8}(/[a-z0-9_.]{0,1}[a-z0-9_]{1,8}){0,2}", fullmatch=True),
        st.binary(max_size=2000),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_packed_is_unpacked_and_packed_the_same(files: dict[str, bytes]) -> None:
    try:
        tar = archive.build_tar(files)
    except Refused:
        return
    assert archive.unpack(archive.compress(tar)) == files
    assert archive.build_tar(dict(archive.read_tar(tar))) == tar


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=1))
def test_a_changed_byte_of_a_tar_gives_other_files_or_a_refusal(at: int, byte: bytes) -> None:
    tar = made().tar
    at %= len(tar)
    changed = tar[:at] + byte + tar[at + 1 :]
    try:
        files = archive.read_tar(changed)
    except Refused:
        return
    assert archive.build_tar(files) == changed
