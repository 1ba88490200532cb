"""Freeze windows, checks, objectives, alerts and notifications: what can be written, and each mistake at its token."""

from __future__ import annotations

import pytest

from reconciler.config.snapshot import read_snapshot
from reconciler.config.source import SourceFile
from reconciler.config.writing import write_snapshot
from tests.unit.config.trees import SERVICE, UPSTREAM, brief, read, sealed_text, secret, sound

FULL = (
    """\
freeze-window "peak" {
    reason "Peak trading"
    zone "Europe/Berlin"
    environments "production"
    once "2026-11-27T00:00" "2026-11-30T06:00"
    weekly "friday 16:00" "monday 08:00"
    yearly "12-20" "01-02"
    holidays "2026-05-01" "2026-10-03"
    owner "edge@shop.example"
}
health-check "front" {
    url "https://shop.example/healthz"
    method "GET"
    expected-status 200 204
    body-contains "ok"
    header "Authorization" "${secret:probe}"
    interval "30s"
    timeout "5s"
    failures 3
}
slo "fast" {
    service "orders"
    sli "latency"
    faster-than "1.5s"
    objective "99.90%"
    window "7d"
    minimum-requests 10
}
alert "errors" {
    severity "critical"
    pending "2m"
    runbook "https://wiki.example/errors"
    threshold {
        metric "error-rate"
        above "2%"
        service "orders"
        over "5m"
    }
}
alert "odd" {
    anomaly {
        metric "request-count"
        deviations "4"
        direction "below"
    }
}
alert "burning" {
    severity "critical"
    burn-rate {
        slo "fast"
        pair "1h" "5m" factor="14.4"
    }
}
notification-channel "chat" {
    slack {
        url "${secret:chat}"
    }
}
notification-channel "hook" {
    webhook {
        url "https://hooks.example/in"
        signing-secret "${secret:probe}"
        header "X-From" "edge"
    }
}
notification-rule "failures" {
    events "rollout.paused" "alert.*"
    channels "chat" "hook"
    environments "production"
    alerts "errors"
    severity "warning"
}
"""
    + secret("chat", 'description "Incoming webhook"')
    + secret("probe")
)


def test_everything_that_can_be_written_can_be_read() -> None:
    snapshot = sound(SERVICE, UPSTREAM, FULL)
    window = snapshot.resources[("freeze-window", "peak")].to_json()
    assert window["once"] == [{"from": "2026-11-27T00:00", "until": "2026-11-30T06:00"}]
    assert snapshot.resources[("slo", "fast")].to_json()["objective"] == "99.9%"
    assert snapshot.resources[("slo", "fast")].to_json()["faster-than"] == "1500ms"
    assert snapshot.resources[("alert", "burning")].to_json()["burn-rate"]["pair"] == [
        {"long": "1h", "short": "5m", "factor": "14.4"}
    ]


