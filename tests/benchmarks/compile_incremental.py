"""`compile-incremental`: a push that changes one service of 1,000, against the first push of all of them.

The mirror holds the former commit, which the new one is held to as trunk's is.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.compile_1k import SERVICES
from tests.benchmarks.corpus import corpus
from tests.benchmarks.pushes import handle, served
from tests.benchmarks.result import Result

ROUNDS = 5
CHANGED = "services/team-0042.kdl"


def run() -> Result:
    """Measure both in turns; the best of the rounds counts on each side."""
    ours: list[float] = []
    reference: list[float] = []
    files = corpus(SERVICES)
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as repository:
        before = repository.push(files)
        for number in range(ROUNDS):
            mirror = repository.mirror(f"mirror-{number}")
            reference.append(handle(mirror, repository.url, before)[0])
            changed = files[CHANGED].replace(b'response "15s"', b'response "%ds"' % (20 + number), 1)
            sha = repository.push({CHANGED: changed}, before)
            ours.append(handle(mirror, repository.url, sha, before)[0])
            before = sha
    return Result("compile-incremental", min(ours), min(reference), "s", 0.25, "lower")
