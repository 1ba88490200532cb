"""`sentinelctl reproduce` for an auditor: files, a clone, and no database."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from reconciler.bundle import archive
from reconciler.bundle.build import BuiltBundle, build_bundle
from reconciler.bundle.manifest import MANIFEST, check_files, describe, encode_manifest
from reconciler.bundle.statement import Statement, sign_statement
from reconciler.cli.main import group
from reconciler.compile.compiler import COMPILER
from reconciler.config.source import SourceFile
from reconciler.errors import ReconcilerError
from reconciler.flows.compiling import compile_confined
from tests.servers.git_http import GitServer, git_server
from tests.unit.bundle.offers import key

__all__ = ["git_server"]

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
CONFIG = """project "shop"
environment "dev" {
    proxy-version "0.6.20"
}
listener "public" {
    address "0.0.0.0:8080"
}
upstream "app" {
    target "10.0.0.1:3000"
}
service "app" {
    hosts "app.example.com"
    upstream "app"
}
"""


def git(folder: Path, *arguments: str) -> str:
    identity = {f"GIT_{r}_{p}": "ada@example.com" for r in ("AUTHOR", "COMMITTER") for p in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@dataclass
class Audit:
    """What an auditor has: a clone, the file of a bundle and its statement beside it."""

    folder: Path
    built: BuiltBundle
    stated: Statement

    @property
    def clone(self) -> Path:
        return self.folder / "clone"

    @property
    def blob(self) -> Path:
        return self.folder / "bundle.tar.zst"

    @property
    def statement(self) -> Path:
        return self.folder / "bundle.json"

    def state(self, **changes: Any) -> None:
        self.stated = replace(self.stated, **changes)
        self.statement.write_bytes(sign_statement(self.stated, key("bundle")))

    def publish(self, files: dict[str, bytes]) -> None:
        """Another bundle under a statement that names the same commit."""
        manifest = check_files(archive.read_tar(self.built.tar))
        listed = {path: describe(content) for path, content in files.items() if path != MANIFEST}
        whole = {**files, MANIFEST: encode_manifest(replace(manifest, files=listed))}
        tar = archive.build_tar(whole)
        self.blob.write_bytes(archive.compress(tar))
        self.state(tar_sha256=archive.digest_of(tar).removeprefix("sha256:"), tar_length=len(tar))

    def run(self, *arguments: Any) -> Result:
        result = CliRunner().invoke(group, ["reproduce", *map(str, arguments)])
        if isinstance(result.exception, ReconcilerError):
            return result
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def check(self, *more: Any) -> Result:
        return self.run(self.blob, "--repository", self.clone, *more)


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    monkeypatch.setenv("SENTINEL_CONFIG", str(tmp_path / "absent.kdl"))
    clone = tmp_path / "clone"
    (clone / "config").mkdir(parents=True)
    (clone / "config" / "shop.kdl").write_text(CONFIG)
    git(clone, "init", "-q", "-b", "main")
    git(clone, "add", "--all")
    git(clone, "commit", "-qm", "Begin")
    compilation, findings = compile_confined([SourceFile("shop.kdl", CONFIG.encode())], now=NOW)
    assert compilation is not None, findings
    built = build_bundle(compilation)
    stated = Statement(
        organization="acme", project="shop", tar_sha256=built.digest.removeprefix("sha256:"),
        tar_length=len(built.tar), blob_sha256=built.blob_sha256, blob_length=len(built.blob),
        repository="https://forge.example/acme/shop.git", path="config", commit=git(clone, "rev-parse", "HEAD"),
        tree=git(clone, "rev-parse", "HEAD^{tree}"), author="Ada <ada@example.com>", compiler=COMPILER,
    )  # fmt: skip
    made = Audit(tmp_path, built, stated)
    made.blob.write_bytes(built.blob)
    made.state()
    return made


def test_identical_from_the_file_of_the_bundle(audit: Audit) -> None:
    done = audit.check()
    assert done.exit_code == 0, done.output
    assert f"identical: commit {audit.stated.commit[:12]}" in done.output


def test_identical_from_a_digest_and_a_statement_and_a_bare_clone(audit: Audit) -> None:
    git(audit.folder, "clone", "-q", "--bare", "clone", "bare.git")
    done = audit.run(
        audit.built.digest,
        "--statement",
        audit.statement,
        "--repository",
        audit.folder / "bare.git",
        "--json",
    )
    assert done.exit_code == 0, done.output
    document = json.loads(done.output)
    assert (document["verdict"], document["rebuilt"]) == ("identical", audit.built.digest)
    assert document["compared_files"] is False


def test_identical_over_the_network(audit: Audit, git_server: GitServer) -> None:
    bare, url = git_server.repository(f"audit-{audit.folder.name.replace('_', '-')}")
    git(audit.clone, "push", "-q", str(bare), "main")
    assert audit.run(audit.blob, "--repository", url).exit_code == 0
    audit.state(repository=url)
    assert audit.run(audit.blob).exit_code == 0


def test_what_differs_is_told_by_meaning_and_as_a_diff(audit: Audit) -> None:
    files = archive.read_tar(audit.built.tar)
    path = "config/dev/sentinel.kdl"
    audit.publish(
        {**files, path: files[path].replace(b"10.0.0.1:3000", b"10.6.6.6:3000"), "agents/x": b"\xff"}
    )
    done = audit.check()
    assert done.exit_code == 1
    assert "DIFFERENT: " in done.output
    meaning, unified = (
        done.output.index("~ app  [routes: app]"),
        done.output.index('-        target "10.6.6.6:3000"'),
    )
    assert meaning < unified
    assert '+        target "10.0.0.1:3000"' in done.output
    assert "missing agents/x" in done.output
    assert "they are no text" in done.output
    assert '-  "agents/x": {' in done.output
    document = json.loads(audit.check("--json").output)
    assert [file["path"] for file in document["files"]] == ["agents/x", path, MANIFEST]
    assert [file["how"] for file in document["files"]] == ["missing", "changed", "changed"]
    assert [environment["environment"] for environment in document["environments"]] == ["dev"]


def test_a_configuration_that_cannot_be_read_is_still_shown(audit: Audit) -> None:
    files = archive.read_tar(audit.built.tar)
    audit.publish({**files, "config/dev/sentinel.kdl": b"listeners {\x1b[2J"})
    done = audit.check()
    assert done.exit_code == 1
    assert "-listeners {\ufffd[2J" in done.output
    assert "\x1b" not in done.output


def test_with_a_statement_alone_only_that_it_differs(audit: Audit) -> None:
    audit.publish({**archive.read_tar(audit.built.tar), "agents/x": b"1"})
    done = audit.run(audit.stated.digest, "--statement", audit.statement, "--repository", audit.clone)
    assert done.exit_code == 1
    assert "Name the file of the bundle" in done.output


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        (
            {"compiler": "sentinel-compiler/0.0.9"},
            "other-compiler",
            "only the same compiler makes the same bytes",
        ),
        ({"commit": "1" * 40}, "no-commit", "has no commit " + "1" * 40),
        ({"commit": "HEAD"}, "no-commit", "has no commit HEAD"),
        ({"tree": "2" * 40}, "other-tree", "the statement says " + "2" * 12),
        ({"path": "absent"}, "not-compiled", "E-GIT-113"),
    ],
)
def test_why_it_cannot_be_told(audit: Audit, changes: dict[str, str], verdict: str, said: str) -> None:
    audit.state(**changes)
    done = audit.check("--json")
    document = json.loads(done.output)
    assert (done.exit_code, document["verdict"]) == (1, verdict)
    assert said in document["because"]
    assert said in audit.check().output


def test_a_commit_that_does_not_compile_says_why(audit: Audit) -> None:
    (audit.clone / "config" / "shop.kdl").write_text(CONFIG.replace("hosts", "hots"))
    git(audit.clone, "commit", "-qam", "Break")
    audit.state(
        commit=git(audit.clone, "rev-parse", "HEAD"), tree=git(audit.clone, "rev-parse", "HEAD^{tree}")
    )
    assert "E-KND-002" in audit.check().output


def test_what_does_not_belong_together_is_refused(audit: Audit) -> None:
    other = "sha256:" + "0" * 64
    done = audit.run(other, "--statement", audit.statement, "--repository", audit.clone)
    assert "E-RPR-001" in str(done.exception)
    audit.state(tar_sha256="0" * 64)
    assert "E-RPR-001" in str(audit.check().exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sha256:" + "0" * 64], "--statement"),
        (["nothing"], "neither a digest"),
    ],
)
def test_wrong_usage(audit: Audit, arguments: list[str], said: str) -> None:
    done = audit.run(*arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_a_folder_that_is_no_repository(audit: Audit, tmp_path_factory: pytest.TempPathFactory) -> None:
    done = audit.run(audit.blob, "--repository", tmp_path_factory.mktemp("plain"))
    assert (done.exit_code, "is not in a git repository" in done.output) == (2, True)
    shutil.rmtree(audit.clone / ".git" / "refs")
    assert audit.check().exit_code == 2
