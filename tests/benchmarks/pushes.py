"""A repository that is served over HTTP, and what a worker makes of a push to it: commit → signed bundle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nacl.signing import SigningKey

from reconciler.bundle.build import BuiltBundle
from reconciler.bundle.statement import Statement, sign_statement
from reconciler.compile.compiler import COMPILER
from reconciler.config.rules.step import Former
from reconciler.embedded.gitserver import create_repository
from reconciler.flows.compile_cache import CompileCache
from reconciler.flows.compiling import Ahead, build_confined, read_project
from reconciler.git.mirror import Mirror
from reconciler.git.writing import Identity, commit_edit
from tests.benchmarks.servers import gunicorn

ADA = Identity("Ada", "ada@example.com")
KEY = SigningKey(bytes(range(32)))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAIN = "refs/heads/main"
MOST_CACHED = 256 * 1024 * 1024


@dataclass(frozen=True)
class Served:
    """A repository at `url`; `folder` is for mirrors of it."""

    url: str
    folder: Path
    source: Mirror

    def push(self, files: dict[str, bytes], before: str | None = None) -> str:
        """A commit with these files changed, as the head of trunk."""
        sha = commit_edit(
            self.source, before, files, message="Change files", author=ADA, committer=ADA, when=NOW, key=None
        )
        if before is None:
            self.source.repository.references.create(MAIN, sha)
        else:
            self.source.repository.references.get(MAIN).set_target(sha)
        return sha

    def mirror(self, name: str) -> Mirror:
        """A mirror that holds nothing yet."""
        return Mirror.open(self.folder / f"{name}.git", self.url, None)


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """A repository without a commit, served as the control plane's own demonstration does it."""
    path = folder / "served" / "bench.git"
    create_repository(path)
    environ = {"SENTINEL_REPOSITORIES": str(path.parent)}
    flags = ("-k", "gthread", "--threads", "4")
    application = "reconciler.embedded.gitserver:create_app()"
    with gunicorn(application, *flags, environ=environ, folder=folder / "git") as port:
        source = Mirror.open(path, "http://127.0.0.1:9/bench.git", None)
        yield Served(f"http://127.0.0.1:{port}/bench.git", folder, source)


def handle(mirror: Mirror, url: str, sha: str, former: str | None = None) -> tuple[float, BuiltBundle]:
    """Seconds from the fetch to the signed statement, and the bundle. `former` is the last valid commit.

    The compile cache lies beside the mirror; it is written when the bundle is signed, as the flow does it.
    """
    beside = Path(mirror.repository.path).with_suffix(".cache")
    seen: dict[str, bytes] = {}
    children: list[Ahead] = []
    cache = CompileCache(beside, "acme", "bench", MOST_CACHED)

    def go_ahead() -> None:
        if former is not None:
            before, _ = read_project(mirror, former, "", seen=seen)
            children.append(Ahead(before, cache, NOW))

    began = time.perf_counter()
    mirror.fetch(go_ahead)
    files, _ = read_project(mirror, sha, "", others=True, seen=seen)
    held_to = None
    if former is not None:
        held_to = Former(
            f"the last valid commit {former[:12]}", read_project(mirror, former, "", seen=seen)[0]
        )
    _, bundle, findings = build_confined(
        files, now=NOW, former=held_to, cache=cache, ahead=next(iter(children), None)
    )
    if bundle is None:
        raise SystemExit("\n".join(str(finding) for finding in findings[:5]))
    commit = mirror.commit(sha)
    statement = Statement(
        organization="acme",
        project="bench",
        tar_sha256=bundle.digest.removeprefix("sha256:"),
        tar_length=len(bundle.tar),
        blob_sha256=bundle.blob_sha256,
        blob_length=len(bundle.blob),
        repository=url,
        path="",
        commit=sha,
        tree=commit.tree,
        author=f"{commit.author_name} <{commit.author_email}>",
        compiler=COMPILER,
    )
    sign_statement(statement, KEY)
    seconds = time.perf_counter() - began
    cache.write()
    return seconds, bundle
