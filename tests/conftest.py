"""What every test gets: a sealed environment, and real servers when it asks for them."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.process import free_port as find_free_port

SEALED = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
}

OURS = ("SENTINEL_", "S3_", "GIT_AUTHOR_", "GIT_COMMITTER_", "PG")
"""Prefixes of variables that would lead a test to somebody's real servers or name."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NO_BROWSER = "no Chromium: apt-get install chromium"


def pytest_configure(config: pytest.Config) -> None:
    try:
        import hypothesis
    except ModuleNotFoundError:
        return
    # The same examples each time: a test that fails for one person fails for all. Search wider with
    # --hypothesis-profile=search.
    hypothesis.settings.register_profile("suite", deadline=None, database=None, derandomize=True)
    hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
    hypothesis.settings.load_profile(config.getoption("--hypothesis-profile", None) or "suite")


@pytest.fixture(scope="session", autouse=True)
def sealed_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No user's git configuration, no home, no proxies, no settings of ours, UTC, and sockets to loopback only."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if (
                name.startswith(OURS)
                or name.lower().endswith("_proxy")
                or name in {"DATABASE_URL", "REDIS_URL"}
            ):
                patch.delenv(name)
        for name, value in SEALED.items():
            patch.setenv(name, value)
        home = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home))
        time.tzset()
        seal_pygit2(home)
        seal_sockets(patch)
        yield
    time.tzset()


def seal_pygit2(home: Path) -> None:
    """libgit2 asked for the home folder when it was loaded, so it is told again."""
    import pygit2
    from pygit2.enums import ConfigLevel

    for level in (ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
        pygit2.settings.search_path[level] = str(home)


def seal_sockets(patch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this machine."""
    for name in ("connect", "connect_ex"):
        original = getattr(socket.socket, name)

        def guarded(self: socket.socket, address: Any, original: Any = original) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not is_loopback(address[0]):
                raise AssertionError(f"a test tried to connect to {address[0]}:{address[1]}")
            return original(self, address)

        patch.setattr(socket.socket, name, guarded)


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture
def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    return find_free_port()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    from tests.servers.postgres import Postgres

    server = Postgres()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: Any) -> Iterator[str]:
    """URL of an empty PostgreSQL database of this test alone."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def valkey_process() -> Iterator[Any]:
    from tests.servers.valkey import Valkey

    server = Valkey()
    yield server
    server.stop()


@pytest.fixture
def valkey_server(valkey_process: Any) -> Iterator[Any]:
    """A Valkey that this test may kill and revive; running and empty at the start."""
    valkey_process.revive()
    valkey_process.flush()
    yield valkey_process
    valkey_process.revive()


@pytest.fixture
def valkey_url(valkey_server: Any) -> str:
    """URL of an empty Valkey."""
    url: str = valkey_server.url
    return url


@pytest.fixture(scope="session")
def s3_process() -> Iterator[Any]:
    from tests.servers.s3 import SeaweedFS

    server = SeaweedFS()
    yield server
    server.stop()


@pytest.fixture
def s3_server(s3_process: Any) -> Any:
    """An S3 server: `.endpoint`, `.access_key`, `.secret_key`, and `.bucket`, the name of a bucket not made yet."""
    return s3_process.bucket()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Models connected to a migrated, empty database, once on SQLite and once on PostgreSQL; gives the settings."""
    from reconciler.db import session
    from reconciler.db.migrate import migrate
    from reconciler.settings import read_settings

    home = {"SENTINEL_HOME": str(tmp_path / "home")}
    if request.param == "sqlite":
        from tests.servers.migrated import migrated

        settings = read_settings(home)
        migrated(settings)
        yield settings
        session.disconnect()
        return

    server = request.getfixturevalue("postgres_server")

    def fill(url: str) -> None:
        migrate(read_settings(home | {"DATABASE_URL": url}))
        session.disconnect()

    url = server.lend(fill)
    settings = read_settings(home | {"DATABASE_URL": url})
    session.connect(settings)
    yield settings
    session.disconnect()
    server.take_back(url)


def find_browser() -> str | None:
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Debian's Chromium. Tests that use it carry the mark `browser`."""
    path = find_browser()
    assert path is not None, NO_BROWSER
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_browser() is None and os.environ.get("REQUIRE_BROWSER") != "1":
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=NO_BROWSER))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    left_out = [
        report for report in terminalreporter.stats.get("skipped", []) if NO_BROWSER in str(report.longrepr)
    ]
    if left_out:
        terminalreporter.write_line(
            f"{len(left_out)} browser tests were left out, for there is no Chromium. "
            "Get it with: apt-get install chromium",
            yellow=True,
        )
