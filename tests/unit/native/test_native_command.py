"""`sentinelctl check-proxy-config`: exit codes, includes, the disk and the JSON form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import group
from tests.unit.native.native_documents import MINIMAL, document


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, ["check-proxy-config", *map(str, arguments)])


def findings(*arguments: str | Path) -> list[tuple[str, str, int]]:
    """(code, name of the file, line) of every finding of the first file."""
    result = json.loads(run("--json", *arguments).stdout)["files"][0]
    return [(f["code"], Path(f["path"]).name, f["line"]) for f in result["findings"]]


@pytest.fixture
def main(tmp_path: Path) -> Path:
    file = tmp_path / "main.kdl"
    file.write_text(MINIMAL)
    return file


def test_an_accepted_file_is_exit_0(main: Path) -> None:
    result = run(main)
    assert (result.exit_code, result.stdout) == (0, f"{main}: proxy 0.6.20 loads it (0 errors, 0 warnings)\n")


def test_a_warning_is_exit_0_and_told_with_its_line(main: Path) -> None:
    main.write_text(document("system", 'worker-threads "4"'))
    result = run(main)
    assert result.exit_code == 0
    assert "warning W-NAT-002: 'worker-threads' is the string '4'" in result.stdout
    assert '| worker-threads "4"' in result.stdout
    assert "hint: " in result.stdout


def test_a_refused_file_is_exit_1_beside_accepted_ones(main: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.kdl"
    other.write_text("system { }")
    result = run("--json", main, other)
    assert result.exit_code == 1
    assert [file["accepted"] for file in json.loads(result.stdout)["files"]] == [True, False]


def test_the_json_form(main: Path) -> None:
    main.write_text(MINIMAL + 'schema-version "0.9"')
    (file,) = json.loads(run("--json", main).stdout)["files"]
    assert sorted(file) == ["accepted", "findings", "path"]
    assert file["path"] == str(main)
    (finding,) = file["findings"]
    assert finding["severity"] == "error"
    assert (finding["line"], finding["column"]) == (main.read_text().count("\n") + 1, 16)
    assert finding["expected"] == '"1.0"'


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="no file"),
        pytest.param(["nothing.kdl"], id="a file that is not there"),
        pytest.param(["--root", "nowhere", "nothing.kdl"], id="a root that is not there"),
        pytest.param(["--strict"], id="an unknown option"),
    ],
)
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("name", ["proxy.json", "proxy.toml"])
def test_other_languages_of_the_proxy_are_not_supported(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    result = run(tmp_path / name)
    assert result.exit_code == 2
    assert "not supported" in result.stderr


def test_what_the_proxy_does_not_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text(MINIMAL)
    assert findings(tmp_path / "proxy.yaml") == [("E-NAT-021", "proxy.yaml", 1)]
    (tmp_path / "proxy").write_text(MINIMAL)
    assert findings(tmp_path / "proxy") == []


def test_includes_are_spliced_in_with_their_own_places(main: Path, tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.kdl").write_text('upstreams { upstream "b" { target "b" } }\n')
    (tmp_path / "conf.d" / ".a.kdl").write_text(
        '\nroutes { route "b" { matches { path "/b" }; upstream "b" } }\n'
    )
    (tmp_path / "conf.d" / "c.txt").write_text("not { read")
    main.write_text(MINIMAL + 'include "conf.d/*.kdl"\n')
    assert findings(main) == [("E-NAT-013", "b.kdl", 1)]


def test_an_include_is_relative_to_the_real_folder(main: Path, tmp_path: Path) -> None:
    real = tmp_path / "bundles" / "1"
    real.mkdir(parents=True)
    (real / "proxy.kdl").write_text('include "rest.kdl"')
    (real / "rest.kdl").write_text(MINIMAL)
    link = tmp_path / "proxy.kdl"
    link.symlink_to(real / "proxy.kdl")
    assert findings(link) == []


def test_an_include_that_matches_nothing_is_a_warning(main: Path) -> None:
    main.write_text(MINIMAL + 'include "conf.d/*.kdl"\n')
    assert [code for code, _, _ in findings(main)] == ["W-NAT-015"]
    assert run(main).exit_code == 0


@pytest.mark.parametrize(
    ("files", "where"),
    [
        pytest.param({"a.kdl": 'include "a.kdl"'}, "a.kdl", id="itself"),
        pytest.param({"a.kdl": 'include "b.kdl"', "b.kdl": 'include "a.kdl"'}, "b.kdl", id="a circle"),
        pytest.param(
            {"a.kdl": 'include "c.kdl"\ninclude "./c.kdl"', "c.kdl": "limits { }"}, "a.kdl", id="twice"
        ),
        pytest.param(
            {
                "a.kdl": 'include "[bd].kdl"',
                "b.kdl": 'include "c.kdl"',
                "d.kdl": 'include "c.kdl"',
                "c.kdl": "",
            },
            "d.kdl",
            id="a diamond",
        ),
    ],
)
def test_a_file_counts_once_in_the_whole_load(tmp_path: Path, files: dict[str, str], where: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text + ("\n" + MINIMAL if name == "a.kdl" else ""))
    found = findings(tmp_path / "a.kdl")
    assert [(code, name) for code, name, _ in found] == [("E-NAT-019", where)]


@pytest.mark.parametrize("text", ["include", "include 1"])
def test_an_include_without_a_pattern_is_refused(main: Path, text: str) -> None:
    main.write_text(f"{MINIMAL}{text}\n")
    assert [code for code, _, _ in findings(main)] == ["E-NAT-006"]


def test_a_broken_include_is_told_alone(main: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.kdl").write_text("limits {")
    main.write_text('include "broken.kdl"\n')
    assert findings(main) == [("E-NAT-001", "broken.kdl", 1)]


def static(root: Path | str) -> str:
    return document("bare route", f'matches {{ path-prefix "/s" }}; static-files {{ root "{root}" }}')


def test_a_root_that_is_missing_here_is_a_warning(main: Path, tmp_path: Path) -> None:
    main.write_text(static(tmp_path / "missing"))
    assert [code for code, _, _ in findings(main)] == ["W-NAT-014"]
    main.write_text(static(main))
    assert [code for code, _, _ in findings(main)] == ["W-NAT-014"]
    main.write_text(static(tmp_path))
    assert findings(main) == []


def test_a_root_that_is_missing_below_the_given_folder_is_refused(main: Path, tmp_path: Path) -> None:
    main.write_text(static("/srv/shop"))
    node = tmp_path / "node"
    node.mkdir()
    assert [code for code, _, _ in findings("--root", node, main)] == ["E-NAT-020"]
    (node / "srv" / "shop").mkdir(parents=True)
    assert findings("--root", node, main) == []
    assert run("--root", node, main).exit_code == 0


def test_the_folder_of_a_socket_has_to_be_there(main: Path, tmp_path: Path) -> None:
    main.write_text(document("agents", 'agent "a" { unix-socket "/run/agents/a.sock" }'))
    node = tmp_path / "node"
    node.mkdir()
    assert [code for code, _, _ in findings(main)] == ["W-NAT-014"]
    assert [code for code, _, _ in findings("--root", node, main)] == ["E-NAT-020"]
    (node / "run" / "agents").mkdir(parents=True)
    assert findings("--root", node, main) == []


def test_the_command_stands_in_the_help() -> None:
    assert "check-proxy-config" in CliRunner().invoke(group, ["--help"]).stdout
