"""A real git server over HTTP for tests: the embedded one under gunicorn, with passwords and redirects added."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.embedded.gitserver import create_app, create_repository


def guarded_app():
    """The embedded server; a path below `/private/` wants `ada:s3cret`, one below `/moved/` leads to another host."""
    inner = create_app()
    expected = "Basic " + base64.b64encode(b"ada:s3cret").decode()

    def answer(environ, start_response):
        path = environ["PATH_INFO"]
        if path.startswith("/moved/"):
            query = environ.get("QUERY_STRING", "")
            host = f"http://localhost:{environ['SERVER_PORT']}"
            there = host + path.removeprefix("/moved") + (f"?{query}" if query else "")
            start_response("301 Moved Permanently", [("Location", there), ("Content-Length", "0")])
            return []
        if path.startswith("/broken/"):
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return []
        if path.startswith("/private/"):
            if environ.get("HTTP_AUTHORIZATION") != expected:
                with (Path(os.environ["SENTINEL_REPOSITORIES"]) / "refused").open("a") as file:
                    file.write("x")
                start_response(
                    "401 Unauthorized", [("WWW-Authenticate", 'Basic realm="git"'), ("Content-Length", "0")]
                )
                return []
            environ["PATH_INFO"] = path.removeprefix("/private")
        return inner(environ, start_response)

    return answer


class GitServer:
    """A running server; `folder` holds its bare repositories."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def repository(self, name: str, **options: object) -> tuple[Path, str]:
        """Make the bare repository `name` and return its folder and its URL."""
        path = self.folder / f"{name}.git"
        url = f"{self.url}/{name}.git"
        create_repository(path, clone_url=url, **options)  # type: ignore[arg-type]
        return path, url

    def hook(self, name: str, kind: str, script: str) -> None:
        """Install a server-side hook."""
        path = self.folder / f"{name}.git" / "hooks" / kind
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[GitServer]:
    """Serve `folder` from a gunicorn of its own on a free port."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            [
                sys.executable, "-m", "gunicorn", "tests.servers.git_http:guarded_app()",
                "--bind", f"fd://{listener.fileno()}", "-k", "gthread", "--threads", "8",
                "--no-control-socket", "--log-level", "warning",
            ],
            env=os.environ | {"SENTINEL_REPOSITORIES": str(folder)},
            cwd=Path(__file__).resolve().parents[2],
            pass_fds=[listener.fileno()],
            preexec_fn=_die_with_parent,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/health", timeout=5).close()
                break
            time.sleep(0.05)
        yield GitServer(folder, url)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """One git server for the tests of a module."""
    with serving(tmp_path_factory.mktemp("git-server")) as server:
        yield server
