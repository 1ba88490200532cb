"""The entry point: every ending of a command is a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from reconciler.cli import main as entry
from reconciler.errors import Stalled


def ending(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], act: Callable[[], None]
) -> str:
    """What `sentinelctl broken` prints when the command does `act`; it has to exit with 1."""

    @click.command()
    def command() -> None:
        act()

    monkeypatch.setattr(entry.Table, "get_command", lambda self, context, name: command)
    monkeypatch.setitem(entry.VERBS, "broken", entry.Verb("nowhere", "Break."))
    monkeypatch.setattr("sys.argv", ["sentinelctl", "broken"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 1
    return capsys.readouterr().err


def test_an_error_of_ours_is_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def act() -> None:
        raise Stalled("E-XXX-001", "it stands still", cure="Push it")

    assert ending(monkeypatch, capsys, act) == "sentinelctl: E-XXX-001 it stands still. Push it\n"


def test_a_surprise_is_a_sentence_and_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def act() -> None:
        Path("/nowhere/at/all").read_bytes()

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    words = ending(monkeypatch, capsys, act)
    assert "Traceback" not in words
    assert "E-CLI-001 the command ended unexpectedly (No such file or directory: /nowhere/at/all)" in words
    named = re.search(r"Report it with (\S+),", words)
    assert named is not None
    kept = Path(named[1])
    assert kept.parent == tmp_path
    assert kept.stat().st_mode & 0o077 == 0
    assert "FileNotFoundError" in kept.read_text()


def test_an_unknown_command_is_told_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["sentinelctl", "promte"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 2
    assert "Did you mean 'promote'?" in capsys.readouterr().err
