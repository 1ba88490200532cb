"""Types of values: what they take, what they refuse, and the canonical form."""

from __future__ import annotations

import pytest

from reconciler.config.durations import Duration, canonical, milliseconds, seconds
from reconciler.config.headers import HEADER_NAME, HEADER_VALUE
from reconciler.config.network import HOST, LISTEN_ADDRESS, PATH, TARGET
from reconciler.config.report import Problem
from reconciler.config.rust_regex import regex_problem
from reconciler.config.suggest import did_you_mean, nearest
from reconciler.config.values import Choice, Integer, Text, ValueType, resource_name


def outcome(type: ValueType, value: object) -> object:
    found = type.read(value)  # type: ignore[arg-type]
    if isinstance(found, Problem):
        assert found.expected
        assert found.hint
        return found.code
    return found


@pytest.mark.parametrize(
    ("type", "value", "wanted"),
    [
        (Duration(), "30s", "30s"),
        (Duration(), "60s", "1m"),
        (Duration(), "2000ms", "2s"),
        (Duration("0s"), "0s", "0s"),
        (Duration(), "1500ms", "E-VAL-003"),
        (Duration(), "0s", "E-VAL-003"),
        (Duration(), "8d", "E-VAL-003"),
        (Duration(), "30", "E-VAL-004"),
        (Duration(), "30 s", "E-VAL-004"),
        (Duration(), "1m30s", "E-VAL-004"),
        (Duration(), "-1s", "E-VAL-004"),
        (Duration(), 30, "E-VAL-001"),
        (Duration(), True, "E-VAL-001"),
        (Integer(1, 5), 5, 5),
        (Integer(1, 5), 6, "E-VAL-003"),
        (Integer(1, 5), True, "E-VAL-001"),
        (Integer(1, 5), 1.0, "E-VAL-001"),
        (Integer(1, 5), "5", "E-VAL-001"),
        (Integer(1, 5), None, "E-VAL-001"),
        (Choice(("a", "b")), "a", "a"),
        (Choice(("a", "b")), "c", "E-VAL-002"),
        (Choice(("a", "b")), 1, "E-VAL-001"),
        (Text(), "x", "x"),
        (Text(), "", "E-VAL-004"),
        (Text(), "a\nb", "E-VAL-004"),
        (Text(), "a\u202eb", "E-VAL-005"),
        (Text(), "a\u200bb", "E-VAL-005"),
        (Text(), "a\x1bb", "E-VAL-005"),
        (resource_name(), "edge-eu", "edge-eu"),
        (resource_name(), "Edge", "E-VAL-004"),
        (resource_name(), "edge-", "E-VAL-004"),
        (resource_name(), "edge:eu", "E-VAL-004"),
        (resource_name(), "edge.eu", "E-VAL-004"),
        (resource_name(5), "abcdef", "E-VAL-004"),
        (resource_name(), "sentinel-control", "E-VAL-007"),
        (resource_name(), "sentinel", "E-VAL-007"),
        (HOST, "shop.example.com", "shop.example.com"),
        (HOST, "*.example.com", "*.example.com"),
        (HOST, "Shop.example.com", "E-VAL-004"),
        (HOST, "shop.example.com:80", "E-VAL-004"),
        (HOST, "sh*p.example.com", "E-VAL-004"),
        (HOST, "[a]", "E-VAL-004"),
        (HOST, "-a.example", "E-VAL-004"),
        (TARGET, "10.0.0.1:80", "10.0.0.1:80"),
        (TARGET, "orders.internal:8080", "orders.internal:8080"),
        (TARGET, "[::1]:80", "[::1]:80"),
        (TARGET, "10.0.0.1", "E-VAL-004"),
        (TARGET, "10.0.0.256:80", "E-VAL-004"),
        (TARGET, "10.0.0.1:0", "E-VAL-003"),
        (TARGET, "10.0.0.1:65536", "E-VAL-003"),
        (TARGET, "http://10.0.0.1:80", "E-VAL-004"),
        (LISTEN_ADDRESS, "0.0.0.0:8080", "0.0.0.0:8080"),
        (LISTEN_ADDRESS, "[::]:8080", "[::]:8080"),
        (LISTEN_ADDRESS, "localhost:8080", "E-VAL-004"),
        (LISTEN_ADDRESS, "0.0.0.0:70000", "E-VAL-004"),
        (LISTEN_ADDRESS, ":8080", "E-VAL-004"),
        (PATH, "/a/b", "/a/b"),
        (PATH, "a", "E-VAL-004"),
        (PATH, "/a b", "E-VAL-004"),
        (PATH, "/a?b=c", "E-VAL-004"),
        (PATH, "/a\n", "E-VAL-004"),
        (HEADER_NAME, "X-Edge", "X-Edge"),
        (HEADER_NAME, "X Edge", "E-VAL-004"),
        (HEADER_NAME, "X-Edge:", "E-VAL-004"),
        (HEADER_NAME, "Transfer-Encoding", "E-VAL-004"),
        (HEADER_VALUE, "a b", "a b"),
        (HEADER_VALUE, "a\r\nX: y", "E-VAL-004"),
        (HEADER_VALUE, " a", "E-VAL-004"),
        (HEADER_VALUE, "ü", "E-VAL-004"),
    ],
)
def test_values(type: ValueType, value: object, wanted: object) -> None:
    assert outcome(type, value) == wanted


