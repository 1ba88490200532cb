"""What a node tells beside heartbeats: kept on its disk, told once, through outages, starts, rotations and refusals."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.node import driver, waf_log
from reconciler.node import outbox as outbox_module
from reconciler.node.effects import HttpReply
from reconciler.node.outbox import Outbox
from reconciler.node.waf_lines import read_line
from reconciler.node.waf_log import read_part
from tests.unit.node.bench import Bench
from tests.unit.node.publishing import build, proxy_config
from tests.unit.node.test_node_crashes import Killed, at_each_step
from tests.unit.node.test_node_secrets import CANARIES, VALUES, shop
from web.nodes.telling import KINDS

OLD = build("127.0.0.1:3000")
NEW = build("127.0.0.1:4000")
NEW_START = build("127.0.0.1:4000", restart_key="r2")
NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def attack(number: int, **changes: Any) -> bytes:
    line = {"timestamp": "2026-11-24T20:00:00Z", "rule_id": 942_000 + number, "action": "block", **changes}
    return json.dumps(line).encode() + b"\n"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A node that runs OLD and has a WAF agent beside its proxy."""
    log = tmp_path / "waf.log"
    log.touch()
    bench = Bench(tmp_path / "node", tells=True, waf_log=log)
    bench.plane.offer(OLD, sequence=5)
    assert bench.settle()["running"] == OLD.digest
    return bench


def log_of(bench: Bench) -> Path:
    assert bench.waf_log is not None
    return bench.waf_log


def write(bench: Bench, *lines: bytes) -> None:
    with log_of(bench).open("ab") as file:
        file.writelines(lines)


def told(bench: Bench, kind: str) -> list[Any]:
    """The items of all batches of a kind, each checked as the node API checks it."""
    items: list[Any] = []
    for name, body in bench.plane.told.values():
        if name == kind:
            own = KINDS[kind]
            assert set(body) == {"batch", own.field}
            assert len(json.dumps(body).encode()) <= own.limit
            own.read(body[own.field])
            items += body[own.field] if isinstance(body[own.field], list) else [body[own.field]]
    return items


def rules(bench: Bench) -> list[str]:
    return [one["rule"] for one in told(bench, "waf-events")]


def test_attacks_are_told_once_and_in_order(bench: Bench) -> None:
    write(bench, attack(1), attack(2), attack(3)[:-9])
    bench.settle(2)
    assert rules(bench) == ["942001", "942002"], "the third is half written"
    write(bench, attack(3)[-9:])
    bench.settle(3)
    assert rules(bench) == ["942001", "942002", "942003"]
    assert not [path for path in (bench.home / "outbox").iterdir() if path.name != "marks.json"]


def test_what_runs_is_told_when_it_changes_and_holds_no_secret(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "node", tells=True)
    for (name, version), value in VALUES.items():
        bench.plane.secrets.put(name, version, value)
    first, second = shop(), shop(target="127.0.0.1:4000")
    bench.plane.offer(first, sequence=5)
    bench.settle(5)
    bench.plane.offer(second, sequence=6)
    bench.settle(5)
    configs = told(bench, "config")
    assert [one["document"]["bundle"] for one in configs] == [first.digest, second.digest]
    document = configs[-1]["document"]
    assert configs[-1]["config_id"] == second.config_id
    assert (document["epoch"], document["sequence"]) == (1, 6)
    assert document["secrets"] == {"shop-key": 1, "token": 1}
    assert "config/dev/sentinel.kdl" not in document["files"]
    staged = bench.files.config(second.digest, "production").read_bytes()
    assert document["files"]["config/production/sentinel.kdl"] == hashlib.sha256(staged).hexdigest()
    kept = [path.read_bytes() for path in (bench.home / "outbox").iterdir()]
    seen = [json.dumps(list(bench.plane.told.values())).encode(), *kept]
    assert [canary for canary in CANARIES for text in seen if canary in text] == []
    bench.start()
    bench.run(bench.agent.recover())
    bench.settle(3)
    assert len(told(bench, "config")) == 2, "a start is no news"


def test_a_file_that_was_changed_on_the_disk_shows(bench: Bench) -> None:
    before = told(bench, "config")[-1]["document"]["files"]["config/production/sentinel.kdl"]
    assert before == hashlib.sha256(proxy_config("127.0.0.1:3000")[0]).hexdigest()
    bench.files.config(OLD.digest, "production").write_bytes(b"// changed\n")
    bench.start()
    bench.settle(2)
    changed = told(bench, "config")[-1]["document"]["files"]["config/production/sentinel.kdl"]
    assert changed == hashlib.sha256(b"// changed\n").hexdigest()


def test_events_are_told_and_an_outage_loses_none(bench: Bench) -> None:
    bench.plane.away = True
    for _ in range(3):
        bench.proxy.die()
        write(bench, attack(len(rules(bench)) + 7))
        with pytest.raises(Exception, match="E-NOD-010"):
            bench.cycle()
        bench.start()
        bench.run(bench.agent.recover())
    bench.plane.away = False
    bench.settle(4)
    events = told(bench, "events")
    assert [one["kind"] for one in events] == ["proxy-silent"] * 3
    assert events[0]["severity"] == "warning"
    assert "the proxy does not run" in events[0]["message"]
    assert rules(bench) == ["942007"] * 3


