"""`sentinelctl validate --against`: what trunk will say of a branch of a real repository."""

from __future__ import annotations

import json
from pathlib import Path

import pygit2
import pytest
from click.testing import CliRunner, Result

from reconciler.cli.validate import command
from tests.unit.config.trees import BASE, SERVICE, UPSTREAM

AUTHOR = pygit2.Signature("A", "a@example.com", 1_700_000_000, 0)
RULE = 'validation-rule "few" {\n    deletions {\n        routes 0\n    }\n}\n'
MAIN = "refs/heads/main"
REMOTE = "refs/remotes/origin/main"


class Clone:
    """A clone with a project in a folder, on a branch that left from origin/main."""

    def __init__(self, folder: Path) -> None:
        self.repository = pygit2.init_repository(str(folder), initial_head="work")
        self.project = folder / "shop"
        self.project.mkdir()
        self.write(SERVICE)
        self.base = self.commit("Begin", [])
        self.repository.references.create(REMOTE, self.base)

    def write(self, services: str) -> None:
        (self.project / "all.kdl").write_text(BASE + UPSTREAM + RULE + services)

    def commit(self, message: str, parents: list[pygit2.Oid] | None = None) -> pygit2.Oid:
        index = self.repository.index
        index.add_all()
        index.write()
        on = [self.repository.head.target] if parents is None else parents
        return self.repository.create_commit(
            "refs/heads/work", AUTHOR, AUTHOR, message, index.write_tree(), on
        )

    def validate(self, *arguments: str) -> Result:
        return CliRunner().invoke(command, [str(self.project), *arguments])


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


FEWER = SERVICE.replace('"/orders"', '"/order"')


def test_without_it_nothing_is_compared(clone: Clone) -> None:
    clone.write(FEWER)
    assert clone.validate().exit_code == 0


@pytest.mark.parametrize("revision", ["HEAD", "work", "origin/main"])
def test_what_is_not_committed_yet_is_compared_with_what_it_comes_from(clone: Clone, revision: str) -> None:
    assert clone.validate("--against", revision).exit_code == 0
    clone.write(FEWER)
    result = clone.validate("--against", revision, "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)["findings"]
    assert [finding["code"] for finding in found] == ["E-RUL-006"] * 2
    assert found[0]["hint"].endswith("with a line: Allow-Deletions: 1")


def test_the_trailers_of_the_branch_count(clone: Clone) -> None:
    clone.write(FEWER)
    clone.commit("Remove\n\nAllow-Deletions: 1")
    (clone.project / "README.md").write_text("x")
    clone.commit("Say more")
    assert clone.validate("--against", "origin/main").exit_code == 0
    assert clone.validate("--against", str(clone.base)).exit_code == 0


def test_a_branch_is_compared_with_where_it_left_from(clone: Clone) -> None:
    clone.write(SERVICE + SERVICE.replace('"orders" {', '"more" {').replace('"/orders"', '"/more"'))
    newer = clone.commit("Main went on")
    clone.repository.references.create(REMOTE, newer, force=True)
    clone.repository.reset(clone.base, pygit2.enums.ResetMode.HARD)
    (clone.project / "README.md").write_text("x")
    clone.commit("Branch")
    assert clone.validate("--against", "origin/main").exit_code == 0


def test_the_policy_that_will_hold_is_told(clone: Clone) -> None:
    text = (clone.project / "all.kdl").read_text()
    (clone.project / "all.kdl").write_text(text.replace("batches percent=34", "batches percent=90"))
    result = clone.validate("--against", "HEAD")
    assert result.exit_code == 0
    assert "W-RUL-010" in result.output


@pytest.mark.parametrize(
    ("revision", "words"), [("nowhere", "neither HEAD nor a branch"), ("a" * 40, "neither HEAD nor a branch")]
)
def test_an_unknown_revision_is_wrong_usage(clone: Clone, revision: str, words: str) -> None:
    result = clone.validate("--against", revision)
    assert result.exit_code == 2
    assert words in result.output


def test_histories_without_a_common_commit_are_wrong_usage(clone: Clone) -> None:
    tree = clone.repository[clone.base].tree_id
    other = clone.repository.create_commit(None, AUTHOR, AUTHOR, "Other", tree, [])
    result = clone.validate("--against", str(other))
    assert result.exit_code == 2
    assert "no commit in common" in result.output


def test_a_folder_that_did_not_exist_there_is_wrong_usage(clone: Clone) -> None:
    clone.project.rename(clone.project.parent / "moved")
    clone.project = clone.project.parent / "moved"
    result = clone.validate("--against", "HEAD")
    assert result.exit_code == 2
    assert "cannot be read" in result.output


def test_outside_a_repository_it_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "all.kdl").write_text(BASE)
    result = CliRunner().invoke(command, [str(tmp_path), "--against", "HEAD"])
    assert result.exit_code == 2
    assert "no git repository" in result.output
