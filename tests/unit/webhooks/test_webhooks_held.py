"""Secrets that are held in memory are never older than their file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.errors import Stalled
from webhooks import held
from webhooks.held import HeldSecrets


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"first\n")
    path.chmod(0o600)
    return path


def test_a_file_is_read_once_until_it_changes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    load = held.load_secret

    def counted(uri: str, **more: object) -> bytes:
        reads.append(uri)
        return load(uri, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(held, "load_secret", counted)
    monkeypatch.setattr(held, "SETTLED", 0)
    secrets = HeldSecrets({})
    assert [secrets.load("file:secret", file.parent) for _ in range(3)] == [b"first"] * 3
    assert len(reads) == 1
    file.write_bytes(b"other\n")
    os.utime(file, ns=(0, 0))
    assert secrets.load("file:secret", file.parent) == b"other"
    replacement = file.with_suffix(".next")
    replacement.write_bytes(b"third\n")
    replacement.chmod(0o600)
    replacement.replace(file)
    assert secrets.load("file:secret", file.parent) == b"third"
    assert len(reads) == 3


def test_a_file_that_changed_just_now_is_not_held(file: Path) -> None:
    secrets = HeldSecrets({})
    secrets.load("file:secret", file.parent)
    assert not secrets._held


def test_a_file_that_others_may_read_now_or_that_is_gone_is_used_no_longer(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "SETTLED", 0)
    secrets = HeldSecrets({})
    assert secrets.load("file:secret", file.parent) == b"first"
    file.chmod(0o644)
    with pytest.raises(Stalled) as loose:
        secrets.load("file:secret", file.parent)
    assert loose.value.code == "E-KEY-003"
    file.unlink()
    with pytest.raises(Stalled) as gone:
        secrets.load("file:secret", file.parent)
    assert gone.value.code == "E-KEY-002"


def test_a_variable_is_looked_up_each_time() -> None:
    environ = {"NEXT": "first"}
    secrets = HeldSecrets(environ)
    assert secrets.load("env:NEXT", Path("/")) == b"first"
    environ["NEXT"] = "second"
    assert secrets.load("env:NEXT", Path("/")) == b"second"
    with pytest.raises(Stalled):
        secrets.load("", Path("/"))
