"""The log in a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.store.filesystem import FileStore
from tests.unit.store.log_contract import LogContract


@pytest.fixture
def again(tmp_path: Path) -> Callable[[], FileStore]:
    return lambda: FileStore(tmp_path / "objects")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """That content is synced is tested elsewhere; here hundreds of entries are written."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def store(again: Callable[[], FileStore]) -> FileStore:
    return again()


class TestLogInFiles(LogContract):
    pass
