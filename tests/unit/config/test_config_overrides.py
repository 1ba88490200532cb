"""Different in an environment: for, remove and only."""

from __future__ import annotations

import pytest

from tests.unit.config.trees import SERVICE, UPSTREAM, brief, read, sound

OVERRIDDEN = """\
upstream "orders" {
    target "10.0.0.1:80"
    target "10.0.0.2:80"
    load-balancing "random"
    timeouts {
        read "5s"
    }
    for "dev" {
        target "127.0.0.1:80"
        remove "timeouts" "load-balancing"
    }
}
"""


def test_a_field_replaces_all_of_its_name_and_remove_drops_one() -> None:
    upstream = sound(SERVICE, OVERRIDDEN).resources[("upstream", "orders")]
    dev, production = upstream.effective("dev"), upstream.effective("production")
    assert [t["address"] for t in dev["target"]] == ["127.0.0.1:80"]
    assert "timeouts" not in dev
    assert dev["load-balancing"] == "round-robin"
    assert [t["address"] for t in production["target"]] == ["10.0.0.1:80", "10.0.0.2:80"]
    assert production["timeouts"] == {"connect": "10s", "read": "5s", "write": "30s"}


def test_environments_without_an_override_share_their_data() -> None:
    upstream = sound(SERVICE, UPSTREAM).resources[("upstream", "orders")]
    assert upstream.effective("dev") is upstream.effective("production")


def test_only_limits_a_resource() -> None:
    snapshot = sound(SERVICE, UPSTREAM, SERVICE.replace('"orders" {', '"debug" {\n    only "dev"'))
    names = [[r.name for r, _ in snapshot.rendering(e).of("service")] for e in ("dev", "production")]
    assert names == [["debug", "orders"], ["orders"]]


def test_a_required_field_may_stand_in_the_overrides_alone() -> None:
    text = 'upstream "x" {\n    only "dev"\n    for "dev" {\n        target "10.0.0.1:80"\n    }\n}\n'
    assert sound(SERVICE, UPSTREAM, text)
    snapshot, findings = read(SERVICE, UPSTREAM, text.replace('    only "dev"\n', ""))
    assert (snapshot, brief(findings)) == (None, ["E-KND-003 3.kdl:1:1"])


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('for "dev"', 'for "dve"', ["E-REF-001 2.kdl:8:9"]),
        ('for "dev" {', "for {", ["E-KND-005 2.kdl:8:5"]),
        ('for "dev" {', 'for "dev" 1 {', ["E-VAL-001 2.kdl:8:15"]),
        ('for "dev" {', 'for "dev" a=1 {', ["E-KND-009 2.kdl:8:15"]),
        (
            'for "dev" {',
            'only "production"\n    for "dev" {',
            ["E-REF-002 1.kdl:3:14", "E-REF-003 2.kdl:9:9"],
        ),
        (
            'for "dev" {',
            'only "dve"\n    for "production" {',
            ["E-REF-001 2.kdl:8:10", "E-REF-002 1.kdl:3:14", "E-REF-003 2.kdl:9:9"],
        ),
        ('for "dev" {', 'for "dev" { remove "timeouts"; }\n    for "dev" {', ["E-KND-010 2.kdl:9:9"]),
        ('target "127.0.0.1:80"', 'tagret "127.0.0.1:80"', ["E-KND-002 2.kdl:9:9"]),
        ('"127.0.0.1:80"', '"127.0.0.1"', ["E-VAL-004 2.kdl:9:16"]),
        ('"127.0.0.1:80"', '"127.0.0.1:80" weight=2', ["E-VAL-009 2.kdl:9:16"]),
        ('"timeouts" "load-balancing"', '"timeout"', ["E-KND-002 2.kdl:10:16"]),
        ('"timeouts" "load-balancing"', '"health-check"', ["E-KND-010 2.kdl:10:16"]),
        ('"timeouts" "load-balancing"', '"timeouts" "timeouts"', ["E-VAL-008 2.kdl:10:27"]),
        ('"timeouts" "load-balancing"', '"target"', ["E-KND-010 2.kdl:10:16"]),
        ('"timeouts" "load-balancing"', "", ["E-KND-005 2.kdl:10:9"]),
        ('target "127.0.0.1:80"\n        remove "timeouts"', 'remove "target"', ["E-KND-003 2.kdl:1:1"]),
        ('remove "timeouts" "load-balancing"', 'for "dev" { }', ["E-KND-002 2.kdl:10:9"]),
        ('load-balancing "random"', 'remove "timeouts"', ["E-KND-010 2.kdl:4:5", "E-KND-010 2.kdl:10:27"]),
    ],
)
def test_mistakes(before: str, after: str, found: list[str]) -> None:
    assert OVERRIDDEN.count(before) == 1
    snapshot, findings = read(SERVICE, OVERRIDDEN.replace(before, after))
    assert sorted(brief(findings)) == sorted(found)
    assert snapshot is None
    assert all(f.hint and f.expected for f in findings)


def test_project_and_environment_take_no_overrides() -> None:
    _, findings = read(
        SERVICE, UPSTREAM, 'environment "x" {\n    proxy-version "0.6.20"\n    only "dev"\n}\n'
    )
    assert brief(findings) == ["E-KND-002 3.kdl:3:5"]
