"""`sentinelctl simulate`, as people call it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import group
from reconciler.simulator.temperament import TEMPERAMENTS as PROXIES
from reconciler.simulator.virtual.happenings import KINDS
from reconciler.simulator.virtual.scenario_files import read_scenario
from reconciler.simulator.virtual.temperaments import TEMPERAMENTS

DOCS = Path(__file__).parents[3] / "docs" / "simulation.md"
CONFIG = """project "shop"
environment "dev" {
    proxy-version "0.6.20"
}
environment "production" {
    proxy-version "0.6.20"
    after "dev"
    policy {
        strategy "rolling"
    }
}
freeze-window "christmas" {
    reason "Nobody is there"
    zone "Europe/Berlin"
    yearly "12-24" "12-26"
}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["simulate", *arguments])


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "config.kdl").write_text(CONFIG)
    return folder


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def test_a_push_on_christmas_eve_waits_for_the_end_of_the_freeze(repository: Path) -> None:
    said = document(
        run(str(repository), "--at", "2026-12-24T18:00", "--push", "4f2a91c", "--for", "14d", "--json")
    )
    opened = next(commit for commit in said["commits"] if commit["event"] == "rollout.opened")
    assert opened["environment"] == "dev"
    assert opened["at"].startswith("2026-12-26T23:00")
    assert said["environments"][0]["live"].endswith("(4f2a91c)")
    assert said["broken"] is None


def test_a_year_is_played_in_one_go(repository: Path) -> None:
    said = document(run(str(repository), "--push-every", "30d", "--for", "365d", "--nodes", "3", "--json"))
    completed = [commit for commit in said["commits"] if commit["event"] == "rollout.completed"]
    assert len(completed) == 13


def test_a_promotion_is_played_and_told_in_words(repository: Path) -> None:
    result = run(str(repository), "--at", "2026-11-02T09:00", "--promote", "production=10m", "--nodes", "8")
    assert result.exit_code == 0, result.output
    assert re.search(
        r"production: Open rollout r-0001 in production: \w{12}, rolling, 4 batches", result.output
    )
    assert "production runs" in result.output


def test_a_blue_green_release_is_played_with_nodes_in_both_slots(repository: Path) -> None:
    how = """strategy "blue-green"
        blue-green { balancer "edge"; slots "slot" blue="a" green="b"; bake "5s"; hold "5s"; }"""
    (repository / "config.kdl").write_text(CONFIG.replace('strategy "rolling"', how))
    result = run(str(repository), "--at", "2026-11-02T09:00", "--promote", "production=10m", "--nodes", "9")
    assert result.exit_code == 0, result.output
    assert (
        "Advance rollout r-0001 in production: batch 2 of 6 healthy, then blue at 90, green at 10"
        in result.output
    )
    assert re.search(r"Complete rollout r-0001 in production: \w{12} is live", result.output)


def test_what_a_repository_would_play_can_be_written_and_played(repository: Path, tmp_path: Path) -> None:
    written = run(str(repository), "--at", "2026-11-02T09:00", "--write")
    assert written.exit_code == 0, written.output
    file = tmp_path / "scenario.kdl"
    file.write_text(written.output)
    direct = run(str(repository), "--at", "2026-11-02T09:00", "--json")
    again = run("--scenario", str(file), "--json")
    assert document(again)["commits"] == document(direct)["commits"]


def test_a_seed_is_played(repository: Path) -> None:
    assert document(run("--seed", "4", "--json"))["scenario"] == "seed 4"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "often"], "write one integer and one unit"),
        (["--for", "4000d"], "at most 400d"),
        (["--push-every", "1s"], "at least 1m"),
        (["--promote", "mars=1h"], "there is no environment 'mars'; there are dev, production"),
    ],
)
def test_wrong_usage_is_said(repository: Path, arguments: list[str], said: str) -> None:
    result = run(str(repository), *arguments)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("environment {", "E-SIM-002"),
        ('project "x"\n', "E-SIM-002"),
        (
            'scenario "x" lasts="soon"\nproject "x"\nenvironment "dev" { proxy-version "0.6.20"; }\n',
            "E-SIM-002",
        ),
        ('scenario "x"\nproject "x"\nenvironment "dev" { proxy-version "1"; }\n', "E-SIM-001"),
        (
            'scenario "x"\nproject "x"\nenvironment "dev" { proxy-version "0.6.20"; }\nnodes "mars" 3\n',
            "E-SIM-003",
        ),
        (
            'scenario "x"\nproject "x"\nenvironment "dev" { proxy-version "0.6.20"; }\n'
            'nodes "dev" 3 temperament="moody"\n',
            "E-SIM-003",
        ),
        (
            'scenario "x"\nproject "x"\nenvironment "dev" { proxy-version "0.6.20"; }\ntimeline {\n'
            '    implode "1s"\n}\n',
            "E-SIM-003",
        ),
        (
            'scenario "x"\nproject "x"\nenvironment "dev" { proxy-version "0.6.20"; }\ntimeline {\n'
            '    hold "1s" environment="dev"\n}\n',
            "E-SIM-002",
        ),
    ],
)
def test_a_scenario_that_cannot_be_played_is_refused(tmp_path: Path, text: str, code: str) -> None:
    file = tmp_path / "x.kdl"
    file.write_text(text)
    result = run("--scenario", str(file))
    assert result.exit_code == 1
    assert getattr(result.exception, "code", "") == code, result.output


def test_the_example_of_the_docs_rolls_back(tmp_path: Path) -> None:
    (text,) = re.findall(r"```kdl\n(.*?)```", DOCS.read_text(), re.DOTALL)
    file = tmp_path / "x.kdl"
    file.write_text(text)
    events = [commit["event"] for commit in document(run("--scenario", str(file), "--json"))["commits"]]
    assert events.count("rollout.rolled-back") == 1
    assert read_scenario(text, "x.kdl").timeline


def test_the_docs_name_every_temperament_and_every_happening() -> None:
    rows = {
        name
        for row in re.findall(r"^\| (`.*?) \|", DOCS.read_text(), re.MULTILINE)
        for name in re.findall(r"`([a-z-]+)`", row)
    }
    assert rows == set(KINDS) | set(TEMPERAMENTS) | set(PROXIES)
