"""`sentinelctl validate`: every format, and watching real files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.validate import command

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "repo-template"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(TEMPLATE, tmp_path / "shop")


def validate(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def break_it(project: Path) -> None:
    """Three mistakes in two files."""
    (project / "x.kdl").write_text('service "x" {\n    upstrem "api"\n    upstream "nobody"\n}\n')
    (project / "y.kdl").write_text('thing "z"\n')


def test_a_sound_repository(project: Path) -> None:
    result = validate("shop")
    assert result.exit_code == 0
    assert "sound" in result.output
    assert json.loads(validate("shop", "--format", "json").output) == {"ok": True, "findings": []}
    assert validate("shop", "--format", "github").output == ""
    assert json.loads(validate("shop", "--format", "sarif").output)["runs"][0]["results"] == []


def test_all_findings_at_once_in_every_format(project: Path) -> None:
    break_it(project)
    text = validate("shop")
    assert text.exit_code == 1
    assert "x.kdl:2:5" in text.output
    assert "y.kdl:1:1" in text.output
    assert "sentinelctl explain E-KND-00" in text.output
    listed = json.loads(validate("shop", "--format", "json").output)
    assert listed == json.loads(validate("shop", "--json").output)
    places = [(f["path"], f["line"], f["column"]) for f in listed["findings"]]
    assert ("x.kdl", 2, 5) in places
    assert ("y.kdl", 1, 1) in places
    log = json.loads(validate("shop", "--format", "sarif").output)
    assert len(log["runs"][0]["results"]) == len(places)
    uris = {
        r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in log["runs"][0]["results"]
    }
    assert uris == {"shop/x.kdl", "shop/y.kdl"}
    annotations = validate("shop", "--format", "github").output.splitlines()
    assert len(annotations) == len(places)
    assert any(
        line.startswith("::error file=shop/y.kdl,line=1,col=1,title=E-KND-001::") for line in annotations
    )


def test_an_unknown_format_is_wrong_usage(project: Path) -> None:
    assert validate("shop", "--format", "xml").exit_code == 2
    assert validate("nowhere").exit_code == 2


def test_watching_tells_of_every_change_and_ends_with_the_last_verdict(project: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler.cli.main", "validate", "shop", "--watch", "--interval", "0.1"],
        cwd=project.parent,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        # Whoever runs the tests in the background of a shell has it ignored, and so would this program.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert "sound" in process.stdout.readline()
        (project / "y.kdl").write_text('thing "z"\n')
        seen = ""
        while "1 error" not in seen:
            line = process.stdout.readline()
            assert line, seen
            seen += line
        assert "y.kdl:1:1: error E-KND-001" in seen
        (project / "y.kdl").write_text("// nothing\n")
        while "sound" not in (line := process.stdout.readline()):
            assert line
        (project / "y.kdl").write_text('thing "z"\n')
        while "1 error" not in (line := process.stdout.readline()):
            assert line
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 1


def test_the_hook_definition_names_commands_that_exist() -> None:
    from reconciler.cli.main import VERBS, Table, group

    entries = [
        line.split(": ", 1)[1].split()
        for line in (ROOT / ".pre-commit-hooks.yaml").read_text().splitlines()
        if line.strip().startswith("entry:")
    ]
    assert len(entries) == 2
    assert isinstance(group, Table)
    for program, verb, *options in entries:
        assert program == "sentinelctl"
        assert verb in VERBS
        import click

        found = group.get_command(click.Context(group), verb)
        assert found is not None
        known = {name for parameter in found.params for name in parameter.opts}
        assert set(options) <= known


def test_a_secret_that_is_due_is_warned_of_and_refuses_nothing(project: Path) -> None:
    path = project / "secrets.kdl"
    path.write_text(path.read_text().replace('rotated="', 'rotated="2020-01-01" /-rotated="', 1))
    result = validate("shop", "--json")
    listed = json.loads(result.output)
    assert (result.exit_code, listed["ok"]) == (0, True)
    assert [f["code"] for f in listed["findings"]] == ["W-SEA-001"]


TOKEN = "npm_" + "aB3dE5gH7j" * 3 + "kL9mN1"


def test_a_token_in_any_file_is_found_and_its_lines_are_not_shown(project: Path) -> None:
    (project / "docs").mkdir()
    (project / "docs/notes.txt").write_text(f"x\nlogin with {TOKEN}\n")
    (project / "x.kdl").write_text(f'service "x" {{\n    upstrem "{TOKEN}"\n}}\n')
    for form in ("text", "json", "sarif", "github"):
        result = validate("shop", "--format", form)
        assert result.exit_code == 1
        assert "docs/notes.txt" in result.output
        assert TOKEN[4:20] not in result.output
    assert "docs/notes.txt:2:12: error E-TRE-008" in validate("shop").output
    assert "x.kdl:2:14: error E-TRE-008" in validate("shop").output
    assert "^" not in validate("shop").output


def test_what_git_ignores_is_not_searched(project: Path) -> None:
    (project / "node_modules").mkdir()
    (project / "node_modules/token").write_text(TOKEN)
    (project / ".env").write_text(TOKEN)
    (project / ".git").mkdir()
    (project / ".git/token").write_text(TOKEN)
    assert validate("shop").output.count("E-TRE-008") >= 2
    shutil.rmtree(project / ".git")
    subprocess.run(["git", "init", "--quiet", str(project)], check=True)
    (project / ".gitignore").write_text("node_modules/\n.env\n")
    result = validate("shop")
    assert result.exit_code == 0, result.output


def test_a_large_file_is_left_out(project: Path) -> None:
    (project / "photo.raw").write_bytes(TOKEN.encode() + b" " * 1024 * 1024)
    assert validate("shop").exit_code == 0
