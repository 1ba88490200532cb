"""The quick way of reading a body and the strict one agree, and what only the strict one may judge goes there."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.nodes import body
from web.nodes.problems import Problem
from web.nodes.reports import read_report

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def outcome(data: bytes) -> Any:
    """What comes of it: the document with the types of its numbers, or the words of the refusal."""
    try:
        return repr(body.parse_object(data))
    except Problem as problem:
        return str(problem)


def strictly(data: bytes) -> Any:
    """The same without the quick way."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(body.orjson, "loads", _refuse)
        return outcome(data)


def _refuse(data: bytes) -> Any:
    raise ValueError(data)


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.booleans(), st.booleans())
def test_both_read_the_same(document: dict[str, Any], escaped: bool, spaced: bool) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    try:
        data = json.dumps(document, ensure_ascii=escaped, separators=separators).encode()
    except UnicodeEncodeError:
        return
    assert outcome(data) == strictly(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b'{"a":{"b":[-1e400]}}',
        b'{"a":Infinity}',
        b'{"a":1e400}',
        b'{"a":-0}',
        b'{"a":-0.0}',
        b'{"a":1.0}',
        b'{"a":1e5}',
        b'{"a":123456789012345678901234567890}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1} ',
        b'{"a":1}x',
        b'{"a":01}',
        b'{"a":"\x01"}',
        b"[" * 300,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b"null",
        b"[]",
        b"",
    ],
)
def test_both_judge_the_same(data: bytes) -> None:
    assert outcome(data) == strictly(data)


def test_what_agents_write_takes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(words: str) -> Any:
        raise AssertionError(words)

    monkeypatch.setattr(body, "_DECODER", type("Never", (), {"decode": staticmethod(decode)}))
    document = {"name": "nöde", "labels": {"region": "eu"}, "counter": 7, "share": 0.25, "none": None}
    assert body.parse_object(orjson.dumps(document)) == document


@pytest.mark.parametrize("data", [b'{"a":1e400}', b'{"a":[-1e400]}'])
def test_a_number_beyond_every_number_is_refused(data: bytes) -> None:
    assert "not a JSON object" in outcome(data)


def test_what_was_said_before_is_known_again_and_nothing_else_is() -> None:
    beat = {"boot_id": "boot-0001", "counter": 1, "sequence": 1, "labels": {"region": "eu"}, "running": None}
    first, again = read_report(dict(beat)), read_report({**beat, "boot_id": "boot-0002", "counter": 2})
    assert again.said is first.said == {"sequence": 1, "labels": {"region": "eu"}, "running": ""}
    assert (again.boot_id, again.counter) == ("boot-0002", 2)
    for change in ({"sequence": True}, {"sequence": 1.0}, {"sequence": 10**30}, {"labels": {"region": 1}}):
        for _ in range(2):
            with pytest.raises(Problem, match=next(iter(change))):
                read_report({**beat, **change})
    assert read_report({**beat, "sequence": 2}).said["sequence"] == 2


def test_more_words_than_are_usual_are_not_kept() -> None:
    labels = {f"label-{number}": "x" * 63 for number in range(20)}
    refusal = {
        "code": "E-ACT-001",
        "message": "m" * 2_000,
        "digest": None,
        "sequence": 1,
        "at": "2026-11-25T20:00:00Z",
    }
    health = {"state": "unhealthy", "reason": "r" * 1_000}
    beat = {"boot_id": "boot-0001", "counter": 1, "labels": labels, "refusal": refusal, "health": health}
    first, again = read_report(dict(beat)), read_report(dict(beat))
    assert first.said == again.said
    assert first.said["labels"] == labels
    assert first.said is not again.said
