"""Middlewares, services and sizes as the language has them: read, written, and read again."""

from __future__ import annotations

import pytest

from reconciler.config.kinds.middleware import BLOCKS, overriding
from reconciler.config.report import Problem
from reconciler.config.schema import Field
from reconciler.config.sizes import Size, size_in_bytes
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.writing import write_snapshot
from tests.unit.config.trees import UPSTREAM, brief, read, sound

RICH = """\
middleware "zz" {
    rate-limit {
        requests-per-second 5
    }
}
middleware "aa" {
    headers {
        response {
            rename "X-Old" "X-New"
            remove "Server"
        }
    }
}
service "rich" {
    header "X-Beta"
    header "X-Version" "2"
    upstream "orders"
    shadow {
        upstream "orders"
        header "X-Shadow" "yes"
    }
    inference {
        provider "openai"
        model-routing {
            model "zeta" upstream="orders"
            model "alpha" provider="anthropic" upstream="orders"
        }
    }
    middleware "zz" {
        rate-limit {
            requests-per-second 7
        }
    }
    middleware "aa"
    for "production" {
        middleware "aa"
    }
}
"""


def test_what_is_written_reads_back_as_it_was() -> None:
    snapshot = sound(UPSTREAM, RICH)
    text = write_snapshot(snapshot)
    again, findings = read_snapshot([SourceFile("all.kdl", text.encode())])
    assert findings == ()
    assert again is not None
    assert again.to_json() == snapshot.to_json()
    assert write_snapshot(again) == text


def test_the_order_of_middlewares_and_models_is_kept() -> None:
    data = sound(UPSTREAM, RICH).resources[("service", "rich")]
    assert [item["name"] for item in data.effective("dev")["middleware"]] == ["zz", "aa"]
    assert [item["name"] for item in data.effective("production")["middleware"]] == ["aa"]
    routing = data.effective("dev")["inference"]["model-routing"]
    assert [item["name"] for item in routing["model"]] == ["zeta", "alpha"]


def test_changes_of_a_service_hold_what_is_written_and_no_defaults() -> None:
    data = sound(UPSTREAM, RICH).resources[("service", "rich")].effective("dev")
    assert data["middleware"][0] == {"name": "zz", "rate-limit": {"requests-per-second": 7}}


def test_nothing_in_changes_is_required_or_has_a_default() -> None:
    def fields(field: Field) -> list[Field]:
        return [field, *(deeper for child in field.children for deeper in fields(child))]

    for block in BLOCKS.values():
        for field in fields(overriding(block)):
            assert not field.required, field.name
            assert field.default is None, field.name
            assert all(not slot.required and slot.default is None for slot in field.properties)


def test_a_reference_in_a_property_is_followed_into_environments() -> None:
    away = 'upstream "away" {\n    target "10.0.0.9:80"\n    only "production"\n}\n'
    service = (
        'service "s" {\n    upstream "orders"\n    inference {\n        provider "openai"\n'
        '        model-routing {\n            model "a" upstream="away"\n        }\n    }\n}\n'
    )
    assert brief(read(UPSTREAM, away, service)[1]) == ["E-REF-002 3.kdl:6:32"]


@pytest.mark.parametrize(
    ("text", "canonical", "length"),
    [
        ("1024B", "1KiB", 1024),
        ("1KiB", "1KiB", 1024),
        ("1536KiB", "1536KiB", 1536 * 1024),
        ("2048KiB", "2MiB", 2 * 1024**2),
        ("1GiB", "1GiB", 1024**3),
    ],
)
def test_sizes(text: str, canonical: str, length: int) -> None:
    assert Size("1KiB", "1GiB").read(text) == canonical
    assert size_in_bytes(text) == length


@pytest.mark.parametrize(
    ("value", "code", "hint"),
    [
        (1024, "E-VAL-001", "1024B"),
        (True, "E-VAL-001", ""),
        ("1 MiB", "E-VAL-004", "without a space"),
        ("1MB", "E-VAL-004", "MiB"),
        ("-1KiB", "E-VAL-004", "MiB"),
        ("1B", "E-VAL-003", "1KiB"),
        ("2GiB", "E-VAL-003", "1GiB"),
    ],
)
def test_what_is_no_size(value: object, code: str, hint: str) -> None:
    problem = Size("1KiB", "1GiB").read(value)  # type: ignore[arg-type]
    assert isinstance(problem, Problem)
    assert problem.code == code
    assert hint in problem.hint
