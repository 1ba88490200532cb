"""`sentinelctl plan`, in a real repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.plan import command
from tests.unit.plan.planned import COMMON, service

NAMES = {"GIT_AUTHOR_NAME": "Ada", "GIT_COMMITTER_NAME": "Ada"}
MAILS = {"GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_EMAIL": "ada@example.com"}


class Clone:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "-b", "main")
        (folder / "common.kdl").write_text("".join(COMMON))
        self.commit({"a.kdl": service("a"), "b.kdl": service("b")})
        self.git("checkout", "--quiet", "-b", "topic")

    def git(self, *arguments: str) -> str:
        environ = os.environ | NAMES | MAILS
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True, env=environ
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str | None]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink() if text is None else path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Change")

    def plan(self, *arguments: str) -> Result:
        return CliRunner().invoke(command, [str(self.folder), *arguments], catch_exceptions=False)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def test_what_a_branch_would_do(clone: Clone) -> None:
    clone.commit({"b.kdl": None})
    done = clone.plan()
    assert done.exit_code == 0
    assert "risk: high" in done.output.splitlines()[0]
    assert "- route `b` — `dev`, `production`" in done.output
    assert "Unified diff" not in done.output
    assert "Unified diff of production" in clone.plan("--raw").output


def test_trunk_may_have_gone_on(clone: Clone) -> None:
    """What is planned is the result of the merge, not the branch: what trunk has done meanwhile is no change."""
    clone.commit({"c.kdl": service("c")})
    clone.git("checkout", "--quiet", "main")
    clone.commit({"d.kdl": service("d")})
    clone.git("checkout", "--quiet", "topic")
    head = clone.git("rev-parse", "HEAD")
    done = clone.plan()
    assert done.exit_code == 0
    assert "- route `c`" in done.output
    assert "`d`" not in done.output
    assert clone.git("rev-parse", "HEAD") == head
    assert clone.git("status", "--porcelain") == "", "nothing of the clone is touched"


def test_two_branches_that_are_sound_alone_and_not_together(clone: Clone) -> None:
    clone.commit({"c.kdl": service("c")})
    clone.git("checkout", "--quiet", "main")
    clone.commit({"d.kdl": service("c")})
    clone.git("checkout", "--quiet", "topic")
    done = clone.plan()
    assert done.exit_code == 1
    assert done.output.startswith("### ❌ Refused · 1 error")


def test_a_conflict_is_named(clone: Clone) -> None:
    clone.commit({"a.kdl": service("a", 'path-prefix "/one"')})
    clone.git("checkout", "--quiet", "main")
    clone.commit({"a.kdl": service("a", 'path-prefix "/two"')})
    clone.git("checkout", "--quiet", "topic")
    done = clone.plan()
    assert done.exit_code == 1
    assert done.output.startswith("### ❌ Cannot be merged · conflicts in 1 file\n")
    assert "- `a.kdl` conflicts" in done.output


def test_a_project_in_a_folder_of_its_own(clone: Clone) -> None:
    text = "".join(COMMON) + service("a")
    clone.commit({"teams/x/all.kdl": text})
    clone.git("checkout", "--quiet", "main")
    clone.git("merge", "--quiet", "topic")
    clone.git("checkout", "--quiet", "topic")
    clone.commit({"teams/x/all.kdl": text + "nonsense\n", "b.kdl": None})
    done = CliRunner().invoke(command, [str(clone.folder / "teams" / "x")], catch_exceptions=False)
    assert done.exit_code == 1
    assert "`teams/x/all.kdl:" in done.output, "places are told from the root of the repository"


def test_a_budget_of_deletions_is_held_to(clone: Clone) -> None:
    """As trunk will: by the rules of what it is merged into."""
    clone.git("checkout", "--quiet", "main")
    rule = 'validation-rule "few" { message "Ask somebody"; deletions { routes 0 } }\n'
    clone.commit({"rules.kdl": rule})
    clone.git("checkout", "--quiet", "topic")
    clone.git("merge", "--quiet", "main")
    clone.commit({"b.kdl": None})
    done = clone.plan()
    assert done.exit_code == 1
    assert "Ask somebody" in done.output
    clone.git("commit", "--quiet", "--amend", "-m", "Change\n\nAllow-Deletions: 1")
    assert clone.plan().exit_code == 0, "the trailer of a commit of the branch counts"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--onto", "nowhere"], "There is no 'nowhere'"), (["--onto", "main~99"], "main~99")],
)
def test_wrong_usage(clone: Clone, arguments: list[str], words: str) -> None:
    done = clone.plan(*arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_a_folder_that_is_in_no_repository(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path)])
    assert done.exit_code == 2
    assert "is in no git repository" in done.output
