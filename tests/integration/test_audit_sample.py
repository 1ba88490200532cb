"""The sample in docs/audit.md is what the engine writes today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.audit_sample import PAGE, sample, story
from tests.integration.environment_world import make_world
from tests.servers.git_http import GitServer, git_server

__all__ = ["git_server"]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_the_log_of_a_branch_alone_tells_what_happened_when_who_and_why(
    database: Any, git_server: GitServer, tmp_path: Path
) -> None:
    told = story(make_world(database, git_server, tmp_path))
    assert sample(PAGE.read_text()) == told, "run python -m tests.integration.audit_sample"
    for words in (
        "Ada <ada@example.com>",
        "Approved-by: carol@example.com",
        "Roll back r-0002 in production",
        "Because: batch 1 of 2: ",
        "Event: release.proposed",
    ):
        assert words in told
