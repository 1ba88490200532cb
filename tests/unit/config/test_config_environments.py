"""Environments and their policies."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.config.blue_green import BlueGreen
from reconciler.config.drift import DriftPolicy
from reconciler.config.gates import GateSpec
from reconciler.config.groups import NodeGroup
from reconciler.config.policy import EnvironmentPolicy
from reconciler.config.trains import Train
from tests.unit.config.trees import SERVICE, UPSTREAM, brief, read, sound


def policy(text: str, after: str = "") -> EnvironmentPolicy:
    resource = f'environment "x" {{\n    proxy-version "0.6.19"\n{after}    {text}\n}}\n'
    return next(p for p in sound(SERVICE, UPSTREAM, resource).policies if p.name == "x")


def test_defaults() -> None:
    assert policy("") == EnvironmentPolicy(
        name="x",
        after=(),
        proxy_version="0.6.19",
        strategy="all-at-once",
        batch_percent=None,
        batch_size=None,
        max_unavailable=0,
        promote="automatic",
        on_failure="pause",
        min_healthy_seconds=5,
        progress_deadline_seconds=600,
        stale_after_seconds=30,
        admin_port=9901,
    )


def test_the_oldest_agent_is_three_numbers() -> None:
    assert policy('agent-version "0.2.0"').agent_version == "0.2.0"
    text = 'environment "x" {\n    proxy-version "0.6.20"\n    agent-version "0.2"\n}\n'
    _, (finding,) = read(SERVICE, UPSTREAM, text)
    assert finding.code == "E-VAL-004"


def test_everything_set() -> None:
    found = policy(
        'admin-port 9000\n    policy {\n strategy "rolling"\n batches size=2\n max-unavailable 3\n promote "manual"\n'
        ' on-failure "rollback"\n min-healthy "1m"\n progress-deadline "2m"\n stale-after "3s"\n }',
        after='    after "dev" "production"\n',
    )
    assert found == EnvironmentPolicy(
        "x",
        ("dev", "production"),
        "0.6.19",
        "rolling",
        None,
        2,
        3,
        "manual",
        "rollback",
        60,
        120,
        3,
        9000,
        protected=True,
    )


def test_rolling_has_batches_of_a_quarter_unless_told() -> None:
    assert policy('policy { strategy "rolling"; }').batch_percent == 25


def test_canary_grows_in_three_shares_unless_told() -> None:
    found = policy('policy { strategy "canary"; }')
    assert (found.canary_shares, found.bake_seconds) == ((5, 25, 50), 600)
    told = policy('policy { strategy "canary"; canary { share 40 9; bake "1m"; }; }')
    assert (told.canary_shares, told.bake_seconds) == ((9, 40), 60)


def test_failure_domains() -> None:
    found = policy('policy { spread "region" percent=34; }')
    assert (found.spread_label, found.spread_percent) == ("region", 34)
    assert policy('policy { spread "region"; }').spread_percent == 100


@pytest.mark.parametrize(
    ("text", "protected", "strategy"),
    [
        ("", False, "all-at-once"),
        ("protected #true", True, "rolling"),
        ('after "dev"', True, "rolling"),
        ('after "dev"; protected #false', False, "all-at-once"),
        (
            'protected #true; policy { strategy "all-at-once"; all-at-once-because "one node"; }',
            True,
            "all-at-once",
        ),
    ],
)
def test_a_protected_environment_goes_all_at_once_on_purpose_alone(
    text: str, protected: bool, strategy: str
) -> None:
    found = policy("", after=f"    {text}\n")
    assert (found.protected, found.strategy) == (protected, strategy)


def test_blue_green_shifts_in_three_weights_unless_told_and_always_to_the_end() -> None:
    found = policy('policy { strategy "blue-green"; blue-green { balancer "edge"; }; }').blue_green
    assert found == BlueGreen("edge", (10, 50, 100), 120, 600, 5, 200)
    told = policy(
        'policy { strategy "blue-green"; blue-green { balancer "edge"; slots "slot" blue="a" green="b"; shift 75 25; '
        'bake "5s"; hold "0s"; traffic within=10 samples=7; }; }'
    )
    assert told.blue_green == BlueGreen("edge", (25, 75, 100), 5, 0, 10, 7, "slot", "a", "b")
    assert EnvironmentPolicy.from_json(json.loads(json.dumps(told.to_json()))) == told


def test_promotion_is_manual_behind_another_environment() -> None:
    assert policy("", after='    after "dev"\n').promote == "manual"


def test_drift() -> None:
    assert policy("").drift == DriftPolicy(120, remediate=False, per_hour=5)
    found = policy('policy { drift { grace "30s"; remediate #true; per-hour 2; }; }')
    assert found.drift == DriftPolicy(30, remediate=True, per_hour=2)
    assert EnvironmentPolicy.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_gates() -> None:
    found = policy('policy { gates { manual; soak "5m"; }; }')
    assert found.gates == (GateSpec("soak", "", {"seconds": 300}), GateSpec("manual"))


def test_promotion_by_train() -> None:
    found = policy(
        'policy { promote "automatic" after="1h" take="train"; approvals 1; '
        'schedule "FREQ=DAILY;BYHOUR=9;BYMINUTE=0" zone="Europe/Berlin"; }',
        after='    after "dev"\n',
    )
    assert (found.promote, found.soak_seconds, found.take) == ("automatic", 3600, "train")
    assert found.train == Train("FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "Europe/Berlin")
    assert EnvironmentPolicy.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_promotion_by_pull_request() -> None:
    assert policy("").pull_request == ""
    assert policy('policy { promote "manual" pull-request="people"; approvals 2; }').pull_request == "people"
    found = policy('policy { promote "automatic" pull-request="auto"; approvals 1 { reviews #true; }; }')
    assert (found.promote, found.pull_request) == ("automatic", "auto")
    assert EnvironmentPolicy.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_node_groups_are_those_of_the_environment() -> None:
    group = (
        'node-group "edge" {\n label "region" "eu" "us"\n label "tier" "edge"\n for "x" {\n label "zone" "a"\n }\n}\n'
        'node-group "afar" {\n label "region" "asia"\n only "dev"\n}\n'
    )
    policies = sound(SERVICE, UPSTREAM, group, 'environment "x" {\n proxy-version "0.6.19"\n}\n').policies
    found = {policy.name: policy.groups for policy in policies}
    edge = NodeGroup("edge", (("region", ("eu", "us")), ("tier", ("edge",))))
    assert found["dev"] == (NodeGroup("afar", (("region", ("asia",)),)), edge)
    assert found["x"] == (NodeGroup("edge", (("zone", ("a",)),)),)


def test_json_and_back() -> None:
    found = replace(
        policy('policy { gates { manual; soak "5m"; }; }', after='    after "dev"\n'),
        groups=(NodeGroup("edge", (("region", ("eu", "us")),)),),
    )
    assert EnvironmentPolicy.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('policy { strategy "rolling"; batches percent=34 size=2; }', "E-VAL-009"),
        ('policy { strategy "rolling"; batches; }', "E-VAL-009"),
        ("policy { batches percent=34; }", "E-VAL-009"),
        ('policy { strategy "rolling"; batches percent=101; }', "E-VAL-003"),
        ('policy { strategy "rolling"; batches 34; }', "E-KND-006"),
        ('after "dev"; policy { promote "by-itself"; }', "E-VAL-002"),
        ('policy { strategy "lottery"; }', "E-VAL-002"),
        ('policy { promote "manual" pull-request="somebody"; }', "E-VAL-002"),
        ('policy { promote "manual" pull-request="auto"; approvals 1; }', "E-VAL-009"),
        ('policy { strategy "canary"; batches size=1; }', "E-VAL-009"),
        ("policy { canary { share 5; }; }", "E-VAL-009"),
        ('policy { strategy "canary"; canary { share 5 100; }; }', "E-VAL-003"),
        ("policy { spread percent=5; }", "E-KND-005"),
        ('after "dev"; policy { strategy "all-at-once"; }', "E-VAL-060"),
        ('protected #true; policy { strategy "all-at-once"; }', "E-VAL-060"),
        ('policy { all-at-once-because "x"; strategy "rolling"; }', "E-VAL-009"),
        ("policy { min-healthy 5; }", "E-VAL-001"),
        ('policy { strategy "blue-green"; }', "E-VAL-061"),
        ('policy { strategy "blue-green"; blue-green { shift 10; }; }', "E-VAL-061"),
        ('policy { strategy "blue-green"; blue-green { balancer "x"; shift 0 100; }; }', "E-VAL-003"),
        ('policy { strategy "blue-green"; blue-green { balancer "x"; slots "s" blue="a"; }; }', "E-KND-005"),
        (
            'policy { strategy "blue-green"; blue-green { balancer "x"; slots "s" blue="a" green="a"; }; }',
            "E-VAL-009",
        ),
        ('policy { strategy "blue-green"; spread "zone"; blue-green { balancer "x"; }; }', "E-VAL-009"),
        ('policy { blue-green { balancer "x"; }; }', "E-VAL-009"),
        ("policy { gates { soak 300; }; }", "E-VAL-001"),
        ("policy { gates { manual #true; }; }", "E-KND-006"),
        ("policy { gates; }", "E-KND-008"),
        ("policy { gates { hope; }; }", "E-KND-002"),
        ("admin-port 80", "E-VAL-003"),
        ('proxy-version "0.6.20"', "E-KND-004"),
    ],
)
def test_mistakes(text: str, found: str) -> None:
    _, findings = read(SERVICE, UPSTREAM, f'environment "x" {{\n    proxy-version "0.6.20"\n    {text}\n}}\n')
    assert [b.split()[0] for b in brief(findings)][:1] == [found]


def test_a_version_the_compiler_does_not_know() -> None:
    _, (finding,) = read('environment "x" {\n    proxy-version "0.7.0"\n}\n')
    assert brief((finding,)) == ["E-VAL-002 1.kdl:2:19"]