def test_the_last_words_of_a_proxy_come_before_it_is_started_afresh(bench: Bench) -> None:
    bench.seconds += 5
    bench.plane.offer(NEW, sequence=6)
    bench.settle(2)
    assert told(bench, "metrics") == [], "a reload counts on"
    bench.seconds += 5
    bench.plane.offer(NEW_START, sequence=7)
    bench.cycle()
    (signals,) = told(bench, "metrics")
    assert signals["life"] == bench.plane.heartbeats[-1]["signals"]["life"]
    bench.cycle()
    assert signals["life"] != bench.plane.heartbeats[-1]["signals"]["life"]


@pytest.mark.parametrize("status", [429, 503])
def test_who_asks_for_patience_gets_it_and_everything_later(bench: Bench, status: int) -> None:
    bench.plane.batch_answer = HttpReply(status, {"retry-after": "10"}, b"{}")
    write(bench, attack(1))
    bench.settle(1)
    asked = [path for path in bench.plane.asked if path.endswith("/waf-events")]
    assert len(asked) == 1
    bench.settle(5)
    assert len([path for path in bench.plane.asked if path.endswith("/waf-events")]) == 1, (
        "ten seconds, two a round"
    )
    bench.plane.batch_answer = None
    bench.settle(2)
    assert len([path for path in bench.plane.asked if path.endswith("/waf-events")]) == 2
    assert rules(bench) == ["942001"], "under the same name, so it counts once"
    assert bench.plane.heartbeats[-1]["health"]["state"] == "healthy"


def test_a_batch_that_will_never_be_taken_holds_up_no_other(bench: Bench) -> None:
    bench.plane.batch_answer = HttpReply(400, {}, b'{"code":"E-NAP-001","detail":"no"}')
    write(bench, attack(1))
    bench.settle(1)
    assert [one.event for one in bench.said].count("batch-refused") == 1
    bench.plane.batch_answer = None
    write(bench, attack(2))
    bench.settle(1)
    assert rules(bench) == ["942001", "942002"]


@pytest.mark.parametrize("moved", [True, False], ids=["moved aside", "copied and cut"])
def test_a_log_that_is_rotated_loses_nothing(bench: Bench, moved: bool) -> None:
    log = log_of(bench)
    write(bench, attack(1))
    bench.settle(1)
    if moved:
        write(bench, attack(2))
        log.rename(log.with_name("waf.log.1"))
        log.touch()
    else:
        os.truncate(log, 0)
        write(bench, attack(2))
    write(bench, attack(3))
    bench.settle(3)
    assert rules(bench) == ["942001", "942002", "942003"]


def test_killed_at_any_step_every_attack_is_told_once(tmp_path: Path) -> None:
    def ready(name: str) -> Bench:
        log = tmp_path / f"{name}.log"
        log.write_bytes(attack(1))
        bench = Bench(tmp_path / name, tells=True, waf_log=log)
        bench.cycle()
        write(bench, attack(2))
        return bench

    counted = ready("counted")
    with at_each_step(lambda number: None) as steps:
        counted.cycle()
    assert len(steps) >= 8, steps
    for cut in range(1, len(steps) + 1):
        bench = ready(f"cut-{cut}")

        def strike(number: int, cut: int = cut) -> None:
            if number == cut:
                raise Killed

        with at_each_step(strike), pytest.raises(Killed):
            bench.cycle()
        bench.start()
        bench.settle(3)
        assert rules(bench) == ["942001", "942002"], f"step {cut}"


def test_the_outbox_is_bounded_and_says_what_it_gave_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "MOST_BATCHES", 4)
    monkeypatch.setattr(outbox_module, "MOST_EVENTS", 2)
    log = tmp_path / "waf.log"
    log.write_bytes(attack(1))
    outbox = Outbox(tmp_path / "outbox", lambda: NOW, log)
    outbox.prepare()
    for number in range(20):
        outbox.note("x", "info", f"event {number}", {})
    assert len(list(outbox.folder.glob("*.json"))) == 4
    outbox.gather(None)
    assert not list(outbox.folder.glob("*-waf-events.json")), "the log is not read on while there is no room"
    seen = []
    while (batch := outbox.next()) is not None:
        seen.append(json.loads(batch.body))
        outbox.end(batch.number)
    messages = [event["message"] for body in seen for event in body["events"]]
    assert messages[:8] == [f"event {number}" for number in range(12, 20)], "the oldest are given up"
    assert messages[8:] == ["6 batches of events were given up while they could not be sent"]
    outbox.gather(None)
    assert outbox.next() is not None


def test_a_node_that_is_far_behind_tells_of_the_newest(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waf_log, "MOST_BEHIND", 4_000)
    monkeypatch.setattr(waf_log, "PART", 1_000)
    write(bench, *(attack(number) for number in range(100)))
    bench.settle(3)
    assert rules(bench)[-1] == "942099"
    assert len(rules(bench)) < 15
    assert [one["kind"] for one in told(bench, "events")] == ["waf-log-skipped"]


