"""`sentinelctl deliveries`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler import clock
from reconciler.cli.deliveries import command
from reconciler.db import session
from reconciler.db.intake import Gap, Receipt
from reconciler.errors import Stalled
from reconciler.settings import Settings

CONFIG = """\
organization "acme" {
    keys { bundle "file:b"; pointer "file:p"; commit "file:c" }
    connection "origin" { forge "github"; secret "file:s" }
}
"""


@pytest.fixture
def installed(database: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    database.config_file.parent.mkdir(parents=True, exist_ok=True)
    database.config_file.write_text(CONFIG)
    monkeypatch.setattr("reconciler.cli.deliveries.read_settings", lambda environ: database)
    monkeypatch.setattr("reconciler.cli.deliveries.connect", lambda settings: None)
    return database


def add_gap(minutes: float, *, explained: bool = False) -> None:
    now = clock.now()
    with session.writing():
        Gap.create(
            organization="acme", connection="origin", url="https://h/x.git", ref="refs/heads/main", before="",
            after="b" * 40, guess="who knows", found_at=now - timedelta(minutes=minutes),
            explained_at=now if explained else None,
        )  # fmt: skip


def run(*arguments: str) -> str:
    done = CliRunner().invoke(command, ["origin", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_nothing_is_missing_and_nothing_has_come(installed: Settings) -> None:
    assert run() == "Every move was told of by a delivery.\n\nNo delivery has come yet.\n"


def test_gaps_come_first_and_say_what_they_are(installed: Settings) -> None:
    add_gap(50, explained=True)
    add_gap(1)
    add_gap(5)
    with session.writing():
        Receipt.create(
            organization="acme", connection="origin", delivery="d", event="push", repository="acme/shop",
            refs={"refs/heads/main": {"before": "", "after": "c" * 40}}, body_sha256="", received_at=clock.now(),
        )  # fmt: skip
    lines = run().splitlines()
    assert [line.split("  ")[2] for line in lines[1:7:2]] == ["lost", "perhaps on its way", "told late"]
    assert lines[1].endswith("refs/heads/main  nothing → bbbbbbbbbbbb")
    assert lines[2] == "    who knows"
    assert lines[-1].endswith("push  acme/shop  refs/heads/main")
    document = json.loads(run("--json", "--limit", "1"))
    assert [gap["state"] for gap in document["gaps"]] == ["lost"]
    assert [delivery["delivery"] for delivery in document["deliveries"]] == ["d"]


def test_an_unknown_connection_is_refused_with_those_that_are_known(
    installed: Settings, tmp_path: Path
) -> None:
    with pytest.raises(Stalled, match=r"E-FRG-002 .* It has: origin"):
        CliRunner().invoke(command, ["orign"], catch_exceptions=False)
