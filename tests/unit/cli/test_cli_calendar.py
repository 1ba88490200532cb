"""`sentinelctl calendar explain`, against the template."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler.cli.calendar import command

TEMPLATE = Path(__file__).resolve().parents[3] / "repo-template"


def explained(*arguments: str) -> str:
    result = CliRunner().invoke(command, ["explain", str(TEMPLATE), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2026-12-24T12:00", "production: frozen by peak-trading", id="in a window"),
        pytest.param(
            "2026-11-25T12:00", "production: releases may be opened; next: peak-trading", id="before"
        ),
        pytest.param("2026-12-24T12:00", "dev: releases may be opened\n", id="another environment"),
        pytest.param("2026-12-18T00:30+01:00", "frozen by peak-trading", id="with an offset, inside"),
        pytest.param(
            "2026-12-17T23:30+01:00", "production: releases may be opened", id="with an offset, outside"
        ),
    ],
)
def test_what_holds(at: str, expected: str) -> None:
    assert expected in explained("--at", at)


def test_json() -> None:
    told = json.loads(explained("--at", "2026-12-24T12:00", "--json"))
    production = next(one for one in told["environments"] if one["environment"] == "production")
    assert production["frozen"] is True
    assert production["windows"][0]["name"] == "peak-trading"
    assert production["thaws_at"] > told["at"]


def test_no_moment() -> None:
    result = CliRunner().invoke(command, ["explain", str(TEMPLATE), "--at", "tomorrow"])
    assert result.exit_code == 2
    assert "2026-12-24T18:00" in result.output


def test_a_repository_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.kdl").write_text('servce "x" {\n}\n')
    result = CliRunner().invoke(command, ["explain", str(tmp_path)])
    assert result.exit_code == 1
    assert "a.kdl:1:1" in result.output