@pytest.mark.parametrize(
    "pattern",
    [
        "^/v[0-9]+/orders$",
        "(a|b)*",
        "(?:a|b)+?",
        "(?i)^/shop",
        "(?P<id>[a-f0-9]{1,32})",
        "(?<id>x)",
        r"\d{2,4}\.\w*",
        "[-a]",
        "[a-z-]",
        "[^/]+",
        r"[\]\[]",
        r"\x41",
        "a||b",
        "",
    ],
)
def test_regexes_that_the_proxy_takes(pattern: str) -> None:
    assert regex_problem(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?<!a)",
        r"(a)\1",
        r"(?P<a>x)(?P=a)",
        r"\k<a>",
        "(?>a)",
        "(a",
        "a)",
        "[a",
        "[]",
        "[z-a]",
        "[a&&b]",
        "[[:alpha:]]",
        "*a",
        "a|*",
        "a{",
        "a{2,1}",
        "a{101}",
        "(a{50}){50}",
        "a**",
        "^*",
        r"\Z",
        r"\y",
        r"\pL",
        "a\\",
        "(?x)a",
        "(?i",
        "(?P<a>x)(?P<a>y)",
        "]",
    ],
)
def test_regexes_that_the_proxy_does_not_take(pattern: str) -> None:
    trouble = regex_problem(pattern)
    assert trouble is not None
    assert all(trouble)


def test_durations_have_one_form() -> None:
    assert [milliseconds(t) for t in ("500ms", "30s", "5m", "2h", "1d")] == [
        500,
        30_000,
        300_000,
        7_200_000,
        86_400_000,
    ]
    assert [canonical(n) for n in (0, 500, 90_000, 60_000, 86_400_000)] == ["0s", "500ms", "90s", "1m", "24h"]
    assert seconds("5m") == 300
    for text in ("", "5", "5 s", "s", "٣s"):
        with pytest.raises(ValueError, match="duration"):
            milliseconds(text)


def test_the_nearest_name() -> None:
    assert nearest("paymets", ["payments", "orders"]) == "payments"
    assert nearest("PAYMENTS", ["payments"]) == "payments"
    assert nearest("xyzzy", ["payments"]) is None
    assert nearest("a" * 1_000_000, ["a"]) is None
    assert did_you_mean("zzz", ["b", "a"]) == "there are: a, b"
    assert nearest("service-9999", [f"service-{n}" for n in range(100_000)]) is not None
