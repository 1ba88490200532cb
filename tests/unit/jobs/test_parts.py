"""The document with bytes behind it that a confined child answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.flows.parts import Parts, take_apart


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_every_content_is_given_back(contents: list[bytes]) -> None:
    parts = Parts()
    answer = b"".join(parts.behind({"contents": [parts.keep(content) for content in contents]}))
    document, kept = take_apart(answer)
    assert [kept(pair) for pair in document["contents"]] == contents


def test_what_is_kept_twice_is_there_once() -> None:
    parts = Parts()
    content = b"a" * 1000
    assert parts.keep(content) == parts.keep(content)
    assert sum(map(len, parts.behind({}))) < 1100


@pytest.mark.parametrize("pair", [[0, 4], [-1, 2], [2, 1], [0.0, 1], [True, 2], [0], None, "ab"])
def test_what_stands_for_no_content_is_refused(pair: object) -> None:
    parts = Parts()
    parts.keep(b"abc")
    document, kept = take_apart(b"".join(parts.behind({"pair": pair})))
    with pytest.raises((TypeError, ValueError)):
        kept(document["pair"])


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 7, b"\xff" * 8 + b"{}", b"\0" * 7 + b"\x02{", b"\0" * 7 + b"\x01{"]
)
def test_bytes_of_another_make_are_refused(data: bytes) -> None:
    with pytest.raises((TypeError, ValueError)):
        take_apart(data)


def test_the_document_is_json() -> None:
    assert take_apart(b"".join(Parts().behind({"a": [1, None]})))[0] == json.loads('{"a": [1, null]}')
