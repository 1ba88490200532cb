"""Kinds: every mistake is found at its token, all at once; examples are sound."""

from __future__ import annotations

import re

import pytest

from reconciler.config.kinds import KINDS, table
from reconciler.config.schema import Field
from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from tests.unit.config.attachments import ISSUER, WASM
from tests.unit.config.trees import BASE, SERVICE, UPSTREAM, brief, read, sound, template, template_attached

FULL = """\
service "orders" {
    hosts "shop.example" "*.shop.example"
    path "/login"
    path-prefix "/orders"
    path-regex #"^/v[0-9]+$"#
    methods "GET" "POST"
    upstream "orders"
    priority 100
    timeouts {
        connect "2s"
        response "15s"
    }
    attempts 2
    request-headers {
        set "X-A" "1"
        add "X-B" "2"
        remove "X-C"
    }
    response-headers {
        remove "Server" "X-Powered-By"
    }
}
upstream "orders" {
    target "10.0.0.1:80" weight=3
    target "10.0.0.2:80"
    load-balancing "weighted"
    health-check {
        type "http"
        path "/healthz"
        expected-status 200
        host "orders.internal"
        interval "10s"
        timeout "3s"
        healthy-threshold 2
        unhealthy-threshold 3
    }
    circuit-breaker {
        failure-threshold 5
        success-threshold 2
        timeout "30s"
        half-open-requests 1
    }
    timeouts {
        connect "2s"
        read "15s"
        write "15s"
    }
}
node-group "edge" {
    description "The edge"
    label "region" "eu-west" "eu-north"
}
listener "local" {
    address "127.0.0.1:8081"
    protocol "http"
    request-timeout "30s"
    keepalive-timeout "75s"
}
"""

COMPANIONS = {"notification-rule": KINDS["notification-channel"].field.example}
"""What else has to stand in a tree for a kind's example to be sound."""

ATTACHED = (
    SourceFile("certificates/internal-ca.pem", ISSUER),
    SourceFile("plugins/geo.wasm", WASM),
)


def test_everything_that_can_be_written_can_be_read() -> None:
    snapshot = sound(FULL)
    service = snapshot.resources[("service", "orders")].to_json()
    assert service["hosts"] == ["*.shop.example", "shop.example"]
    assert service["request-headers"]["set"] == [{"name": "X-A", "value": "1"}]
    upstream = snapshot.resources[("upstream", "orders")].to_json()
    assert upstream["target"] == [
        {"address": "10.0.0.1:80", "weight": 3},
        {"address": "10.0.0.2:80", "weight": 1},
    ]
    group = snapshot.resources[("node-group", "edge")].to_json()
    assert group["label"] == [{"key": "region", "values": ["eu-north", "eu-west"]}]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ('service "orders"', 'servcie "orders"', ["E-KND-001 1.kdl:1:1"]),
        ('service "orders"', "service", ["E-KND-005 1.kdl:1:1"]),
        ('service "orders"', 'service "orders" "more"', ["E-KND-006 1.kdl:1:18"]),
        ('service "orders"', 'service "orders" a=1', ["E-KND-009 1.kdl:1:18"]),
        ('service "orders"', 'service "Orders"', ["E-VAL-004 1.kdl:1:9"]),
        ('service "orders"', 'service "sentinel-x"', ["E-VAL-007 1.kdl:1:9"]),
        ("priority 100", "priorty 100", ["E-KND-002 1.kdl:8:5"]),
        ("priority 100", "priority", ["E-KND-005 1.kdl:8:5"]),
        ("priority 100", "priority 100 1", ["E-KND-006 1.kdl:8:18"]),
        ("priority 100", 'priority "100"', ["E-VAL-001 1.kdl:8:14"]),
        ("priority 100", "priority 0", ["E-VAL-003 1.kdl:8:14"]),
        ("priority 100", "priority 100 { a }", ["E-KND-007 1.kdl:8:20"]),
        ("priority 100", "priority 100\n    priority 100", ["E-KND-004 1.kdl:9:5"]),
        ("priority 100", "priority 100 x=1", ["E-KND-009 1.kdl:8:18"]),
        ('    upstream "orders"\n', "", ["E-KND-003 1.kdl:1:1"]),
        ('upstream "orders"\n    p', 'upstream "oders"\n    p', ["E-REF-001 1.kdl:7:14"]),
        ('"GET" "POST"', '"GET" "GTE"', ["E-VAL-002 1.kdl:6:19"]),
        ('"GET" "POST"', '"GET" "GET"', ["E-VAL-008 1.kdl:6:19"]),
        ('"^/v[0-9]+$"', '"^/(?!v)"', ["E-VAL-006 1.kdl:5:16"]),
        ('connect "2s"\n        resp', 'connect "2x"\n        resp', ["E-VAL-004 1.kdl:10:17"]),
        ('connect "2s"\n        resp', 'conect "2s"\n        resp', ["E-KND-002 1.kdl:10:9"]),
        ('add "X-B" "2"', 'add "X-B"', ["E-KND-005 1.kdl:16:9"]),
        (
            'add "X-B" "2"',
            'add "X-B" "a\\nb"',
            ["E-VAL-004 1.kdl:16:19"],
        ),
        ('add "X-B" "2"', 'add "X-C" "2"', ["E-VAL-009 1.kdl:17:16"]),
        ('set "X-A" "1"', 'set "X-A" "1"\n        set "x-a" "2"', ["E-VAL-008 1.kdl:16:13"]),
        ('set "X-A" "1"', 'set "X-A" "1"\n        set "X-A" "2"', ["E-VAL-008 1.kdl:16:13"]),
        ("weight=3", "weight=0", ["E-VAL-003 1.kdl:24:33"]),
        ("weight=3", "wieght=3", ["E-KND-009 1.kdl:24:26"]),
        ("weight=3", 'weight="3"', ["E-VAL-001 1.kdl:24:33"]),
        ('"10.0.0.2:80"', '"10.0.0.1:80"', ["E-VAL-008 1.kdl:25:12"]),
        ('load-balancing "weighted"', 'load-balancing "round-robin"', ["E-VAL-009 1.kdl:24:12"]),
        ('load-balancing "weighted"', 'load-balancing "least-connections"', ["E-VAL-002 1.kdl:26:20"]),
        ('timeout "3s"', 'timeout "30s"', ["E-VAL-009 1.kdl:33:9"]),
        (
            'type "http"',
            'type "tcp"',
            ["E-VAL-009 1.kdl:29:9", "E-VAL-009 1.kdl:30:9", "E-VAL-009 1.kdl:31:9"],
        ),
        ("expected-status 200", 'expected-status "200"', ["E-VAL-001 1.kdl:30:25"]),
        ('label "region" "eu-west" "eu-north"', 'label "region"', ["E-KND-005 1.kdl:51:5"]),
        ('    label "region" "eu-west" "eu-north"\n', "", ["E-KND-003 1.kdl:49:1"]),
        ('address "127.0.0.1:8081"', 'address "localhost:8081"', ["E-VAL-004 1.kdl:54:13"]),
        ('protocol "http"', 'protocol "h3"', ["E-VAL-002 1.kdl:55:14"]),
        (
            'service "orders" {',
            'service "orders" {\n    timeouts { }',
            ["E-KND-004 1.kdl:10:5", "E-KND-008 1.kdl:2:5"],
        ),
    ],
)
def test_a_mistake_is_found_at_its_token(before: str, after: str, found: list[str]) -> None:
    assert FULL.count(before) == 1, before
    snapshot, findings = read(FULL.replace(before, after))
    assert sorted(brief(findings)) == sorted(found)
    assert snapshot is None
    assert all(f.hint and f.expected for f in findings)