def test_what_was_read_can_be_written_and_read_again() -> None:
    snapshot = sound(SERVICE, UPSTREAM, FULL)
    again, findings = read_snapshot([SourceFile("all.kdl", write_snapshot(snapshot).encode())])
    assert again is not None, findings
    assert again.to_json() == snapshot.to_json()


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        # freeze-window
        ('zone "Europe/Berlin"', 'zone "Europe/Berln"', ["E-VAL-002 3.kdl:3:10"]),
        ('zone "Europe/Berlin"', 'zone "+01:00"', ["E-VAL-002 3.kdl:3:10"]),
        ('environments "production"\n    once', 'environments "prod"\n    once', ["E-REF-001 3.kdl:4:18"]),
        ('"2026-11-30T06:00"', '"2026-11-20T06:00"', ["E-VAL-009 3.kdl:5:29"]),
        ('"2026-11-30T06:00"', '"2026-11-31T06:00"', ["E-VAL-003 3.kdl:5:29"]),
        ('"2026-11-30T06:00"', '"2026-11-30T06:00Z"', ["E-VAL-004 3.kdl:5:29"]),
        ('"friday 16:00"', '"fri 16:00"', ["E-VAL-004 3.kdl:6:12"]),
        ('"friday 16:00" "monday 08:00"', '"friday 16:00" "friday 16:00"', ["E-VAL-009 3.kdl:6:12"]),
        (
            'weekly "friday 16:00"',
            'weekly "sunday 00:00" "sunday 09:00"\n    weekly "friday 16:00"',
            ["E-VAL-009 3.kdl:6:12"],
        ),
        (
            'weekly "friday 16:00"',
            'weekly "monday 07:59" "monday 09:00"\n    weekly "friday 16:00"',
            ["E-VAL-009 3.kdl:6:12"],
        ),
        ('weekly "friday 16:00"', 'weekly "monday 08:00" "monday 09:00"\n    weekly "friday 16:00"', []),
        ('"12-20"', '"02-30"', ["E-VAL-003 3.kdl:7:12"]),
        ('"2026-05-01"', '"01.05.2026"', ["E-VAL-004 3.kdl:8:14"]),
        # health-check
        ('url "https://shop', 'url "http://shop', ["E-VAL-004 3.kdl:12:9"]),
        ('url "https://shop', 'url "https://me:pw@shop', ["E-VAL-020 3.kdl:12:9"]),
        ('url "https://shop.example/', 'url "https://shop.example:99999/', ["E-VAL-003 3.kdl:12:9"]),
        ('"Authorization" "${secret:probe}"', '"Authorization" "Bearer x"', ["E-VAL-020 3.kdl:16:28"]),
        ('"Authorization" "${secret:probe}"', '"Authorization" "${secret:prob}"', ["E-REF-001 3.kdl:16:28"]),
        ('header "X-From" "edge"', 'header "X-From" "a ${secret:probe}"', ["E-VAL-021 3.kdl:63:25"]),
        ('timeout "5s"', 'timeout "50s"', ["E-VAL-009 3.kdl:18:13"]),
        ('method "GET"', 'method "HEAD"', ["E-VAL-009 3.kdl:15:5"]),
        # slo
        ('service "orders"\n    sli', 'service "oders"\n    sli', ["E-REF-001 3.kdl:22:13"]),
        ('faster-than "1.5s"\n', "\n", ["E-KND-003 3.kdl:23:9"]),
        ('sli "latency"', 'sli "availability"', ["E-VAL-009 3.kdl:24:5"]),
        ('faster-than "1.5s"', 'faster-than "2%"', ["E-VAL-009 3.kdl:24:5"]),
        ('"99.90%"', '"100%"', ["E-VAL-003 3.kdl:25:15"]),
        ('"99.90%"', "99.9", ["E-VAL-001 3.kdl:25:15"]),
        ('window "7d"', 'window "5d"', ["E-VAL-002 3.kdl:26:12"]),
        # alert
        ('above "2%"', 'above "2ms"', ["E-VAL-009 3.kdl:35:9"]),
        ('above "2%"', 'above "2%"\n        below "1%"', ["E-VAL-009 3.kdl:35:9"]),
        ('metric "error-rate"', 'metric "eror-rate"', ["E-VAL-002 3.kdl:34:16"]),
        ('severity "critical"\n    pending', 'severity "page"\n    pending', ["E-VAL-002 3.kdl:30:14"]),
        (
            'metric "request-count"',
            'metric "silent-nodes"\n        service "orders"',
            ["E-VAL-009 3.kdl:43:9"],
        ),
        ('slo "fast"\n        pair', 'slo "fats"\n        pair', ["E-REF-001 3.kdl:50:13"]),
        ('pair "1h" "5m"', 'pair "1h" "1h"', ["E-VAL-009 3.kdl:51:14"]),
        ('factor="14.4"', 'factor="1001"', ["E-VAL-003 3.kdl:51:31"]),
        ('factor="14.4"', 'factor="1000"\n        pair "2h" "5m" factor="14.4"', []),
        ('pair "1h" "5m" factor="14.4"', 'pair "169h" "5m" factor="14.4"', ["E-VAL-003 3.kdl:51:14"]),
        # notifications
        ('url "${secret:chat}"', 'url "https://hooks.slack.com/services/T/B/x"', ["E-VAL-020 3.kdl:56:13"]),
        ('url "https://hooks', 'url "http://hooks', ["E-VAL-004 3.kdl:61:13"]),
        ('signing-secret "${secret:probe}"', 'signing-secret "hunter2"', ["E-VAL-020 3.kdl:62:24"]),
        ('"rollout.paused"', '"rollout.pausd"', ["E-VAL-002 3.kdl:67:12"]),
        ('"rollout.paused"', '"alert.fired"', ["E-VAL-008 3.kdl:67:12"]),
        ('"rollout.paused" "alert.*"', '"rollout.paused"', ["E-VAL-009 3.kdl:71:5"]),
        ('"rollout.paused" "alert.*"', '"*"', ["E-VAL-002 3.kdl:67:12"]),
        ('channels "chat" "hook"', 'channels "chat" "hok"', ["E-REF-001 3.kdl:68:21"]),
        ('alerts "errors"', 'alerts "error"', ["E-REF-001 3.kdl:70:12"]),
    ],
)
def test_a_mistake_is_found_at_its_token(before: str, after: str, found: list[str]) -> None:
    assert FULL.count(before) == 1, before
    _, findings = read(SERVICE, UPSTREAM, FULL.replace(before, after))
    assert brief(findings) == found
    assert all(f.hint and f.expected for f in findings)


