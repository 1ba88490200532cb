from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.bundle import canonical
from reconciler.errors import Refused

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_is_written_is_read(document: Any) -> None:
    assert canonical.decode(canonical.encode(document), "it") == document


@given(st.binary())
def test_what_is_read_is_written_the_same(data: bytes) -> None:
    try:
        document = canonical.decode(data, "it")
    except Refused:
        return
    assert canonical.encode(document) == data


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    assert canonical.encode({"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "a": 4}) == (
        '{"a":4,"\u20ac":3,"\U0001f600":2,"\ufb33":1}'.encode()
    )


def test_strings_as_rfc_8785_has_them() -> None:
    assert (
        canonical.encode('\x00\x1f\b\t\n\f\r"\\/\x7f\u00e9')
        == b'"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/\x7f\xc3\xa9"'
    )


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b"1.0",
        b"1e2",
        b"NaN",
        b"-0",
        b"9007199254740993",
        b"1" * 5000,
        b'"\\u0041"',
        b'"\\ud800"',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"{}\n",
        b"",
        b"[" * 100_000,
        b"[" * 40 + b"]" * 40,
    ],
    ids=lambda data: ascii(data[:24]),
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        canonical.decode(data, "it")
    assert caught.value.code == "E-VER-013"


@pytest.mark.parametrize("document", [1.5, {1: 2}, {"a": b""}, "\ud800", 2**53, {"\ud800": 1}], ids=ascii)
def test_what_cannot_be_written(document: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical.encode(document)
