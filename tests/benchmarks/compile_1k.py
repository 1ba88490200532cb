"""`compile-1k`: commit → signed bundle for 1,000 services, against the bare steps that no design can leave out."""

from __future__ import annotations

import hashlib
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import ckdl
import zstandard
from nacl.signing import SigningKey

from reconciler.bundle.archive import LEVEL
from reconciler.bundle.build import BuiltBundle, build_bundle
from reconciler.bundle.statement import Statement, sign_statement
from reconciler.compile.compiler import COMPILER
from reconciler.config.source import SourceFile
from reconciler.embedded.gitserver import create_repository
from reconciler.flows.compiling import compile_confined
from reconciler.git.mirror import Mirror
from reconciler.git.reading import read_tree
from reconciler.git.writing import Identity, commit_edit
from tests.benchmarks.corpus import corpus
from tests.benchmarks.result import Result
from tests.benchmarks.servers import gunicorn

SERVICES = 1000
ROUNDS = 3
ADA = Identity("Ada", "ada@example.com")
KEY = SigningKey(bytes(range(32)))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run() -> Result:
    """Measure both on fresh mirrors of one repository; the best of three rounds counts on each side."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "served" / "bench.git"
        create_repository(path)
        source = Mirror.open(path, "http://127.0.0.1:9/bench.git", None)
        sha = commit_edit(
            source, None, corpus(SERVICES), message="Make the corpus", author=ADA, committer=ADA,
            when=datetime(2026, 1, 1, tzinfo=UTC), key=None,
        )  # fmt: skip
        source.repository.references.create("refs/heads/main", sha)
        environ = {"SENTINEL_REPOSITORIES": str(path.parent)}
        flags = ("-k", "gthread", "--threads", "4")
        ours: list[float] = []
        reference: list[float] = []
        application = "reconciler.embedded.gitserver:create_app()"
        with gunicorn(application, *flags, environ=environ, folder=folder / "git") as port:
            url = f"http://127.0.0.1:{port}/bench.git"
            for number in range(ROUNDS):
                seconds, bundle = _ours(folder / f"ours-{number}.git", url, sha)
                ours.append(seconds)
                reference.append(_reference(folder / f"bare-{number}.git", url, sha, bundle.tar))
    return Result("compile-1k", min(ours), min(reference), "s", 4.0, "lower")


def _ours(folder: Path, url: str, sha: str) -> tuple[float, BuiltBundle]:
    began = time.perf_counter()
    mirror = Mirror.open(folder, url, None)
    mirror.fetch()
    read = read_tree(mirror, sha, select=lambda path: path.endswith(".kdl"))
    compilation, findings = compile_confined(
        [SourceFile(path, content) for path, _, content in read.files], now=NOW
    )
    if compilation is None:
        raise SystemExit("\n".join(str(finding) for finding in findings[:5]))
    bundle = build_bundle(compilation)
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
    return time.perf_counter() - began, bundle


def _reference(folder: Path, url: str, sha: str, tar: bytes) -> float:
    began = time.perf_counter()
    mirror = Mirror.open(folder, url, None)
    mirror.fetch()
    for _, _, content in read_tree(mirror, sha, select=lambda path: path.endswith(".kdl")).files:
        ckdl.parse(content.decode(), version=2)
    blob = zstandard.ZstdCompressor(level=LEVEL).compress(tar)
    KEY.sign(hashlib.sha256(tar).digest() + hashlib.sha256(blob).digest())
    return time.perf_counter() - began
