"""A git server for loopback: a folder of bare repositories over smart HTTP, by git's own `http-backend`.

Whoever reaches the port may read and push, so only the embedded system and tests run it, bound to loopback. It differs
from a forge by its URL alone: pushes deliver signed, GitHub-shaped webhooks (`posthook`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import pygit2

from reconciler.embedded import posthook
from reconciler.errors import Stalled

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST = re.compile(
    r"/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.git)/(?P<what>info/refs|git-upload-pack|git-receive-pack)"
)
SERVICES = frozenset({"service=git-upload-pack", "service=git-receive-pack"})
CHUNK = 64 * 1024
MAX_BODY = 512 * 1024 * 1024
MAX_HEADERS = 16 * 1024

HOOK = """#!/bin/sh
# Delivers a push webhook. A push never fails because of it. The git server says where its Python is now.
exec "${{SENTINEL_PYTHON:-{python}}}" -I -S "${{SENTINEL_POSTHOOK:-{module}}}"
"""


def create_app(root: Path | None = None) -> WSGIApplication:
    """The WSGI application that serves the bare repositories `<name>.git` directly in `root`.

    `root` None takes the folder from SENTINEL_REPOSITORIES, which is how gunicorn starts it. Raises `Stalled` E-GIT-301
    when this machine's git has no `http-backend`.
    """
    folder = (root or Path(os.environ["SENTINEL_REPOSITORIES"])).resolve()
    return _Server(folder, _backend()).answer


def create_repository(
    path: Path,
    *,
    webhook_url: str | None = None,
    secret_file: Path | None = None,
    clone_url: str = "",
    full_name: str | None = None,
    default_branch: str = "main",
) -> None:
    """Make a bare repository that accepts pushes from anyone who reaches the server.

    With `webhook_url` and `secret_file` each changed branch or tag is told to that URL, signed with the file's
    content. `clone_url` and `full_name` (default: `local/<name>`) are what the webhook says of the repository. Existing
    content stays.
    """
    repository = pygit2.init_repository(str(path), bare=True, initial_head=default_branch)
    config = repository.config
    config["http.receivepack"] = True
    config["receive.autogc"] = False
    config["sentinel.cloneurl"] = clone_url
    name = clone_url.rstrip("/").rpartition("/")[2] or path.name
    config["sentinel.fullname"] = full_name or f"local/{name.removesuffix('.git')}"
    if webhook_url is None or secret_file is None:
        return
    config["sentinel.webhookurl"] = webhook_url
    config["sentinel.secretfile"] = str(secret_file.absolute())
    hook = path / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK.format(python=sys.executable, module=Path(posthook.__file__).absolute()))
    hook.chmod(0o755)


def _backend() -> Path:
    try:
        folder = subprocess.run(
            ["git", "--exec-path"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        folder = ""
    backend = Path(folder) / "git-http-backend"
    if not folder or not backend.is_file():
        raise Stalled(
            "E-GIT-301",
            "this machine's git has no http-backend",
            cure="Install git, the whole package, 2.20 or newer",
        )
    return backend


class _Server:
    """Passes one request to `git http-backend`, a CGI program, and its answer back."""

    def __init__(self, root: Path, backend: Path) -> None:
        self._root = root
        self._backend = backend

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/health":
            return _plain(start_response, "200 OK", "ok")
        match = REQUEST.fullmatch(environ["PATH_INFO"])
        repository = self._root / match["name"] if match is not None else self._root
        # A link inside the folder could lead anywhere, so where it ends counts.
        if match is None or repository.resolve().parent != self._root or not (repository / "HEAD").is_file():
            return _plain(start_response, "404 Not Found", "there is no such repository here")
        wanted = "GET" if match["what"] == "info/refs" else "POST"
        if environ["REQUEST_METHOD"] != wanted:
            return _plain(start_response, "405 Method Not Allowed", f"use {wanted}")
        if wanted == "GET" and environ.get("QUERY_STRING") not in SERVICES:
            return _plain(start_response, "403 Forbidden", "only the smart protocol is spoken here")
        # http-backend gets the body as a file, so that it never waits for us while we wait for it.
        with TemporaryFile() as body:
            length = _spool(environ["wsgi.input"], body)
            if length is None:
                return _plain(start_response, "413 Content Too Large", f"at most {MAX_BODY >> 20} MiB")
            process = subprocess.Popen(
                [str(self._backend)], stdin=body, stdout=subprocess.PIPE, env=self._variables(environ, length)
            )
        return _relay(process, start_response)

    def _variables(self, environ: WSGIEnvironment, length: int) -> dict[str, str]:
        """What the CGI program gets: the request, and nothing of this process but PATH."""
        request = {
            name: environ[name]
            for name in ("REQUEST_METHOD", "QUERY_STRING", "PATH_INFO", "REMOTE_ADDR")
            if name in environ
        }
        return request | {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "GIT_PROJECT_ROOT": str(self._root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", ""),
            "HTTP_CONTENT_ENCODING": environ.get("HTTP_CONTENT_ENCODING", ""),
            "CONTENT_TYPE": environ.get("CONTENT_TYPE", ""),
            "CONTENT_LENGTH": str(length),
            "SENTINEL_PYTHON": sys.executable,
            "SENTINEL_POSTHOOK": str(Path(posthook.__file__).absolute()),
        }


def _spool(source: IO[bytes], body: IO[bytes]) -> int | None:
    """Copy a request body into a file, rewind that and return its bytes; None when it is larger than allowed."""
    size = 0
    while chunk := source.read(CHUNK):
        size += len(chunk)
        if size > MAX_BODY:
            return None
        body.write(chunk)
    body.flush()
    os.lseek(body.fileno(), 0, os.SEEK_SET)
    return size


def _relay(process: subprocess.Popen[bytes], start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the CGI program's headers at once and with its body as it comes."""
    output: IO[bytes] = process.stdout  # type: ignore[assignment]  # It was asked for.
    status, headers, size = "200 OK", [], 0
    while (line := output.readline(CHUNK)).strip():
        size += len(line)
        name, separator, value = line.decode("latin-1").partition(":")
        if not separator or size > MAX_HEADERS:
            break
        if name.lower() == "status":
            status = value.strip()
        else:
            headers.append((name, value.strip()))
    if not headers:
        process.kill()
        process.wait()
        output.close()
        return _plain(start_response, "502 Bad Gateway", "git http-backend gave no answer")
    start_response(status, headers)
    return _Stream(process, output)


class _Stream:
    """The body of an answer. Closing it, also when the client went away, ends the program."""

    def __init__(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        self._process = process
        self._output = output

    def __iter__(self) -> Iterator[bytes]:
        read: Callable[[int], bytes] = getattr(self._output, "read1", self._output.read)
        while chunk := read(CHUNK):
            yield chunk

    def close(self) -> None:
        """Called by the server when the answer is over."""
        self._output.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _plain(start_response: Callable[..., Any], status: str, text: str) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
    return [f"{text}\n".encode()]
