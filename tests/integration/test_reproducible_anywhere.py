"""A bundle is a function of a tree and the compiler: clones, folders, processes and histories do not reach it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import hashlib, json, os, random, sys
os.umask(int(os.environ["UMASK"], 8))
sys.path.insert(0, sys.argv[1])
from datetime import datetime
from pathlib import Path
import pygit2
from reconciler.bundle import archive
from reconciler.bundle.build import build_bundle
from reconciler.config.source import SourceFile, is_read
from reconciler.flows.compiling import compile_confined
from reconciler.git.mirror import Mirror
from reconciler.git.reading import read_tree
folder, sha, path, order = sys.argv[2:]
mirror = Mirror(pygit2.Repository(folder), "http://127.0.0.1:9/none.git", None, Path("lock"))
read = read_tree(mirror, sha, path, select=is_read)
assert not read.problems, read.problems
files = [SourceFile(p[len(path) + 1 :] if path else p, content) for p, _, content in read.files]
random.Random(order).shuffle(files)
compilation, findings = compile_confined(files, now=datetime.fromisoformat(os.environ["NOW"]))
assert compilation is not None, findings
built = build_bundle(compilation)
bill = archive.unpack(built.blob)["sbom.cdx.json"]
print(json.dumps([built.digest, built.blob_sha256, hashlib.sha256(bill).hexdigest()]))
"""


def git(folder: Path, *arguments: str, when: str = "2026-01-01T00:00:00Z", who: str = "Ada") -> str:
    identity = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", who), ("EMAIL", f"{who}@example.com"), ("DATE", when))
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path, message: str, **how: str) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", message, **how)
    return git(folder, "rev-parse", "HEAD")


def built(
    repository: Path,
    sha: str,
    *,
    path: str = "",
    cwd: Path = ROOT,
    order: str = "1",
    umask: str = "022",
    now: str = "2026-01-01T00:00:00Z",
    **environ: str,
) -> list[str]:
    """Digest of the tar, of the blob and of the bill of materials, as a process of its own makes them."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT), str(repository), sha, path, order],
        env={**os.environ, "UMASK": umask, "NOW": now, **environ}, cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the template's files, whose trunk is one commit."""
    folder = tmp_path_factory.mktemp("origin") / "config"
    shutil.copytree(ROOT / "repo-template", folder)
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "Begin")
    return folder


@pytest.fixture(scope="module")
def first(origin: Path) -> list[str]:
    return built(origin, git(origin, "rev-parse", "main"), PYTHONHASHSEED="0", TZ="UTC", LC_ALL="C")


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"PYTHONHASHSEED": "4242", "order": "2"}, id="a hash seed and an order of files"),
        pytest.param(
            {"TZ": "Asia/Tokyo", "LANG": "tr_TR.UTF-8", "LC_ALL": "C.UTF-8", "now": "2049-01-01T00:00:00Z"},
            id="a zone, a locale and a clock",
        ),
        pytest.param(
            {"umask": "077", "PYTHONOPTIMIZE": "1", "COLUMNS": "20", "HOME": "/nonexistent"},
            id="a umask and an environment",
        ),
    ],
)
def test_a_process_does_not_reach_it(origin: Path, first: list[str], how: dict[str, str]) -> None:
    assert built(origin, git(origin, "rev-parse", "main"), **how) == first


def test_two_clones_and_two_folders(origin: Path, first: list[str], tmp_path: Path) -> None:
    sha = git(origin, "rev-parse", "main")
    git(tmp_path, "clone", "-q", "--no-hardlinks", str(origin), "a clone with a long name")
    git(tmp_path, "clone", "-q", "--bare", "--depth", "1", f"file://{origin}", "bare.git")
    assert built(tmp_path / "a clone with a long name", sha, cwd=tmp_path) == first
    assert built(tmp_path / "bare.git", sha, cwd=Path("/")) == first


def test_a_folder_of_a_repository(origin: Path, first: list[str], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "repo-template", tmp_path / "teams" / "shop")
    git(tmp_path, "init", "-q")
    assert built(tmp_path, commit(tmp_path, "Begin", who="Bob"), path="teams/shop") == first


def test_a_history_does_not_reach_it(origin: Path, tmp_path: Path) -> None:
    """Two branches merged in either order, by other people at other times: one tree, and one bundle."""
    results = []
    for name, branches, when in (
        ("one", ("left", "right"), "2026-02-01T00:00:00Z"),
        ("two", ("right", "left"), ""),
    ):
        folder = tmp_path / name
        git(tmp_path, "clone", "-q", str(origin), name)
        for branch in ("left", "right"):
            git(folder, "switch", "-q", "-c", branch, "origin/main")
            upstream = f'upstream "{branch}" {{\n    target "{branch}.internal:80"\n}}\n'
            (folder / "services" / f"{branch}.kdl").write_text(upstream)
            commit(folder, f"Add {branch}", when=when or "2027-01-01T00:00:00Z", who=name)
        git(folder, "switch", "-q", "main")
        for branch in branches:
            git(folder, "merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch, who=name)
        results.append((git(folder, "rev-parse", "HEAD"), built(folder, git(folder, "rev-parse", "HEAD"))))
    (one, first_result), (two, second_result) = results
    assert one != two
    assert first_result == second_result


def test_what_is_compared_does_change_with_the_content(
    origin: Path, first: list[str], tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", str(origin), "other")
    upstreams = tmp_path / "other" / "upstreams.kdl"
    upstreams.write_text(upstreams.read_text() + 'upstream "more" {\n    target "more.internal:80"\n}\n')
    other = built(tmp_path / "other", commit(tmp_path / "other", "Add more"))
    assert all(one != another for one, another in zip(first, other, strict=True))
