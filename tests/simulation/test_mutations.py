"""Every deliberate bug is caught by an invariant; one that does not apply any more fails here."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.simulation.mutations import CAUGHT, MUTATIONS, mutated


def test_there_are_at_least_ten_and_each_applies() -> None:
    assert len(MUTATIONS) >= 10
    for name, mutation in MUTATIONS.items():
        found = find_spec(mutation.module)
        assert found is not None, name
        assert found.origin is not None, name
        assert mutated(Path(found.origin).read_text(), mutation), name


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MUTATIONS)
def test_the_bug_is_caught(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.mutations", name],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == CAUGHT, done.stdout + done.stderr
    assert "invariant" in done.stdout
