"""`sentinelctl diff` on folders and on revisions of a real repository."""

from __future__ import annotations

import json
from pathlib import Path

import pygit2
import pytest
from click.testing import CliRunner, Result

from reconciler.cli.diff import command
from reconciler.git.local import LocalRepository
from tests.property.gallery import FILES

AUTHOR = pygit2.Signature("A", "a@example.com", 1_700_000_000, 0)


def diff(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.fixture
def before(tmp_path: Path) -> str:
    """The folder that is compared with."""
    return str(written(tmp_path / "before"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder that the tests change."""
    return written(tmp_path / "clone" / "shop")


def written(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for path, text in FILES.items():
        (folder / path).write_text(text)
    return folder


def commit(repository: pygit2.Repository, reference: str, *parents: pygit2.Oid) -> pygit2.Oid:
    index = repository.index
    index.add_all()
    index.write()
    return repository.create_commit(reference, AUTHOR, AUTHOR, "state", index.write_tree(), list(parents))


def without_basket(project: Path) -> None:
    """Four routes become two, and an upstream gets another target."""
    services, upstreams = project / "services.kdl", project / "upstreams.kdl"
    services.write_text(services.read_text().replace('"/orders" "/basket"', '"/orders"'))
    upstreams.write_text(upstreams.read_text().replace("10.0.1.1:80", "10.0.1.9:80"))


def test_the_same_folders_are_the_same(project: Path, before: str) -> None:
    result = diff(before, str(project))
    assert result.exit_code == 0
    assert result.output.count("no difference") == 2


def test_a_different_folder_differs_with_deletions_first_and_its_risk(project: Path, before: str) -> None:
    without_basket(project)
    result = diff(before, str(project), "--environment", "production")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[:4] == ["environment production", "  routes removed:", "    - orders.1", "    - orders.2"]
    assert lines.index("  upstreams changed:") < lines.index("  risk: high")
    assert any("high route-removed: the route orders.1 is gone" in line for line in lines)
    assert any(line.startswith("--- a/sentinel.kdl") for line in lines)
    assert "--- a/sentinel.kdl" not in diff(before, str(project), "--no-raw").output


def test_comments_and_order_of_files_make_no_difference(project: Path, before: str) -> None:
    file = project / "operations.kdl"
    (project / "zz.kdl").write_text("// moved\n" + file.read_text())
    file.unlink()
    assert diff(before, str(project)).exit_code == 0


def test_json_has_everything(project: Path, before: str) -> None:
    without_basket(project)
    result = diff(before, str(project), "--json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert told["same"] is False
    assert [e["environment"] for e in told["environments"]] == ["dev", "production"]
    production = told["environments"][1]
    assert production["changes"][0]["action"] == "removed"
    assert production["risk"]["level"] == "high"
    assert {r["rule"] for r in production["risk"]["reasons"]} >= {"route-removed"}
    assert production["raw"].startswith("--- a/sentinel.kdl")


def test_an_environment_that_only_one_side_has(project: Path, before: str) -> None:
    (project / "qa.kdl").write_text('environment "qa" {\n    proxy-version "0.6.20"\n}\n')
    result = diff(before, str(project), "--environment", "qa")
    assert result.exit_code == 1
    assert "  is new" in result.output
    result = diff(str(project), before, "--environment", "qa")
    assert "critical environment-removed" in result.output


@pytest.mark.parametrize("arguments", [(), ("a",), (".", "."), ("~", "no-such-thing"), ("--nope",)])
def test_wrong_usage_is_exit_code_2(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert diff(*arguments).exit_code == 2


def test_an_unknown_environment_is_wrong_usage(before: str) -> None:
    result = diff(before, before, "--environment", "moon")
    assert result.exit_code == 2
    assert "dev, production" in result.output


def test_what_does_not_compile_is_exit_code_2_with_its_findings(project: Path, before: str) -> None:
    (project / "broken.kdl").write_text('service "x" {\n')
    result = diff(before, str(project))
    assert result.exit_code == 2
    assert "does not compile" in result.stderr
    assert "E-SYN-006" in result.stderr


def test_revisions_by_branch_tag_and_id(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = pygit2.init_repository(str(project.parent), initial_head="main")
    first = commit(repository, "HEAD")
    repository.references.create("refs/tags/v1", first)
    repository.create_tag("v1-signed", first, pygit2.enums.ObjectType.COMMIT, AUTHOR, "the first")
    without_basket(project)
    second = commit(repository, "HEAD", first)
    monkeypatch.chdir(project)
    for revision in ("v1", "v1-signed", str(first), "HEAD~1", "main~1", f"{second}~1"):
        result = diff(revision, "main", "--environment", "production")
        assert result.exit_code == 1, result.output
        assert "- orders.1" in result.output
    assert diff(str(second), ".").exit_code == 0
    assert diff("HEAD", str(second)).exit_code == 0
    assert diff("main", "refs/heads/main").exit_code == 2
    for inexact in (
        "HEAD~9",
        "HEAD~",
        "HEAD~-1",
        "~1",
        "HEAD~1~x",
        "nowhere~1",
        str(first)[:12],
        "main^",
        "@",
        "-",
        "../x",
    ):
        assert diff("v1", "--", inexact).exit_code == 2, inexact


def test_the_project_is_the_current_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = pygit2.init_repository(str(project.parent), initial_head="main")
    commit(repository, "HEAD")
    monkeypatch.chdir(project)
    found = LocalRepository.around(Path.cwd())
    assert found is not None
    assert found.folder == "shop"
    sha = found.revision("main")
    assert sha is not None
    assert "operations.kdl" in dict(found.read(sha, lambda path: path.endswith(".kdl")))


def test_a_folder_that_the_revision_does_not_have(
    project: Path, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = pygit2.init_repository(str(project.parent), initial_head="main")
    commit(repository, "HEAD")
    other = project.parent / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    result = diff("main", before)
    assert result.exit_code == 2
    assert "E-GIT-120" in result.output