def test_lines_that_are_none_are_passed_over_and_said_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waf_log, "PART", 2_000)
    monkeypatch.setattr(waf_log, "LONGEST_LINE", 500)
    write(
        bench,
        b"started\n",
        b"\n",
        b"x" * 4_500 + b"\n",
        attack(1),
        b'{"a": "' + b"y" * 600 + b'"}\n',
        attack(2),
    )
    bench.settle(4)
    write(bench, b"stopped\n", attack(3))
    bench.settle(2)
    assert rules(bench) == ["942001", "942002", "942003"]
    assert [one["kind"] for one in told(bench, "events")] == ["waf-log-strange"]


def test_a_log_that_cannot_be_read_is_said_once(bench: Bench) -> None:
    log_of(bench).unlink()
    bench.settle(3)
    assert [one["kind"] for one in told(bench, "events")] == ["waf-log-unreadable"]
    log_of(bench).write_bytes(attack(4))
    bench.settle(2)
    assert rules(bench) == ["942004"]


def test_a_staged_bundle_that_cannot_be_read_holds_up_no_attack(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: Any) -> None:
        raise OSError("Input/output error")

    monkeypatch.setattr(driver, "runtime_config", damaged)
    write(bench, attack(1))
    bench.start()
    bench.settle(2)
    assert rules(bench) == ["942001"]


def test_damaged_files_of_the_outbox_are_passed_over(bench: Bench) -> None:
    folder = bench.home / "outbox"
    bench.plane.away = True
    write(bench, attack(1))
    with pytest.raises(Exception, match="E-NOD-010"):
        bench.cycle()
    assert len(list(folder.glob("*-waf-events.json"))) == 1
    for name in ("00000000-events.json", "00000050-events.json"):
        (folder / name).write_bytes(b"{")
    (folder / "marks.json").write_bytes(b"[]")
    bench.start()
    bench.plane.away = False
    bench.settle(3)
    assert rules(bench) == ["942001"], "what is kept says how far the log was read"


MODSEC = {
    "transaction": {
        "client_ip": "2001:db8::1",
        "time_stamp": "Tue Nov 24 20:00:00 2026",
        "request": {"method": "POST", "uri": "/login?password=canary", 
                    "headers": {"User-Agent": "curl/8", "Cookie": "canary"}},
        "response": {"http_code": 403},
        "producer": {"secrules_engine": "Enabled"},
        "messages": [
            {"message": "SQL", "details": {"ruleId": "942100", "severity": "2", "data": "canary"}},
            {"message": "XSS", "details": {"ruleId": "941100", "severity": "4"}},
            {"message": "odd"},
        ],
    }
}  # fmt: skip


def test_modsecuritys_audit_log_is_read_without_what_is_personal() -> None:
    found = read_line(json.dumps(MODSEC).encode(), now=NOW)
    assert [(one["rule"], one["category"], one["severity"], one["action"]) for one in found] == [
        ("942100", "sqli", "critical", "blocked"),
        ("941100", "xss", "medium", "blocked"),
    ]
    assert (found[0]["path"], found[0]["client"], found[0]["agent"]) == ("/login", "2001:db8::1", "curl/8")
    assert "canary" not in json.dumps(found)
    KINDS["waf-events"].read(found)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"id": "1-x", "level": "notice", "route": "shop.2"}, {"rule": "1-x", "severity": "low", "service": "shop"}),
        ({"rule": "913100", "ts": 1_795_550_400}, {"category": "scanner", "at": "2026-11-24T20:00:00Z"}),
        ({"rule": "913100", "ts": 1_795_550_400_000}, {"at": "2026-11-24T20:00:00Z"}),
        ({"rule": "9", "time": "no time"}, {"at": "2026-11-24T20:00:00Z", "category": "custom"}),
        ({"rule": "9", "time": 1e300, "category": "RCE"}, {"category": "rce", "action": "logged"}),
        ({"rule": "9", "client": "none", "method": "get", "uri": "/a\u0000b?c"}, {"method": "GET", "path": "/a b"}),
    ],
)  # fmt: skip
def test_what_other_agents_write_is_read(line: Any, expected: dict[str, str]) -> None:
    (found,) = read_line(json.dumps(line).encode(), now=NOW)
    assert expected.items() <= found.items()
    KINDS["waf-events"].read([found])


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"{}", b'{"rule": ""}', b'{"rule": true}', b'{"transaction": {}}', b"{" * 9000]
)
def test_what_tells_of_no_attack(line: bytes) -> None:
    assert read_line(line, now=NOW) == []


def test_a_log_without_news_is_no_part(tmp_path: Path) -> None:
    log = tmp_path / "waf.log"
    log.write_bytes(attack(1))
    part = read_part(log, None, lambda: NOW)
    assert part is not None
    assert read_part(log, part.cursor, lambda: NOW) is None
