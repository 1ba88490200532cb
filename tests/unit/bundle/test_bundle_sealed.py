"""Sealed values: what opens them, and everything that does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey

from reconciler.bundle.sealed import LONGEST, Label, key_id, open_value, parse_sealed, unwrap
from reconciler.errors import Refused
from reconciler.keys.sealing import rewrap, seal

KEY = PrivateKey(bytes(range(32)))
OTHER = PrivateKey(bytes(range(1, 33)))
PUBLIC = bytes(KEY.public_key)
LABEL = Label("shop", "production", "db-password", 3)
CANARY = "aGVyZSBpcyBhIHNlY3JldA"
"""Stands in every text that is refused: no message holds it by chance, as it may hold the rest of the text."""


@given(st.binary(min_size=1, max_size=400))
def test_what_is_sealed_is_opened_again(value: bytes) -> None:
    sealed = parse_sealed(seal(value, PUBLIC, LABEL).text())
    assert sealed.key_id == key_id(PUBLIC)
    assert open_value(sealed.value, unwrap(sealed.wrapped, KEY), LABEL) == value


def test_a_rewrapped_data_key_opens_the_same_bytes() -> None:
    sealed = seal(b"correct horse", PUBLIC, LABEL)
    for_other = rewrap(sealed.wrapped, KEY, bytes(OTHER.public_key))
    assert open_value(sealed.value, unwrap(for_other, OTHER), LABEL) == b"correct horse"
    with pytest.raises(Refused, match="not wrapped for this key"):
        unwrap(for_other, KEY)


@pytest.mark.parametrize(
    "label",
    [
        pytest.param(replace(LABEL, project="bank"), id="project"),
        pytest.param(replace(LABEL, environment="staging"), id="environment"),
        pytest.param(replace(LABEL, name="db-user"), id="name"),
        pytest.param(replace(LABEL, version=4), id="version"),
    ],
)
def test_a_value_moved_to_another_label_is_refused(label: Label) -> None:
    sealed = seal(b"correct horse", PUBLIC, LABEL)
    with pytest.raises(Refused) as refusal:
        open_value(sealed.value, unwrap(sealed.wrapped, KEY), label)
    assert refusal.value.code == "E-SEC-003"


def test_every_flipped_bit_of_a_value_is_refused() -> None:
    sealed = seal(b"x", PUBLIC, LABEL)
    data_key = unwrap(sealed.wrapped, KEY)
    for bit in range(len(sealed.value) * 8):
        flipped = bytearray(sealed.value)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Refused):
            open_value(bytes(flipped), data_key, LABEL)


@pytest.mark.parametrize("size", [0, LONGEST + 1])
def test_a_value_has_one_byte_to_64_kib(size: int) -> None:
    with pytest.raises(ValueError, match="1 to 65536"):
        seal(b"x" * size, PUBLIC, LABEL)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_other_text_is_refused_without_being_repeated(before: str, after: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_sealed(f"{before}{CANARY}{after}")
    assert refusal.value.code == "E-SEC-001"
    assert CANARY not in str(refusal.value)


def test_there_is_one_way_to_write_a_value() -> None:
    text = seal(b"ab", PUBLIC, LABEL).text()
    with pytest.raises(Refused):
        parse_sealed(text + "=")
    with pytest.raises(Refused):
        parse_sealed(text.replace("v1.", "v2.", 1))
