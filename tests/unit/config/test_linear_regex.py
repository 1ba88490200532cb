"""Expressions of rules: they find what Python's engine finds, and take linear time where it does not."""

from __future__ import annotations

import random
import re

import pytest

from reconciler.config.rules.linear import Budget, Expression, OutOfBudget, TooLarge
from reconciler.config.rust_regex import regex_problem

PATTERNS = [
    r"^[a-z]+$",
    r"a|bc|",
    r"(?i)shop\.",
    r"^(a+)+$",
    r"\bfoo\b",
    r"x{2,4}y?",
    r"[^a-c\d]+z$",
    r"(?m)^b$",
    r"a(?i:b)c",
    r"a(?i)b|c",
    r"(?i:a(?-i:b))c",
    r"\x41[\-x]",
    r"(ab|a)(bc|c)?$",
    r"a{3}",
    r"(a{1,3}b){2,}",
    r"\Aab\z",
    r"\Bb",
    r"[a-]",
    r"[\w.]+@",
    r".*a.*b.*c",
    r"(?s)a.b",
    r"a.b",
    r"\s\S",
    r"(?P<n>a*?)b",
    r"[\x61-\x63]{2}\W",
    r"\{\}|\t",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_finds_what_another_engine_finds(pattern: str) -> None:
    assert regex_problem(pattern) is None
    expression = Expression(pattern)
    # Python's $ also stands before a last newline, and its \z is \Z.
    other = pattern.replace(r"\z", r"\Z").replace("a(?i)b|c", "a(?i:b|c)")
    if pattern == r"a(?i)b|c":
        other = r"a(?i:b)|(?i:c)"
    if "(?m)" not in other:
        other = re.sub(r"\$", r"\\Z", other)
    reference = re.compile(other)
    source = random.Random(pattern)
    for _ in range(1500):
        text = "".join(source.choice("abcxyzABC.1\n-of @{}\t") for _ in range(source.randrange(9)))
        assert expression.found_in(text, Budget(10_000)) == bool(reference.search(text)), text


@pytest.mark.parametrize(
    "pattern",
    [r"^(a+)+$", r"(a|a)*(a|a)*b", r"(a?){90}(a{1,90})b", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(.*)*x"],
)
def test_time_is_linear_where_backtracking_is_not(pattern: str) -> None:
    steps = []
    for length in (2_000, 4_000, 8_000):
        budget = Budget(10_000_000)
        assert not Expression(pattern).found_in("a" * length + "!", budget)
        steps.append(10_000_000 - budget.left)
    assert steps[2] - steps[1] <= 2.1 * (steps[1] - steps[0])
    assert steps[2] < 200_000


def test_work_ends_with_the_budget() -> None:
    text = "".join(random.Random(1).choices("ab", k=20_000))
    with pytest.raises(OutOfBudget):
        Expression(r"[ab]*a[ab]{90}z").found_in(text, Budget(100_000))


def test_an_expression_has_a_largest_size() -> None:
    with pytest.raises(TooLarge):
        Expression("(?:" + "abcdefghij" * 10 + "){60}")
