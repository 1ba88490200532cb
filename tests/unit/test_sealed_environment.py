"""What `tests/conftest.py` promises: nothing of this machine reaches a test, and no server outlives the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

STARTER = """
import sys, time
from tests.servers.postgres import Postgres
from tests.servers.valkey import Valkey
valkey, postgres = Valkey(), Postgres()
print(valkey.process.pid, postgres.process.pid, valkey.port, postgres.port, flush=True)
time.sleep(60)
"""


def test_git_sees_no_users_configuration() -> None:
    settings = subprocess.run(
        ["git", "config", "--list", "--show-origin"], cwd="/", capture_output=True, text=True, check=True
    )
    assert settings.stdout == ""
    assert not any((Path.home() / name).exists() for name in (".gitconfig", ".ssh", ".netrc"))


def test_times_are_utc_and_there_is_no_proxy() -> None:
    assert time.timezone == 0
    assert not [name for name in os.environ if name.lower().endswith("_proxy")]
    assert "DATABASE_URL" not in os.environ


@pytest.mark.parametrize("address", ["192.0.2.1", "example.com"])
def test_sockets_reach_loopback_only(address: str) -> None:
    with socket.socket() as outside, pytest.raises(AssertionError, match=address):
        outside.connect((address, 80))


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent died"
)
def test_servers_die_with_the_tests_however_those_die() -> None:
    tests = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True)
    assert tests.stdout is not None
    with tests.stdout:
        *processes, valkey, postgres = (int(word) for word in tests.stdout.readline().split())
    tests.send_signal(signal.SIGKILL)
    tests.wait()
    deadline = time.monotonic() + 20
    while any(answers(port) for port in (valkey, postgres)) or any(lives(process) for process in processes):
        assert time.monotonic() < deadline, "a server outlived the tests"
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