def test_all_mistakes_are_found_at_once() -> None:
    text = FULL.replace("priority 100", 'priority "x"').replace("weight=3", "weight=0").replace('"2s"', '"2"')
    _, findings = read(text, 'listener "x" {\n}\n')
    assert brief(findings) == [
        "E-VAL-001 1.kdl:8:14",
        "E-VAL-004 1.kdl:10:17",
        "E-VAL-003 1.kdl:24:33",
        "E-VAL-004 1.kdl:44:17",
        "E-KND-003 2.kdl:1:1",
    ]


def test_a_word_that_people_try_gets_the_word_to_use() -> None:
    _, (finding,) = read(SERVICE + UPSTREAM.replace("\n}", '\n    load-balancing "ip-hash"\n}'))
    assert "round-robin" in finding.hint


@pytest.mark.parametrize("kind", list(KINDS))
def test_examples_are_sound(kind: str) -> None:
    example = KINDS[kind].field.example
    texts = [SERVICE, UPSTREAM]
    if kind in ("service", "upstream"):
        texts = [t for t in texts if not t.startswith(kind)]
    base = BASE
    if kind in ("project", "environment"):
        base = re.sub(rf'^{kind} "(shop|production)"( {{\n(.*\n)*?}})?\n', "", BASE, flags=re.MULTILINE)
        base += 'environment "staging" {\n    proxy-version "0.6.20"\n}\n' if kind == "environment" else ""
    trees = [base, *texts, example]
    sources = [SourceFile(f"{n}.kdl", t.encode()) for n, t in enumerate([*trees, COMPANIONS.get(kind, "")])]
    snapshot, findings = read_snapshot([*sources, *ATTACHED])
    assert snapshot is not None, findings


def examples(field: Field) -> list[tuple[str, str]]:
    own = [(field.name, field.example)] if field.example else []
    return own + [pair for child in field.children for pair in examples(child)]


def test_every_field_says_what_it_is_and_how_it_looks() -> None:
    def walk(field: Field) -> None:
        assert field.doc.endswith("."), field.name
        for child in field.children:
            assert child.example.startswith(child.name), child.name
            walk(child)

    for kind in KINDS.values():
        walk(kind.field)


def test_a_kind_cannot_stand_in_the_table_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        table(KINDS["service"], KINDS["service"])


def test_the_template_is_sound() -> None:
    snapshot, findings = read_snapshot(
        [*(SourceFile(path, text.encode()) for path, text in template().items()), *template_attached()]
    )
    assert findings == ()
    assert snapshot is not None
    assert snapshot.environments == ("dev", "staging", "production")
    dev, staging, production = snapshot.policies
    assert (dev.promote, staging.promote, production.promote) == ("automatic", "manual", "manual")
    assert (production.strategy, production.on_failure) == ("rolling", "rollback")
    assert production.batch_percent
    assert (production.min_healthy_seconds, production.progress_deadline_seconds) == (2, 60)
    assert {p.stale_after_seconds for p in snapshot.policies} == {10}
