"""`compile-1k`: commit → signed bundle for 1,000 services, against the bare steps that no design can leave out."""

from __future__ import annotations

from tests.benchmarks.result import Result


def run() -> Result:
    raise SystemExit("not written yet")
