"""Properties of what a node accepts as its secrets: the values that the signed manifest names, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey

from reconciler.bundle.sealed import DATA_KEY, NONCE, TAG, WRAPPED, Label
from reconciler.errors import Refused
from reconciler.keys.sealing import rewrap, seal
from reconciler.node.sealedset import SealedSecret, decode_sealed_set, encode_sealed_set, open_sealed_set
from reconciler.pinned import Pinned

KEY, OTHER = PrivateKey(b"k" * DATA_KEY), PrivateKey(b"o" * DATA_KEY)
NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
SECRETS = st.dictionaries(
    NAMES, st.tuples(st.integers(1, 1_000_000), st.binary(min_size=1, max_size=40)), min_size=1
)
VALUES = st.binary(min_size=NONCE + TAG + 1, max_size=80)


def sealed(secrets: dict[str, tuple[int, bytes]], key: PrivateKey = KEY) -> tuple[SealedSecret, ...]:
    made = []
    for name, (version, value) in secrets.items():
        one = seal(value, bytes(key.public_key), Label("shop", "production", name, version))
        made.append(SealedSecret(name, version, one.value, one.wrapped))
    return tuple(made)


def listed(secrets: tuple[SealedSecret, ...]) -> dict[str, Pinned]:
    """As a manifest lists them."""
    return {one.name: Pinned.of(one.version, one.value) for one in secrets}


@given(SECRETS)
@settings(max_examples=50)
def test_what_is_listed_is_accepted_and_opens_however_its_keys_are_wrapped(
    secrets: dict[str, tuple[int, bytes]],
) -> None:
    true = sealed(secrets)
    again = tuple(replace(one, wrapped=rewrap(one.wrapped, KEY, bytes(OTHER.public_key))) for one in true)
    assert listed(again) == listed(true)
    for held, key in ((true, KEY), (again, OTHER)):
        read = decode_sealed_set(encode_sealed_set(held), listed(true))
        assert open_sealed_set(read, key, project="shop", environment="production") == {
            name: value for name, (_, value) in secrets.items()
        }


@given(SECRETS, st.data())
@settings(max_examples=100)
def test_any_other_value_is_refused(secrets: dict[str, tuple[int, bytes]], data: st.DataObject) -> None:
    """Whether it is rubbish, another secret's, or sealed anew for the same key under the same label."""
    true = sealed(secrets)
    place = data.draw(st.integers(0, len(true) - 1))
    candidates = st.one_of(
        VALUES,
        st.sampled_from([one.value for one in sealed(secrets)]),
        st.sampled_from([one.value for one in true]),
        st.integers(0, 8 * len(true[place].value) - 1).map(lambda bit: flipped(true[place].value, bit)),
    ).filter(lambda value: value != true[place].value)
    forged = (*true[:place], replace(true[place], value=data.draw(candidates)), *true[place + 1 :])
    with pytest.raises(Refused) as caught:
        decode_sealed_set(encode_sealed_set(forged), listed(true))
    assert caught.value.code == "E-NOD-059"


@given(st.binary(min_size=WRAPPED, max_size=WRAPPED), VALUES, st.integers(1, 9))
def test_names_and_versions_are_looked_at_first(wrapped: bytes, value: bytes, version: int) -> None:
    held = encode_sealed_set((SealedSecret("a", version, value, wrapped),))
    for needed in ({}, {"b": Pinned.of(version, value)}, {"a": Pinned.of(version + 1, value)}):
        with pytest.raises(Refused) as caught:
            decode_sealed_set(held, needed)
        assert caught.value.code == "E-NOD-050"


def flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
