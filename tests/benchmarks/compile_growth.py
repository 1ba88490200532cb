"""`compile-growth`: commit → signed bundle for 10,000 services, against ten times that for 1,000."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.corpus import corpus
from tests.benchmarks.pushes import handle, served
from tests.benchmarks.result import Result

FEW = 1000
TIMES = 10
ROUNDS = 3


def run() -> Result:
    """Measure both in turns on fresh mirrors; the best of the rounds counts on each side."""
    few: list[float] = []
    many: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with served(folder / "few") as small, served(folder / "many") as large:
            small_sha, large_sha = small.push(corpus(FEW)), large.push(corpus(FEW * TIMES))
            for number in range(ROUNDS):
                for _ in range(2):
                    few.append(handle(small.mirror(f"few-{number}-{len(few)}"), small.url, small_sha)[0])
                many.append(handle(large.mirror(f"many-{number}"), large.url, large_sha)[0])
    return Result("compile-growth", min(many), TIMES * min(few), "s", 1.2, "lower")
