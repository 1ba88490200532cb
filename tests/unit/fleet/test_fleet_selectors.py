"""The language of selectors: what is read, what is meant, and what every mistake is told."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler import labels
from reconciler.errors import Refused
from reconciler.fleet.selecting import DEEPEST, LONGEST, read_selector
from reconciler.fleet.selectors import (
    All,
    AnyOf,
    Group,
    Label,
    Not,
    Selector,
    belongs_to,
    canonical,
    groups_in,
    groups_of,
    matches,
    resolved,
    text_of,
)

GROUPS = groups_of(
    [
        ("edge-eu", [("region", ("eu-west", "eu-north")), ("tier", ("edge",))]),
        ("overseas", [("region", ("us-east", "ap-south"))]),
    ]
)
EDGE = {"region": "eu-west", "tier": "edge", "zone": "a"}
CORE = {"region": "us-east", "tier": "core"}


@pytest.mark.parametrize(
    ("text", "edge", "core", "bare"),
    [
        ("region=eu-west", True, False, False),
        ("region!=eu-west", False, True, True),
        ("not region=eu-west", False, True, True),
        ("tier in (edge, core)", True, True, False),
        ("tier not in (edge, cache)", False, True, True),
        ("has zone", True, False, False),
        ("not has zone", False, True, True),
        ("tier in (edge, core) and not zone=a", False, True, False),
        ("group:edge-eu", True, False, False),
        ("not group:edge-eu", False, True, True),
        ("group:edge-eu or group:overseas", True, True, False),
        ("tier=core or tier=edge and zone=b", False, True, False),
        ("(tier=core or tier=edge) and zone=a", True, False, False),
        ("not (tier=core or zone=a)", False, False, True),
        ("not not tier=core", False, True, False),
        ("tier=EDGE", False, False, False),
        ("\t tier =\n edge ", True, False, False),
        ("in-region=x or tier=in", False, False, False),
    ],
)
def test_what_a_selector_means(text: str, edge: bool, core: bool, bare: bool) -> None:
    selector = read_selector(text)
    assert [matches(selector, node, GROUPS) for node in (EDGE, CORE, {})] == [edge, core, bare]
    assert [matches(resolved(selector, GROUPS), node, {}) for node in (EDGE, CORE, {})] == [edge, core, bare]


@pytest.mark.parametrize(
    ("text", "canonical_text"),
    [
        ("b=1 and a=1 and b=1", "a=1 and b=1"),
        ("(a=1)", "a=1"),
        ("((a=1 and (c=1 and b=1)))", "a=1 and b=1 and c=1"),
        ("x in (b, a, b)", "x in (a, b)"),
        ("x in (a)", "x=a"),
        ("x != a", "not x=a"),
        ("x not in (a, b)", "not x in (a, b)"),
        ("not not not x=a", "not x=a"),
        ("not not (b=1 and a=1) and c=1", "a=1 and b=1 and c=1"),
        ("b=1 or a=1 and c=1", "a=1 and c=1 or b=1"),
        ("(b=1 or a=1) and c=1", "(a=1 or b=1) and c=1"),
        ("not (b=1 or a=1)", "not (a=1 or b=1)"),
        ("group:edge-eu", "group:edge-eu"),
        ("has topology/zone", "has topology/zone"),
    ],
)
def test_one_meaning_has_one_text(text: str, canonical_text: str) -> None:
    assert text_of(read_selector(text)) == canonical_text


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "the end stands where a label"),
        ("   ", 1, "the end stands where a label"),
        ("region", 7, "the end stands where '=', '!=', 'in' or 'not in' after the label 'region'"),
        ("region=", 8, "the end stands where a value of 'region'"),
        ("region=eu tier=edge", 11, "'tier' stands where 'and', 'or' or the end"),
        ("region==eu", 8, "'=' stands where a value"),
        ("Region=eu", 1, "'Region' stands where a label"),
        ("a=b and", 8, "the end stands where a label"),
        ("a=b and and c=d", 9, "'and' stands where a label"),
        ("in=x", 1, "'in' stands where a label"),
        ("tier in edge", 9, "'edge' stands where '('"),
        ("tier in ()", 10, "')' stands where a value of 'tier'"),
        ("tier in (a b)", 12, "'b' stands where ',' or ')'"),
        ("tier not edge", 10, "'edge' stands where 'in'"),
        ("(a=b", 5, "the end stands where ')'"),
        ("a=b)", 4, "')' stands where 'and', 'or' or the end"),
        ("group:", 7, "the end stands where the name of a node-group"),
        ("group:Edge", 7, "'Edge' stands where the name of a node-group"),
        ("a=b & c=d", 5, "'&' has no meaning"),
        ("a=b and c='d'", 11, "''' has no meaning"),
        ("a=\u00e9", 3, "'\\xe9' has no meaning"),
        ("a=" + "x" * 64, 3, "stands where a value of 'a'"),
        ("(" * (DEEPEST + 2) + "a=b", DEEPEST + 2, f"more than {DEEPEST} brackets"),
    ],
)
def test_a_mistake_is_named_with_its_column(text: str, column: int, words: str) -> None:
    with pytest.raises(Refused) as caught:
        read_selector(text)
    assert caught.value.code == "E-NOD-100"
    assert f"at column {column}: " in caught.value.message
    assert words in caught.value.message
    assert caught.value.cure is not None


def test_a_selector_is_not_longer_than_people_read() -> None:
    most = "a=b" + " or a=b" * ((LONGEST - 3) // 7)
    assert read_selector(most) == Label("a", ("b",))
    with pytest.raises(Refused, match="more than 2000"):
        read_selector(most + " " * 7)


@pytest.mark.parametrize(
    "text", ["group:edge-ue", "not group:edge-ue", "a=b and group:edge-ue", "a=b or not group:edge-ue"]
)
@pytest.mark.parametrize("node", [EDGE, {}, {"a": "b"}])
def test_a_group_that_does_not_exist_means_nobody_and_not_everybody_else(
    text: str, node: dict[str, str]
) -> None:
    for ask in (lambda s: matches(s, node, GROUPS), lambda s: resolved(s, GROUPS)):
        with pytest.raises(Refused, match="'edge-ue'") as caught:
            ask(read_selector(text))
        assert caught.value.code == "E-NOD-101"
        assert "edge-eu, overseas" in str(caught.value)


def test_groups() -> None:
    assert belongs_to(EDGE, GROUPS) == ("edge-eu",)
    assert belongs_to({}, GROUPS) == ()
    assert groups_in(read_selector("not (group:b or a=1 and group:a)")) == {"a", "b"}
    assert text_of(GROUPS["edge-eu"]) == "region in (eu-north, eu-west) and tier=edge"
    for broken in ([], [("region", ())]):
        with pytest.raises(ValueError, match="'all'"):
            groups_of([("all", broken)])


KEYS = st.from_regex(labels.KEY, fullmatch=True).filter(labels.is_key)
VALUES = st.from_regex(labels.VALUE, fullmatch=True).filter(labels.is_value)
LEAVES = st.builds(Label, KEYS, st.lists(VALUES, max_size=3).map(tuple)) | st.builds(
    Group, st.sampled_from(sorted(GROUPS))
)
SELECTORS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(All, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


@example(Not(All((Not(Group("edge-eu")),))), {})
@given(SELECTORS, st.dictionaries(KEYS, VALUES, max_size=4))
def test_the_canonical_text_is_read_back_and_means_the_same(selector: Selector, node: dict[str, str]) -> None:
    plain = canonical(selector)
    assert canonical(plain) == plain
    assert read_selector(text_of(plain)) == plain
    assert matches(plain, node, GROUPS) == matches(selector, node, GROUPS)
