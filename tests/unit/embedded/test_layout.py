"""An embedded system keeps the ports it was given first."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from reconciler.embedded.layout import HOST, open_layout
from reconciler.embedded.watching import Watch
from reconciler.errors import Stalled


def test_ports_are_remembered(tmp_path: Path) -> None:
    first = open_layout(tmp_path / "home", free_ports=True)
    assert open_layout(tmp_path / "home", free_ports=True) == first
    assert open_layout(tmp_path / "other", free_ports=True).ports != first.ports


def test_a_remembered_port_that_is_taken_is_named(tmp_path: Path) -> None:
    layout = open_layout(tmp_path, free_ports=True)
    with socket.socket() as other:
        other.bind((HOST, layout.ports.nodes))
        other.listen()
        with pytest.raises(Stalled, match=rf"port {layout.ports.nodes} \(nodes\).*in use"):
            open_layout(tmp_path, free_ports=True)


def test_the_home_folder_is_private(tmp_path: Path) -> None:
    layout = open_layout(tmp_path / "home", free_ports=True)
    assert layout.home.stat().st_mode & 0o077 == 0


def test_settings_of_real_servers_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = open_layout(tmp_path, free_ports=True)
    assert layout.environ()["REDIS_URL"] == f"redis://127.0.0.1:{layout.ports.queue}/0"
    monkeypatch.setenv("REDIS_URL", "redis://queue.example:6379/1")
    assert layout.environ()["REDIS_URL"] == "redis://queue.example:6379/1"


def test_a_watch_tells_each_change_once(tmp_path: Path) -> None:
    watch = Watch([tmp_path])
    assert not watch.changed()
    (tmp_path / "module.py").write_text("x = 1\n")
    assert watch.changed()
    assert not watch.changed()
    (tmp_path / "notes.txt").write_text("not code\n")
    assert not watch.changed()
    (tmp_path / "module.py").unlink()
    assert watch.changed()