def test_what_may_not_be_read_is_not_repeated() -> None:
    text = FULL.replace("${secret:chat}", "https://hooks.slack.com/services/hunter2").replace(
        '"Authorization" "${secret:probe}"', '"Authorization" "Bearer hunter2"'
    )
    text = text.replace('signing-secret "${secret:probe}"', 'signing-secret "hunter2"').replace(
        "https://hooks.example", "https://me:hunter2@hooks.example"
    )
    _, findings = read(SERVICE, UPSTREAM, text)
    assert len(findings) == 4
    assert "hunter2" not in str(findings)


@pytest.mark.parametrize(
    ("kind", "field", "code"),
    [
        ('freeze-window "x"', 'reason "x"\n    zone "UTC"', "E-KND-003 1.kdl:1:15"),
        ('alert "x"', 'severity "info"', "E-VAL-009 1.kdl:1:7"),
        ('notification-channel "x"', 'description "x"', "E-VAL-009 1.kdl:1:22"),
        (
            'notification-channel "x"',
            'email {\n        to "a@b.example"\n    }\n    teams {\n        url "${secret:x}"\n    }',
            "E-VAL-009 1.kdl:2:5",
        ),
    ],
)
def test_exactly_one_of_several(kind: str, field: str, code: str) -> None:
    _, findings = read(f"{kind} {{\n    {field}\n}}\n", 'secret "x"\n')
    assert brief(findings) == [code]


def test_a_burn_rate_that_cannot_be_reached() -> None:
    text = FULL.replace('"99.90%"', '"95%"').replace('factor="14.4"', 'factor="20.1"')
    _, (finding,) = read(SERVICE, UPSTREAM, text)
    assert brief((finding,)) == ["E-VAL-009 3.kdl:51:14"]
    assert finding.expected == "at most 20"
    assert sound(SERVICE, UPSTREAM, text.replace("20.1", "20"))


def test_a_secret_may_be_sealed_for_environments() -> None:
    sealed = sealed_text("production", "x")
    key, wrapped = sealed.split(".")[1:3]
    line = f'    sealed "production" "{sealed}" version=2\n'
    snapshot = sound(f'secret "x" {{\n{line}}}\n')
    assert snapshot.resources[("secret", "x")].to_json()["sealed"] == [
        {"environment": "production", "value": sealed, "version": 2}
    ]
    for wrong, code in (
        ("hunter2", "E-VAL-020"),
        ("v1.x", "E-VAL-004"),
        (sealed.replace(key, "g" * 16), "E-VAL-004"),
        (sealed.replace(wrapped, wrapped[:-1]), "E-VAL-004"),
        (sealed[:-35], "E-VAL-004"),
        (sealed + "!", "E-VAL-004"),
    ):
        _, (finding,) = read(f'secret "x" {{\n{line.replace(sealed, wrong)}}}\n')
        assert brief((finding,)) == [f"{code} 1.kdl:2:25"]
        assert wrong not in str(finding)
    _, findings = read(f'secret "x" {{\n{line.replace("production", "prod")}}}\n')
    assert brief(findings) == ["E-REF-001 1.kdl:2:12"]
    _, findings = read(f'secret "x" {{\n{line}{line}}}\n')
    assert brief(findings) == ["E-VAL-008 1.kdl:3:12"]


@pytest.mark.parametrize(
    "line", ['    objective "99.90%"\n', '    sli "latency"\n', '    zone "Europe/Berlin"\n']
)
def test_a_field_that_is_missing_stops_no_other_check(line: str) -> None:
    _, findings = read(SERVICE, UPSTREAM, FULL.replace(line, "").replace('channels "chat"', 'channels "cat"'))
    assert {f.code for f in findings} >= {"E-KND-003", "E-REF-001"}


def test_a_word_of_selectors_is_no_label() -> None:
    _, findings = read('node-group "x" {\n    label "in" "a"\n    label "inner" "and"\n}\n')
    assert brief(findings) == ["E-VAL-007 1.kdl:2:11"]


def test_a_freeze_window_of_every_minute_of_the_week_is_read() -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    minutes = [f"{day} {hour:02}:{minute:02}" for day in days for hour in range(24) for minute in range(60)]
    lines = [
        f'weekly "{one}" "{other}"' for one, other in zip(minutes, minutes[1:] + minutes[:1], strict=True)
    ]
    text = 'freeze-window "always" {\n reason "Never"\n zone "UTC"\n ' + "\n ".join(lines) + "\n}\n"
    window = sound(SERVICE, UPSTREAM, text).resources[("freeze-window", "always")]
    assert len(window.to_json()["weekly"]) == len(minutes)
