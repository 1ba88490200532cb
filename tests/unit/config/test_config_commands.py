"""The commands validate, build, fmt and explain."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli import build, explain, fmt, validate
from tests.unit.config.trees import TEMPLATE


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    shutil.copytree(TEMPLATE, tmp_path / "shop")
    return tmp_path / "shop"


def run(module: object, *arguments: object) -> Result:
    result = CliRunner().invoke(module.command, [str(a) for a in arguments])  # type: ignore[attr-defined]
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def break_service(shop: Path) -> None:
    path = shop / "services" / "checkout.kdl"
    path.write_text(path.read_text().replace('upstream "checkout"', 'upstream "chekout"'))


def test_validate_a_sound_tree(shop: Path) -> None:
    result = run(validate, shop)
    assert (result.exit_code, "dev, staging, production" in result.output) == (0, True)
    assert json.loads(run(validate, shop, "--json").output) == {"ok": True, "findings": []}


def test_validate_shows_the_line_and_a_caret(shop: Path) -> None:
    break_service(shop)
    result = run(validate, shop)
    assert result.exit_code == 1
    assert "services/checkout.kdl:4:14: error E-REF-001" in result.output
    assert '  4 |     upstream "chekout"\n    |              ^^^^^^^^^' in result.output
    assert "did you mean 'checkout'?" in result.output
    assert "\n1 error\n" in result.output


def test_validate_as_json(shop: Path) -> None:
    break_service(shop)
    result = run(validate, shop, "--json")
    document = json.loads(result.output)
    assert (result.exit_code, document["ok"], document["findings"][0]["line"]) == (1, False, 4)


def test_validate_finds_what_only_the_compiler_sees(shop: Path) -> None:
    (shop / "listeners.kdl").write_text('listener "a" {\n    address "127.0.0.1:9901"\n}\n')
    result = run(validate, shop)
    assert (result.exit_code, "E-CMP-003" in result.output) == (1, True)


def test_validate_a_server_configuration(tmp_path: Path) -> None:
    path = tmp_path / "control-plane.kdl"
    path.write_text('organization "acme" {\n}\n')
    result = run(validate, path)
    assert (result.exit_code, "control-plane.kdl:1:1: error E-KND-003" in result.output) == (1, True)


def test_links_and_the_git_folder_are_left_out(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.kdl").write_text("nonsense\n")
    (shop / "link.kdl").symlink_to(tmp_path / "outside.kdl")
    (shop / ".git").mkdir()
    (shop / ".git" / "x.kdl").write_text("nonsense\n")
    assert run(validate, shop).exit_code == 0


def test_build_writes_each_environment(shop: Path, tmp_path: Path) -> None:
    result = run(build, shop, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert sorted(p.name for p in (tmp_path / "out" / "config").iterdir()) == ["dev", "production", "staging"]
    assert (
        (tmp_path / "out" / "config" / "dev" / "sentinel.kdl").read_text().startswith('schema-version "1.0"')
    )


def test_build_writes_nothing_when_there_is_an_error(shop: Path, tmp_path: Path) -> None:
    break_service(shop)
    result = run(build, shop, "--out", tmp_path / "out")
    assert (result.exit_code, (tmp_path / "out").exists()) == (1, False)


def test_fmt_writes_once_and_check_tells(shop: Path) -> None:
    path = shop / "services" / "checkout.kdl"
    sound = path.read_text()
    path.write_text("// mine\n" + sound.replace("    ", "\t"))
    assert run(fmt, shop, "--check").exit_code == 1
    result = run(fmt, shop)
    assert (result.exit_code, result.output) == (0, "changed services/checkout.kdl\n")
    assert path.read_text() == "// mine\n" + sound
    assert run(fmt, shop, "--check").exit_code == 0


def test_fmt_leaves_a_broken_file_alone(shop: Path) -> None:
    path = shop / "project.kdl"
    path.write_text("project {")
    result = run(fmt, shop)
    assert (result.exit_code, path.read_text()) == (1, "project {")
    assert "E-SYN-006" in result.output


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("service", "path-prefix"),
        ("E-REF-001", "does not exist"),
        ("E-SET-001", "number of seconds"),
        ("", "listener"),
    ],
)
def test_explain(topic: str, words: str) -> None:
    result = run(explain, *([topic] if topic else []))
    assert (result.exit_code, words in result.output) == (0, True)


def test_explain_something_else() -> None:
    result = run(explain, "servcie")
    assert (result.exit_code, "Did you mean 'service'?" in result.output) == (2, True)
