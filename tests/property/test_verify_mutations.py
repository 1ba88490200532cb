"""No byte string that we did not sign ever verifies, and no bit of one that we did may change."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.bundle import archive
from reconciler.bundle.root import sign_root
from reconciler.bundle.verify import Verifier, first_state
from reconciler.errors import Refused
from tests.unit.bundle.offers import AUDIENCE, NOW, Offer, key, offer, root


@functools.cache
def made() -> Offer:
    return offer()


@functools.cache
def second_root() -> bytes:
    return sign_root(root(version=2), [key("root")])


def accept_root(data: bytes) -> None:
    Verifier(made().state, AUDIENCE).accept_root(data, now=NOW)


def accept_first_root(data: bytes) -> None:
    first_state(data, "acme")


def accept_pointer(data: bytes) -> None:
    Verifier(made().state, AUDIENCE).accept_pointer(data, now=NOW)


def accept_blob(data: bytes) -> None:
    verifier = Verifier(made().state, AUDIENCE)
    verifier.accept_pointer(pointer_bytes(), now=NOW)
    verifier.accept_blob(data)


@functools.cache
def ready_for_statement() -> Verifier:
    verifier = Verifier(made().state, AUDIENCE)
    verifier.accept_pointer(pointer_bytes(), now=NOW)
    verifier.accept_blob(made().blob)
    return verifier


def accept_statement(data: bytes) -> None:
    ready_for_statement().accept_statement(data)


@functools.cache
def pointer_bytes() -> bytes:
    return made().pointer_bytes()


OFFERED: dict[str, tuple[Callable[[bytes], None], Callable[[], bytes], set[str]]] = {
    "root": (accept_root, second_root, {"E-VER-002", "E-VER-013", "E-VER-014"}),
    "first root": (accept_first_root, lambda: made().root_bytes(), {"E-VER-002", "E-VER-013", "E-VER-014"}),
    "pointer": (accept_pointer, pointer_bytes, {"E-VER-003", "E-VER-013", "E-VER-014"}),
    "blob": (accept_blob, lambda: made().blob, {"E-VER-009"}),
    "statement": (
        accept_statement,
        lambda: made().statement_bytes(),
        {"E-VER-012", "E-VER-013", "E-VER-014"},
    ),
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
