"""`compile-1k`: commit → signed bundle for 1,000 services, against the bare steps that no design can leave out.

The reference fetches with libgit2 as it comes. What we do about its delayed packets counts as ours (`git.sockets`).
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from pathlib import Path

import ckdl
import zstandard

from reconciler.bundle.archive import LEVEL
from reconciler.git.mirror import Mirror
from reconciler.git.reading import read_tree
from tests.benchmarks.corpus import corpus
from tests.benchmarks.pushes import KEY, handle, served
from tests.benchmarks.result import Result

SERVICES = 1000
ROUNDS = 7


def run() -> Result:
    """Measure both in turns on fresh mirrors of one repository; the best of the rounds counts on each side."""
    ours: list[float] = []
    reference: list[float] = []
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as repository:
        sha = repository.push(corpus(SERVICES))
        for number in range(ROUNDS):
            seconds, bundle = handle(repository.mirror(f"ours-{number}"), repository.url, sha)
            ours.append(seconds)
            reference.append(_reference(repository.mirror(f"bare-{number}"), sha, bundle.tar))
    return Result("compile-1k", min(ours), min(reference), "s", 4.0, "lower")


def _reference(mirror: Mirror, sha: str, tar: bytes) -> float:
    began = time.perf_counter()
    mirror.repository.remotes.create_anonymous(mirror.url).fetch(["+refs/heads/*:refs/heads/*"])
    for _, _, content in read_tree(mirror, sha, select=lambda path: path.endswith(".kdl")).files:
        ckdl.parse(content.decode(), version=2)
    blob = zstandard.ZstdCompressor(level=LEVEL).compress(tar)
    KEY.sign(hashlib.sha256(tar).digest() + hashlib.sha256(blob).digest())
    return time.perf_counter() - began
