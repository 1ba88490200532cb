"""`sentinelctl import`: from files on disk to a repository on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.build import command as build
from reconciler.cli.import_config import command
from reconciler.cli.validate import command as validate
from tests.unit.importing.imported import compiled, strange, translated
from tests.unit.native.native_documents import MINIMAL

RUNNING = Path(__file__).parents[1] / "importing" / "running" / "shop.kdl"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_a_repository_is_written_that_builds_the_same(tmp_path: Path) -> None:
    out = tmp_path / "My Shop"
    result = run(RUNNING, "--out", out)
    assert result.exit_code == 0, result.output
    assert 'project "my-shop"' in (out / "project.kdl").read_text()
    assert "  route 'api' → service\n" in result.output
    assert "  upstream 'pooled': the language has nothing like connection-pool\n" in result.output
    assert "cache: what is set there has no field in the language" in result.output
    assert "'default-route' is read and never used" in result.output
    assert "accepted as it was, although it does nothing: W-NAT-001" in result.output
    assert CliRunner().invoke(validate, [str(out)]).exit_code == 0
    assert CliRunner().invoke(build, [str(out), "--out", str(tmp_path / "built")]).exit_code == 0
    config = (tmp_path / "built" / "config" / "production" / "sentinel.kdl").read_bytes()
    environment = compiled(translated(RUNNING.read_text()))  # type: ignore[arg-type]
    assert config == environment.config
    assert strange(RUNNING.read_text(), environment) == []


def test_names_can_be_chosen_and_the_report_read_by_machines(tmp_path: Path) -> None:
    out = tmp_path / "repo"
    result = run(RUNNING, "--out", out, "--environment", "edge", "--project", "shop", "--json")
    report = json.loads(result.output)
    assert report["files"] == sorted(path.name for path in out.iterdir())
    parts = {(part["kind"], part["name"]): part for part in report["parts"]}
    assert parts[("route", "api")]["became"] == "service"
    assert parts[("filter", "cors")]["became"] == "middleware"
    assert parts[("listener", "tls")]["became"] == "proxy"
    assert parts[("listener", "tls")]["line"] == 14
    assert parts[("listener", "tls")]["reason"]
    text = (out / "project.kdl").read_text()
    assert 'project "shop"' in text
    assert 'environment "edge"' in text


def test_included_files_and_several_files_are_one_configuration(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    routes = MINIMAL[MINIMAL.index("routes {") :]
    upstreams = MINIMAL[MINIMAL.index("upstreams {") : MINIMAL.index("routes {")]
    (parts / "routes.kdl").write_text(routes)
    (tmp_path / "main.kdl").write_text(MINIMAL[: MINIMAL.index("upstreams {")] + 'include "parts/*.kdl"\n')
    (tmp_path / "more.kdl").write_text(upstreams)
    result = run(tmp_path / "main.kdl", tmp_path / "more.kdl", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert 'service "app"' in (tmp_path / "out" / "services.kdl").read_text()
    assert 'upstream "app"' in (tmp_path / "out" / "upstreams.kdl").read_text()


def test_what_the_proxy_refuses_is_refused_with_its_findings(tmp_path: Path) -> None:
    broken = tmp_path / "broken.kdl"
    broken.write_text(MINIMAL.replace('upstream "app"\n    }', 'upstream "ap"\n    }'))
    result = run(broken, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "E-NAT-010" in result.output
    assert "did you mean 'app'?" in result.output
    assert "nothing was written: proxy 0.6.20 refuses this configuration" in result.output
    assert not (tmp_path / "out").exists()
    syntax = tmp_path / "syntax.kdl"
    syntax.write_text("system {\n")
    assert "E-NAT-001" in run(syntax, "--out", tmp_path / "out").output


def test_what_no_repository_can_have_is_refused(tmp_path: Path) -> None:
    reserved = tmp_path / "reserved.kdl"
    reserved.write_text(MINIMAL + 'filters { filter "sentinel-config-1" { type "log" } }\n')
    result = run(reserved, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "E-CMP-042" in result.output
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "project.kdl").write_text("mine")
    result = run(RUNNING, "--out", tmp_path)
    assert result.exit_code == 1
    assert "is not empty" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["project.kdl"]
    assert (tmp_path / "project.kdl").read_text() == "mine"


@pytest.mark.parametrize(
    "arguments", [("--environment", "Prod"), ("--project", "sentinel-x"), ("--project", "a b")]
)
def test_names_that_cannot_be_are_wrong_usage(tmp_path: Path, arguments: tuple[str, str]) -> None:
    result = run(RUNNING, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert f"{arguments[0]} '{arguments[1]}': expected a" in result.output
    assert not (tmp_path / "out").exists()


def test_other_languages_are_wrong_usage(tmp_path: Path) -> None:
    other = tmp_path / "proxy.json"
    other.write_text("{}")
    assert run(other, "--out", tmp_path / "out").exit_code == 2
