"""`sentinelctl audit`: what it says of a log that is whole and of one that is not, and the forms it writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.audit_verbs.command import command
from reconciler.db import session
from reconciler.db.audit import Act, Actor, AuditRow, audited
from reconciler.db.session import writing
from reconciler.flows.audit import sealing
from tests.unit.cli.logged_installation import NOW, Installed, install


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    found = install(tmp_path)
    for number, (actor, action) in enumerate(
        [
            ("ada@example.com", "person.created"),
            ("bob|=\\x", "api_key.created"),
            ("ada@example.com", "api_key.revoked"),
        ]
    ):
        with audited(Actor("person", actor, "192.0.2.7"), now=NOW + timedelta(hours=number)) as note:
            note(Act(action, "acme", "shop" if number else "", f"it {number}", details={"a": "b=c\nd"}))
    sealing.run(found.context, lambda: None)
    yield found
    session.disconnect()


def run(installed: Installed, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), env={"SENTINEL_HOME": str(installed.home)})


def test_a_log_that_holds(installed: Installed) -> None:
    said = run(installed, "verify")
    assert said.exit_code == 0, said.output
    assert "pass  rows: 3 rows are as they were entered" in said.output
    assert "pass  log entries" in said.output
    assert said.output.endswith("The audit log holds.\n")


def test_one_that_does_not(installed: Installed) -> None:
    with writing():
        AuditRow.update(actor="mallory").where(AuditRow.number == 2).execute()
    said = run(installed, "verify", "--json")
    assert said.exit_code == 1
    document = json.loads(said.stdout)
    assert document["ok"] is False
    [bad] = [check for check in document["checks"] if check["check"] == "rows"]
    assert bad["message"] == "row 2 (api_key.created by mallory) was changed"


def test_json_lines(installed: Installed) -> None:
    lines = [json.loads(line) for line in run(installed, "export").stdout.splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3]
    assert lines[1]["actor"] == {"kind": "person", "name": "bob|=\\x", "address": "192.0.2.7"}
    assert lines[0]["at"] == "2026-11-23T20:00:00.000Z"
    assert lines[0]["project"] is None
    assert len(lines[2]["mac"]) == 64


def test_cef_escapes_what_would_break_its_fields(installed: Installed) -> None:
    lines = run(installed, "export", "--format", "cef").stdout.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith(
        "CEF:0|Sentinel|control-plane|1|api_key.created|api_key.created done|3|rt=1795467600000 externalId=2 "
        r"suser=bob|\=\\x src=192.0.2.7 outcome=done act=api_key.created cs1Label=organization cs1=acme "
        "cs2Label=project cs2=shop cs3Label=subject cs3=it 1 cs4Label=link cs4="
    )
    assert r"b\=c\\n" in lines[1]
    assert "cs2Label" not in lines[0]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--actor", "ada"], [1, 3]),
        (["--action", "api_key"], [2, 3]),
        (["--project", "shop"], [2, 3]),
        (["--since", "2026-11-23T21:00"], [2, 3]),
        (["--until", "2026-11-23T21:00"], [1]),
        (["--actor", "nobody"], []),
    ],
)
def test_a_part_of_it(installed: Installed, options: list[str], numbers: list[int]) -> None:
    lines = [json.loads(line) for line in run(installed, "export", *options).stdout.splitlines()]
    assert [line["number"] for line in lines] == numbers
